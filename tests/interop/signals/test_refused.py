"""Messages that are not genuine, or not for us, change nothing. Each is a genuine one with one change,
signed with the key of the transmitter."""

from dataclasses import replace

import pytest
from messages import CAEP, RISC, apple, global_revocation, google, logout, security_event

OTHER = "https://other.example"
WITHOUT = object()  # in place of the value of a claim

# Per kind: a genuine message, the status of a refusal, and changes of its claims with their codes.
KINDS = {
    "ssf": (
        security_event(f"{CAEP}session-revoked"),
        400,
        {
            "wrong issuer": ({"iss": OTHER}, "invalid_issuer"),
            "wrong audience": ({"aud": OTHER}, "invalid_audience"),
            "no audience": ({"aud": WITHOUT}, "invalid_audience"),
            "no id": ({"jti": WITHOUT}, "invalid_request"),
            "no time": ({"iat": WITHOUT}, "invalid_request"),
            "from the future": ({"iat": lambda now: now + 3600}, "invalid_request"),
            "an access token": ({"sub": "alice"}, "invalid_request"),
            "with expiry": ({"exp": 4_000_000_000}, "invalid_request"),
            "no subject": ({"sub_id": WITHOUT}, "invalid_request"),
            "no events": ({"events": WITHOUT}, "invalid_request"),
        },
    ),
    "logout": (
        logout,
        400,
        {
            "wrong issuer": ({"iss": OTHER}, "invalid_request"),
            "wrong audience": ({"aud": OTHER}, "invalid_request"),
            "no id": ({"jti": WITHOUT}, "invalid_request"),
            "expired": ({"exp": 1}, "invalid_request"),
            "no expiry": ({"exp": WITHOUT}, "invalid_request"),
            "an ID token": ({"nonce": "n-1"}, "invalid_request"),
            "no event": ({"events": {}}, "invalid_request"),
            "no user": ({"sub": WITHOUT, "sid": WITHOUT}, "invalid_request"),
        },
    ),
    "org": (
        global_revocation,
        401,
        {
            "wrong issuer": ({"iss": OTHER}, "invalid_token"),
            "wrong audience": ({"aud": OTHER}, "invalid_token"),
            "no id": ({"jti": WITHOUT}, "invalid_token"),
            "expired": ({"exp": 1}, "invalid_token"),
            "no expiry": ({"exp": WITHOUT}, "invalid_token"),
        },
    ),
    "apple": (
        apple("consent-revoked"),
        400,
        {
            "wrong issuer": ({"iss": OTHER}, "invalid_request"),
            "wrong audience": ({"aud": OTHER}, "invalid_request"),
            "no id": ({"jti": WITHOUT}, "invalid_request"),
            "expired": ({"exp": 1}, "invalid_request"),
            "no event": ({"events": "{}"}, "invalid_request"),
        },
    ),
    "google": (
        google(f"{RISC}sessions-revoked"),
        400,
        {
            "wrong issuer": ({"iss": OTHER}, "invalid_issuer"),
            "issuer without the slash": ({"iss": lambda iss: iss.removesuffix("/")}, "invalid_issuer"),
            "wrong audience": ({"aud": OTHER}, "invalid_audience"),
            "no id": ({"jti": WITHOUT}, "invalid_request"),
            "no events": ({"events": WITHOUT}, "invalid_request"),
        },
    ),
}


def changed(message, change):
    """The message with other values of claims; a function makes one from the genuine value."""
    made = {name: value(message.claims[name]) for name, value in change.items() if callable(value)}
    claims = message.claims | change | made
    return replace(message, claims={name: value for name, value in claims.items() if value is not WITHOUT})


def code(answer):
    body = answer.json()
    return body.get("err", body.get("error"))


@pytest.mark.parametrize("kind", KINDS)
def test_a_message_with_one_wrong_claim_changes_nothing(service, kind):
    build, status, changes = KINDS[kind]
    user = service.new_user()
    service.advance()
    genuine = service.about(user, build)
    for case, (change, expected) in changes.items():
        answer = service.send(changed(genuine, change))
        assert (case, answer.status_code, code(answer)) == (case, status, expected)
    assert service.queued_events() == []
    assert service.is_active(user)
    assert service.request_token(user.bearer).status_code == 200
    # Without the change, it is accepted: so it was the change that was refused.
    assert service.send(genuine).ok
    service.wait_until_refused(user)


def test_a_genuine_message_without_the_credential_of_the_stream_is_refused(service):
    user = service.new_user()
    service.advance()
    for credential in ["", "Bearer other"]:
        answer = service.send(service.about(user, KINDS["ssf"][0]), credential)
        assert (answer.status_code, code(answer)) == (401, "authentication_failed")
    assert service.queued_events() == []
    assert service.is_active(user)


def test_only_a_configured_client_can_revoke_tokens(service):
    user = service.new_user()
    service.advance()
    stranger = changed(service.about(user, global_revocation), {"sub": "other-client"})
    answer = service.send(stranger)
    assert (answer.status_code, code(answer)) == (403, "access_denied")
    assert service.is_active(user)


def test_a_user_of_another_issuer_is_refused_or_ignored(service):
    user = service.new_user()
    service.advance()
    for build, status in [(KINDS["ssf"][0], 202), (KINDS["google"][0], 202), (global_revocation, 403)]:
        message = build(OTHER, user.sub, service.now())
        genuine = service.about(user, build)
        message = replace(message, claims=message.claims | {"iss": genuine.claims["iss"]})
        assert service.send(message).status_code == status
    assert service.queued_events() == []
    assert service.is_active(user)


@pytest.mark.parametrize("kind", ["ssf", "logout", "org"])
def test_a_token_of_another_kind_is_refused(service, kind):
    user = service.new_user()
    service.advance()
    build, status, _ = KINDS[kind]
    for typ in ["at+jwt", "entity-statement+jwt"]:
        answer = service.send(replace(service.about(user, build), typ=typ))
        assert answer.status_code == status, answer.text
    assert service.is_active(user)
