"""The messages of each kind of transmitter, as its specification or its provider describes them."""

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass

CAEP = "https://schemas.openid.net/secevent/caep/event-type/"
RISC = "https://schemas.openid.net/secevent/risc/event-type/"
SSF = "https://schemas.openid.net/secevent/ssf/event-type/"
OAUTH = "https://schemas.openid.net/secevent/oauth/event-type/"
LOGOUT = "http://schemas.openid.net/event/backchannel-logout"


@dataclass(frozen=True)
class Message:
    """The claims and the header `typ` of a message, before it is signed."""

    transmitter: str
    typ: str | None
    claims: dict
    # The body of a request of Global Token Revocation, whose token is the bearer.
    body: dict | None = None


# Builds a message about the user with this subject at this issuer, at this time in seconds.
Builder = Callable[[str, str, int], Message]


def common(issuer: str, name: str, now: int) -> dict:
    return {"iss": f"{issuer}/{name}", "aud": f"guestpass-{name}", "iat": now, "jti": uuid.uuid4().hex}


def iss_sub(issuer: str, sub: str) -> dict:
    return {"format": "iss_sub", "iss": issuer, "sub": sub}


def complex_subject(issuer: str, sub: str) -> dict:
    """A session of a user on a device (SSF 1.0, complex subjects)."""
    device = {"format": "opaque", "id": "device-1"}
    return {"format": "complex", "user": iss_sub(issuer, sub), "device": device}


def security_event(
    event: str, members: dict | None = None, subject: Callable[[str, str], dict] = iss_sub
) -> Builder:
    """A security event token (RFC 8417, SSF 1.0)."""

    def build(issuer: str, sub: str, now: int) -> Message:
        claims = common(issuer, "ssf", now)
        content = {"event_timestamp": now, **(members or {})}
        claims |= {"sub_id": subject(issuer, sub), "events": {event: content}, "txn": "txn-1"}
        return Message("ssf", "secevent+jwt", claims)

    return build


def verification(issuer: str, _sub: str, now: int) -> Message:
    stream = {"format": "opaque", "id": "stream-1"}
    events = {f"{SSF}verification": {"state": "state-1"}}
    return Message("ssf", "secevent+jwt", common(issuer, "ssf", now) | {"sub_id": stream, "events": events})


def logout(issuer: str, sub: str, now: int) -> Message:
    """A logout token (OpenID Connect Back-Channel Logout 1.0)."""
    claims = common(issuer, "logout", now) | {"sub": sub, "sid": "session-1", "exp": now + 120}
    return Message("logout", "logout+jwt", claims | {"events": {LOGOUT: {}}})


def global_revocation(issuer: str, sub: str, now: int) -> Message:
    """A request of Global Token Revocation, as Okta sends it."""
    claims = common(issuer, "org", now) | {
        "aud": "https://guestpass.example/v1/signals/org",
        "sub": "guestpass-client",
        "nbf": now - 300,
        "exp": now + 300,
    }
    body = {"sub_id": iss_sub(issuer, sub)}
    return Message("org", "global-token-revocation+jwt", claims, body)


def apple(event: str) -> Builder:
    """A notification of Sign in with Apple: `events` is a text that contains JSON."""

    def build(issuer: str, sub: str, now: int) -> Message:
        claims = common(issuer, "apple", now)
        claims["events"] = json.dumps({"type": event, "sub": sub, "event_time": now * 1000})
        return Message("apple", None, claims)

    return build


def google(event: str, members: dict | None = None, **claims) -> Builder:
    """A token of Google's Cross-Account Protection, whose subject is in the event."""

    def build(issuer: str, sub: str, now: int) -> Message:
        subject = {"subject_type": "iss-sub", "iss": issuer, "sub": sub}
        own = {"iss": f"{issuer}/google/", "events": {event: {"subject": subject, **(members or {})}}}
        return Message("google", None, common(issuer, "google", now) | own | claims)

    return build
