"""azure-communication-identity, synchronous and asynchronous, against the emulator."""

import base64
from datetime import datetime, timedelta, timezone

import pytest
import requests
from azure.communication.identity import CommunicationIdentityClient, CommunicationUserIdentifier
from azure.core.exceptions import HttpResponseError

SCOPE_SETS = [
    ["chat"],
    ["voip"],
    ["chat.join"],
    ["chat.join.limited"],
    ["voip.join"],
    ["voip", "chat"],
    ["chat", "chat.join", "chat.join.limited"],
    ["voip", "voip.join"],
    ["chat.join", "voip.join"],
]
FOREIGN_USER = CommunicationUserIdentifier(
    "8:acs:00000000-0000-0000-0000-000000000000_00000000-0000-0000-0000-000000000000"
)

each_scope_set = pytest.mark.parametrize("scopes", SCOPE_SETS, ids="+".join)
each_valid_life = pytest.mark.parametrize("hours", [1, 24])
each_invalid_life = pytest.mark.parametrize("minutes", [59, 1441])


JOIN_SCOPES_CAME = "2023-10-01"
LIVES_CAME = "2022-10-01"
DAY = timedelta(hours=24)


def knows(version, scopes):
    return version >= JOIN_SCOPES_CAME or not any(".join" in scope for scope in scopes)


def refusal(call, *args, **kwargs):
    """Status, code and message with which the service refuses a call."""
    with pytest.raises(HttpResponseError) as raised:
        call(*args, **kwargs)
    return raised.value.status_code, raised.value.error.code, raised.value.error.message


def assert_lives_for(token, life):
    # The SDK returns the text of ACS unchanged.
    left = datetime.fromisoformat(token.expires_on) - datetime.now(timezone.utc)
    assert abs(left - life) < life * 0.05


def test_a_user_is_created(client):
    user = client.create_user()
    assert user.properties["id"].startswith("8:acs:")
    assert user.properties["id"] != client.create_user().properties["id"]


@each_scope_set
def test_a_user_is_created_with_a_token(client, version, stack, scopes):
    if not knows(version, scopes):
        assert refusal(client.create_user_and_token, scopes)[:2] == (400, "ValidationError")
        return
    user, token = client.create_user_and_token(scopes)
    known = stack.introspect(token.token)
    assert known["active"]
    assert known["identity"] == user.properties["id"]
    assert set(known["scopes"]) == set(scopes)


@each_scope_set
def test_a_token_is_issued(client, version, stack, scopes):
    user = client.create_user()
    if not knows(version, scopes):
        assert refusal(client.get_token, user, scopes)[:2] == (400, "ValidationError")
        return
    known = stack.introspect(client.get_token(user, scopes).token)
    assert known["active"]
    assert known["identity"] == user.properties["id"]
    assert set(known["scopes"]) == set(scopes)


@each_valid_life
def test_a_first_token_lives_as_long_as_asked(client, version, hours):
    life = timedelta(hours=hours)
    _, token = client.create_user_and_token(["chat"], token_expires_in=life)
    assert_lives_for(token, life if version >= LIVES_CAME else DAY)


@each_valid_life
def test_a_token_lives_as_long_as_asked(client, version, hours):
    life = timedelta(hours=hours)
    token = client.get_token(client.create_user(), ["chat"], token_expires_in=life)
    assert_lives_for(token, life if version >= LIVES_CAME else DAY)


def test_a_token_lives_a_day_if_nothing_is_asked(client):
    assert_lives_for(client.get_token(client.create_user(), ["chat"]), DAY)


@each_invalid_life
def test_a_life_outside_of_an_hour_to_a_day_is_refused(client, version, minutes):
    life = timedelta(minutes=minutes)
    if version < LIVES_CAME:  # an older version ignores the unknown member
        assert_lives_for(client.get_token(client.create_user(), ["chat"], token_expires_in=life), DAY)
        return
    expected = (
        400,
        "ValidationError",
        f"ExpiresInMinutes value {minutes} is invalid. Value must be within the [60, 1440] interval.",
    )
    user = client.create_user()
    assert refusal(client.get_token, user, ["chat"], token_expires_in=life) == expected
    assert refusal(client.create_user_and_token, ["chat"], token_expires_in=life) == expected


def test_the_version_asked_for_is_the_one_chosen(client, version, stack):
    user = client.create_user()
    client.delete_user(user)
    calls = requests.get(f"{stack.acs['http']}/_emulator/requests", timeout=10).json()["requests"]
    mine = [call["apiVersion"] for call in calls if call.get("identity") == user.properties["id"]]
    assert mine and set(mine) == {version}


def test_a_token_for_no_scopes_is_refused(client):
    expected = (400, "ValidationError", "Invalid scopes - Scopes field is required.")
    assert refusal(client.get_token, client.create_user(), []) == expected


def test_a_revocation_ends_the_tokens_before_it_and_not_those_after(client, stack):
    user, before = client.create_user_and_token(["chat"])
    client.revoke_tokens(user)
    after = client.get_token(user, ["chat"])
    known = stack.introspect(before.token)
    assert (known["active"], known["reason"]) == (False, "revoked")
    assert stack.introspect(after.token)["active"]


def test_a_deletion_ends_the_identity_and_its_tokens(client, stack):
    user, token = client.create_user_and_token(["chat"])
    client.delete_user(user)
    known = stack.introspect(token.token)
    assert (known["active"], known["reason"]) == (False, "identity-deleted")


def test_a_user_of_another_resource_is_out_of_reach(client):
    expected = (401, "IdentityNotOwned", "Provided identity doesn't belong to the resource.")
    assert refusal(client.get_token, FOREIGN_USER, ["chat"]) == expected
    assert refusal(client.revoke_tokens, FOREIGN_USER) == expected
    assert refusal(client.delete_user, FOREIGN_USER) == expected


def test_another_key_opens_nothing(stack, connect):
    stranger = connect(stack.acs["http"], base64.b64encode(bytes(64)).decode())
    expected = (401, "Denied", "Denied by the resource provider.")
    assert refusal(stranger.create_user) == expected


def test_a_connection_string_opens_the_https_endpoint(stack):
    # The SDK always uses https, whatever the string says, so it needs the emulator's authority.
    secure = f"endpoint={stack.acs['https']}/;accesskey={stack.acs['accessKey']}"
    client = CommunicationIdentityClient.from_connection_string(
        secure, connection_verify=stack.acs["caCert"]
    )
    user, token = client.create_user_and_token(["voip"])
    assert stack.introspect(token.token)["identity"] == user.properties["id"]
