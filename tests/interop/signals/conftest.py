"""The stack under test, its users, and a sender that signs with PyJWT."""

import json
import os
import time
import uuid
from dataclasses import dataclass

import jwt
import pytest
import requests
from messages import Builder, Message

# The credential of the stream, which every request of the SSF transmitter carries.
STREAM_CREDENTIAL = f"Bearer {uuid.uuid4().hex}"


@dataclass(frozen=True)
class User:
    sub: str
    bearer: dict
    token: str
    acs_id: str


class Service:
    """The stack, and the identity provider of its users."""

    def __init__(self, stack: dict, provider: dict):
        self._stack = stack
        self.issuer = provider["issuer"]
        self._audience = provider["audience"]
        self._keys = provider["keys"]
        self._offset = 0

    def now(self) -> int:
        """The time of the stack, in seconds."""
        return int(time.time()) + self._offset

    def advance(self, seconds: int = 10) -> None:
        """Moves the clock of the stack: the claim `iat` has whole seconds, so that events of one second
        have no order."""
        self._offset += seconds
        url = f"{self._stack['console']}/_local/clock"
        requests.post(url, json={"advanceSeconds": seconds}, timeout=10).raise_for_status()

    def private_key(self, kid: str):
        return jwt.PyJWK(self._keys[kid]).key

    def bearer(self, sub: str) -> dict:
        """A new access token of a user, as a header."""
        issued = self.now()
        claims = {
            "iss": self.issuer,
            "aud": self._audience,
            "sub": sub,
            "scope": "guestpass.token",
            "iat": issued,
            "exp": issued + 3600,
        }
        token = jwt.encode(claims, self.private_key("users"), "RS256", {"kid": "users"})
        return {"Authorization": f"Bearer {token}"}

    def request_token(self, bearer: dict) -> requests.Response:
        return requests.post(f"{self._stack['gateway']}/v1/token", headers=bearer, timeout=30)

    def new_user(self) -> User:
        """A user who signed in and got a token of ACS."""
        sub = f"user-{uuid.uuid4()}"
        bearer = self.bearer(sub)
        answer = self.request_token(bearer)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        return User(sub, bearer, body["token"], body["user"]["communicationUserId"])

    def is_active(self, user: User) -> bool:
        """Whether ACS accepts the token of the user."""
        url = f"{self._stack['acs']['http']}/_emulator/introspect"
        answer = requests.post(url, json={"token": user.token}, timeout=10)
        return answer.json()["active"]

    def wait_until_refused(self, *users: User) -> None:
        """Waits until ACS refuses the tokens of these users, and no event is being applied: the clock must
        not move while one is."""
        deadline = time.monotonic() + 60
        while self.queued_events() or any(map(self.is_active, users)):
            assert time.monotonic() < deadline, "ACS still accepts a token after a minute"

    def wait_until_granted(self, bearer: dict) -> None:
        """Waits until a user who was blocked gets a token again."""
        deadline = time.monotonic() + 30
        while (answer := self.request_token(bearer)).status_code == 403:
            assert time.monotonic() < deadline, "the user is still blocked after 30 s"
        assert answer.status_code == 200, answer.text

    def queued_events(self) -> list:
        url = f"{self._stack['console']}/_local/queues/IdentityEvents/messages"
        return requests.get(url, timeout=10).json()["messages"]

    def sign(self, message: Message) -> str:
        headers = {"kid": "rsa", "typ": message.typ}
        return jwt.encode(message.claims, self.private_key("rsa"), "RS256", headers)

    def send(self, message: Message, credential: str = STREAM_CREDENTIAL) -> requests.Response:
        """Signs a message, and sends it like a transmitter of its kind."""
        token = self.sign(message)
        url = f"{self._stack['gateway']}/v1/signals/{message.transmitter}"
        match message.transmitter:
            case "logout":
                return requests.post(url, data={"logout_token": token}, timeout=30)
            case "apple":
                return requests.post(url, json={"payload": token}, timeout=30)
            case "org":
                bearer = {"Authorization": f"Bearer {token}"}
                return requests.post(url, json=message.body, headers=bearer, timeout=30)
        headers = {"Content-Type": "application/secevent+jwt", "Accept": "application/json"}
        if message.transmitter == "ssf":
            headers["Authorization"] = credential
        return requests.post(url, data=token, headers=headers, timeout=30)

    def about(self, user: User, build: Builder) -> Message:
        """A genuine message about a user, of this moment."""
        return build(self.issuer, user.sub, self.now())


def put_stream_credential(stack: dict) -> None:
    """Stores the credential of the stream where the receiver reads it."""
    arn = "arn:aws:secretsmanager:local:000000000000:secret:transmitters"
    secret = json.dumps({"ssf": {"authorization": STREAM_CREDENTIAL}})
    answer = requests.post(
        stack["secretsManager"],
        headers={"X-Amz-Target": "secretsmanager.PutSecretValue"},
        json={"SecretId": arn, "SecretString": secret},
        timeout=10,
    )
    answer.raise_for_status()


@pytest.fixture(scope="session")
def service() -> Service:
    with open(os.environ["STACK_JSON"], encoding="utf-8") as file:
        stack = json.load(file)
    with open(os.environ["PROVIDER_JSON"], encoding="utf-8") as file:
        provider = json.load(file)
    put_stream_credential(stack)
    return Service(stack, provider)
