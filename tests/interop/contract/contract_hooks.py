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


@schemathesis.auth(refresh_interval=None)
class Bearer:
    """A user for each request: one who signs out or asks too often changes nothing for the next."""

    def get(self, case, context):
        if "/v1/identities" in case.operation.path:
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
    """Every second identity exists, and every second invitation."""
    if path_parameters and len(path_parameters.get("id", "")) % 2:
        if "/v1/invitations" in context.operation.path:
            path_parameters["id"] = invitation()["invitation"]["id"]
            return path_parameters
        name = f"user-{uuid.uuid4()}"
        made = requests.post(f"{STACK['gateway']}/v1/identities", json={"externalId": name}, headers=ADMINISTRATOR, timeout=30)
        made.raise_for_status()
        path_parameters["id"] = name
    return path_parameters
