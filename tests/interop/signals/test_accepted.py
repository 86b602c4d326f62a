"""Genuine messages of each kind have their effect."""

import pytest
from messages import (
    CAEP,
    OAUTH,
    RISC,
    apple,
    complex_subject,
    global_revocation,
    google,
    logout,
    security_event,
    verification,
)

# A message, the status of its answer, and what the user gets after a new sign-in.
CUT_OFFS = {
    "caep-session-revoked": (security_event(f"{CAEP}session-revoked"), 202, "same identity"),
    "caep-session-revoked-on-a-device": (
        security_event(f"{CAEP}session-revoked", subject=complex_subject),
        202,
        "same identity",
    ),
    "caep-credential-change": (
        security_event(f"{CAEP}credential-change", {"credential_type": "password", "change_type": "update"}),
        202,
        "same identity",
    ),
    "risc-account-disabled": (
        security_event(f"{RISC}account-disabled", {"reason": "hijacking"}),
        202,
        "nothing",
    ),
    "risc-account-purged": (security_event(f"{RISC}account-purged"), 202, "another identity"),
    "back-channel-logout": (logout, 200, "same identity"),
    "global-token-revocation": (global_revocation, 204, "same identity"),
    "apple-consent-revoked": (apple("consent-revoked"), 200, "same identity"),
    "apple-account-delete": (apple("account-delete"), 200, "another identity"),
    "google-sessions-revoked": (google(f"{RISC}sessions-revoked"), 202, "same identity"),
    "google-tokens-revoked": (google(f"{OAUTH}tokens-revoked"), 202, "same identity"),
    "google-account-disabled": (google(f"{RISC}account-disabled", {"reason": "hijacking"}), 202, "nothing"),
    "google-account-purged": (google(f"{RISC}account-purged"), 202, "another identity"),
    # Google documents that `exp` is not to be checked.
    "google-expired": (google(f"{RISC}sessions-revoked", exp=1), 202, "same identity"),
}


@pytest.fixture(scope="module")
def sent(service):
    """A user and the answer to a signal about them, by case. All are sent at once, and have been applied."""
    users = {case: service.new_user() for case in CUT_OFFS}
    service.advance()
    answers = {case: service.send(service.about(user, CUT_OFFS[case][0])) for case, user in users.items()}
    service.wait_until_refused(*users.values())
    service.advance()
    return {case: (user, answers[case]) for case, user in users.items()}


@pytest.mark.parametrize("case", CUT_OFFS)
def test_a_signal_cuts_its_user_off(service, sent, case):
    _, status, after = CUT_OFFS[case]
    user, answer = sent[case]
    assert (answer.status_code, answer.text) == (status, "")
    refused = service.request_token(user.bearer)
    anew = service.request_token(service.bearer(user.sub))
    if after == "nothing":
        problems = [answer.json()["type"] for answer in (refused, anew)]
        assert problems == ["/problems/user-blocked"] * 2
    else:
        assert refused.json()["type"] == "/problems/sign-in-required"
        assert anew.status_code == 200, anew.text
        is_same = anew.json()["user"]["communicationUserId"] == user.acs_id
        assert is_same is (after == "same identity")


def test_a_signal_about_a_user_leaves_others_alone(service):
    user, other = service.new_user(), service.new_user()
    service.advance()
    assert service.send(service.about(user, logout)).status_code == 200
    service.wait_until_refused(user)
    assert service.is_active(other)
    assert service.request_token(other.bearer).status_code == 200


# Messages that are valid and change nothing.
WITHOUT_EFFECT = {
    "verification": (verification, 202),
    "caep-credential-create": (security_event(f"{CAEP}credential-change", {"change_type": "create"}), 202),
    "caep-device-compliance-change": (
        security_event(f"{CAEP}device-compliance-change", {"current_status": "not-compliant"}),
        202,
    ),
    "unknown-event": (security_event("https://other.example/event-type/unknown"), 202),
    "apple-email-disabled": (apple("email-disabled"), 200),
    "google-verification": (google(f"{RISC}verification", {"state": "state-1"}), 202),
}


def test_a_valid_message_without_effect_is_accepted_and_changes_nothing(service):
    user = service.new_user()
    service.advance()
    for case, (build, status) in WITHOUT_EFFECT.items():
        answer = service.send(service.about(user, build))
        assert (case, answer.status_code, answer.text) == (case, status, "")
    assert service.queued_events() == []
    assert service.is_active(user)
    assert service.request_token(user.bearer).status_code == 200


def test_a_blocked_user_is_unblocked_by_the_same_transmitter(service):
    user = service.new_user()
    service.advance()
    disabled = service.about(user, security_event(f"{RISC}account-disabled"))
    assert service.send(disabled).status_code == 202
    service.wait_until_refused(user)
    service.advance()
    enabled = service.about(user, security_event(f"{RISC}account-enabled"))
    assert service.send(enabled).status_code == 202
    service.wait_until_granted(service.bearer(user.sub))
