"""Signs in the callers of the generated requests, and gives the requests values that exist."""

import base64
import json
import os
import time
import uuid

import requests
import schemathesis
from hypothesis import strategies

with open(os.environ["STACK_JSON"], encoding="utf-8") as file:
    STACK = json.load(file)


def encoded(value: dict) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def token_of_a_teams_user(user: uuid.UUID) -> str:
    """A token of the form of Entra's, which belongs to another user than the caller."""
    claims = {"oid": str(user), "tid": str(user), "exp": int(time.time()) + 3600, "scp": "Teams.ManageCalls Teams.ManageChats"}
    return f"{encoded({'alg': 'RS256'})}.{encoded(claims)}.c2lnbmF0dXJl"


# A cursor is opaque, so the contract cannot describe its form.
schemathesis.openapi.format("cursor", strategies.sampled_from(["", *(encoded({"shard": shard}) for shard in range(8))]))
PRINCIPAL = f"{uuid.UUID(int=1)}/{uuid.UUID(int=2)}"
PHONE_CURSORS = ["", *(base64.urlsafe_b64encode(f"{millis} {PRINCIPAL}".encode()).decode().rstrip("=") for millis in range(8))]
schemathesis.openapi.format("phone-cursor", strategies.sampled_from(PHONE_CURSORS))
schemathesis.openapi.format("jwt", strategies.uuids().map(token_of_a_teams_user))


def bearer(scope: str, **claims: str) -> dict[str, str]:
    """The sign-in of a new user."""
    form = {"sub": str(uuid.uuid4()), "scope": scope} | claims
    answer = requests.post(f"{STACK['issuer']}/token", data=form, timeout=10)
    answer.raise_for_status()
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


ADMINISTRATOR = bearer("guestpass.admin", role="guestpass-admin")
BACK_END = bearer("guestpass.invite")


def invitation() -> dict:
    """A new invitation, which ends in an hour."""
    closes_at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
    body = {"meeting": {"joinUrl": "https://teams.microsoft.com/l/meetup-join/1"}, "closesAt": closes_at}
    made = requests.post(f"{STACK['gateway']}/v1/invitations", json=body, headers=BACK_END, timeout=30)
    made.raise_for_status()
    return made.json()


def assigned() -> dict[str, str]:
    """The path of a new assignment to Teams Phone, in the tenant of the emulator's Entra."""
    found = {"tenant": "e0000000-0000-4000-8000-000000000001", "object": str(uuid.uuid4())}
    body = {"clientIds": ["e0000000-0000-4000-8000-000000000002"]}
    path = f"/v1/teams-phone/assignments/{found['tenant']}/{found['object']}"
    requests.put(f"{STACK['gateway']}{path}", json=body, headers=ADMINISTRATOR, timeout=30).raise_for_status()
    return found


@schemathesis.auth(refresh_interval=None)
class Bearer:
    """A user for each request: one who signs out or asks too often changes nothing for the next."""

    def get(self, case, context):
        if "/v1/identities" in case.operation.path or "/v1/teams-phone" in case.operation.path:
            return ADMINISTRATOR
        if "/v1/invitations" in case.operation.path:
            return BACK_END
        if case.operation.path == "/v1/guest/token":
            return {}
        user = bearer("guestpass.token")
        if case.operation.path == "/v1/identity":
            requests.get(f"{STACK['gateway']}/v1/token", headers=user, timeout=30).raise_for_status()
        return user

    def set(self, case, data, context):
        case.headers.update(data)


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    """Every second identity exists, and every second invitation and assignment."""
    if "/v1/teams-phone" in context.operation.path and context.operation.method.lower() != "put":
        object_id = (path_parameters or {}).get("object", "")
        is_second = len(object_id) == 36 and object_id[-1] in "02468ace"
        return path_parameters | assigned() if is_second else path_parameters
    if path_parameters and len(path_parameters.get("id", "")) % 2:
        if "/v1/invitations" in context.operation.path:
            path_parameters["id"] = invitation()["invitation"]["id"]
            return path_parameters
        name = f"user-{uuid.uuid4()}"
        made = requests.post(f"{STACK['gateway']}/v1/identities", json={"externalId": name}, headers=ADMINISTRATOR, timeout=30)
        made.raise_for_status()
        path_parameters["id"] = name
    return path_parameters
