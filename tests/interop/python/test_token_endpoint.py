"""Our own token endpoint, as apps and Microsoft's samples use it."""

import json
from datetime import datetime, timezone

import pytest
from azure.communication.chat import CommunicationTokenCredential


def ios_sample(body):
    """Like the iOS calling sample: ignores the status, and takes `token` of the outermost
    object."""
    answer = json.loads(body)
    return answer.get("token") if isinstance(answer, dict) else None


def android_sample(status, body):
    """Like the Android calling sample: requires a 200, then takes `token`, which must be a
    string."""
    if status != 200:
        raise OSError(f"unexpected status {status}")
    token = json.loads(body)["token"]
    if not isinstance(token, str):
        raise TypeError("token is not a string")
    return token


def test_the_mobile_samples_find_their_token(stack):
    answer = stack.get_token(stack.bearer())
    token = ios_sample(answer.text)
    assert stack.introspect(token)["active"]
    assert android_sample(answer.status_code, answer.text) == token
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_caller_who_is_not_signed_in_gets_nothing_a_sample_takes_for_a_token(stack):
    answer = stack.get_token({})
    assert answer.status_code == 401
    assert ios_sample(answer.text) is None
    with pytest.raises(OSError):
        android_sample(answer.status_code, answer.text)


def test_the_sdk_reads_from_the_token_the_expiry_that_stands_beside_it(stack):
    answer = stack.get_token(stack.bearer()).json()
    decoded = CommunicationTokenCredential(answer["token"]).get_token()
    assert decoded.token == answer["token"]
    assert abs(decoded.expires_on - answer["expiresOnTimestamp"] / 1000) < 2


def test_the_expiry_is_a_moment_for_python(stack):
    answer = stack.get_token(stack.bearer()).json()
    expires_on = datetime.fromisoformat(answer["expiresOn"])
    assert expires_on.utcoffset().total_seconds() == 0
    assert abs(expires_on.timestamp() - answer["expiresOnTimestamp"] / 1000) < 0.001
    left = (expires_on - datetime.now(timezone.utc)).total_seconds()
    assert abs(left - answer["expiresIn"]) < 5
    assert datetime.now(timezone.utc) < datetime.fromisoformat(answer["refreshAfter"]) < expires_on


def test_a_user_keeps_the_identity_from_token_to_token(stack):
    bearer = stack.bearer()
    first, second = stack.get_token(bearer).json(), stack.get_token(bearer).json()
    assert first["user"] == second["user"]
    assert first["token"] != second["token"]
    assert stack.introspect(first["token"])["identity"] == first["user"]["communicationUserId"]
