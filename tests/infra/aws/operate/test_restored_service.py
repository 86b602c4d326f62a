"""The way from a backup to a token, as the runbook in infra/README.md says it: `make restore`, what the table has lost,
the printed command, and the functions with the variables and the roles that the stack then gives them."""

import json
import re
import secrets
import shlex
import subprocess
import sys
import textwrap
import tomllib
import uuid
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest

import artefacts
from api import ADMIN, ISSUER, call, use_each_operation
from checks_of_deploy import CHECKS
from cloud import Deployed
from restoring import INFRA, account_of, operator_of, restore

INVITE = "guestpass.invite"

# The options whose functions a stack does not have by default.
OPTIONS = {
    "Authorizer": "lambda",
    "InviteScope": INVITE,
    "TeamsPhone": json.dumps({"tenants": ["0a0a0a0a-0000-4000-8000-000000000001"], "clients": ["0a0a0a0a-0000-4000-8000-000000000002"]}),
    "Policy": json.dumps({"otherwise": {"scopes": ["chat", "voip"]}, "guests": {}}),
    "Transmitters": json.dumps([{"name": "idp", "kind": "ssf", "issuer": "https://idp.example", "audiences": ["app"]}]),
}


class Lost(NamedTuple):
    """What happened after the backup. `kept`, `blocked` and `deleted` are users from before it."""

    since: datetime
    kept: str
    kept_identity: str
    blocked: str
    deleted: str
    deleted_identity: str
    new: str
    new_identity: str


@pytest.fixture(scope="module")
def account(cloud) -> dict[str, str]:
    return account_of(cloud)


class Restored(NamedTuple):
    """The two commands that `make restore` prints, and what happened in the old table afterwards."""

    export: str
    attach: str
    lost: Lost

    @property
    def table(self) -> str:
        return self.export.partition("=")[2]


@pytest.fixture(scope="module")
def restored(cloud, deployed, account, start_in_module) -> Restored:
    since = datetime.now(UTC) - timedelta(seconds=1)
    kept, blocked, deleted, new = (f"{name}-{uuid.uuid4()}" for name in ["kept", "blocked", "deleted", "new"])
    issue = start_in_module(deployed, "IssueAccessToken")
    identities = [identity_of(call(issue, "POST /v1/token", user)) for user in [kept, blocked, deleted]]

    ran = restore({**account, **operator_of(cloud)})
    assert ran.returncode == 0, ran
    printed = [line.strip() for line in ran.stdout.splitlines()]
    [export, attach] = [line for line in printed if line.startswith(("export ", "make deploy "))]

    new_identity = identity_of(call(issue, "POST /v1/token", new))
    revoke = start_in_module(deployed, "RevokeAccessTokens")
    assert call(revoke, "POST /v1/identities/{id}/revoke", scope=ADMIN, body={"block": True}, id=identities[1]).status == 200
    delete = start_in_module(deployed, "DeleteIdentity")
    assert call(delete, "DELETE /v1/identities/{id}", scope=ADMIN, id=identities[2]).status == 204
    return Restored(export, attach, Lost(since, kept, identities[0], blocked, deleted, identities[2], new, new_identity))


@pytest.fixture(scope="module")
def repeated(deployed, account, acs, restored, tmp_path_factory) -> str:
    """What the tool lists of the restored table after step 3 of the runbook, before a function uses the table."""
    directory, lost = tmp_path_factory.mktemp("repeated"), restored.lost
    guestpass = tool(deployed, account, GUESTPASS_TABLE=restored.table)
    before = guestpass("identity", "list", "-o", "tsv")
    assert lost.kept_identity in before and lost.new_identity not in before
    assert "\tblocked\t" not in before and lost.deleted_identity in before and lost.deleted_identity not in acs.identities()

    variables = {"OLD_TABLE": deployed.ids["Identities"], "GUESTPASS_TABLE": restored.table, "TIME": lost.since.isoformat()}
    actions = guestpass.script(commands_of_the_runbook(), directory, **variables)
    assert lost.blocked in actions and lost.deleted in actions, actions
    guestpass("user", "block", f"{ISSUER}|{lost.blocked}", "--yes")
    guestpass("identity", "delete", lost.deleted_identity, "--yes")
    users = directory / "users.tsv"
    assert users.read_text() == f"{ISSUER}|{lost.new}\t{lost.new_identity}\n"
    guestpass("identity", "import", str(users), "--issuer", ISSUER)
    return guestpass("identity", "list", "-o", "tsv")


def commands_of_the_runbook() -> str:
    """The commands of step 3, but for the variables and the time, which the test sets."""
    section = (INFRA / "README.md").read_text().split("\n## Restoring the table\n")[1].split("\n## ")[0]
    [block] = re.findall(r"^ *```sh\n(.*?)^ *```$", section, re.DOTALL | re.MULTILINE)
    commands = re.sub(r"^export \w+=….*$", "", textwrap.dedent(block), flags=re.MULTILINE)
    return re.sub(r"(?<=audit --since )\S+", '"$TIME"', commands)


@pytest.fixture(scope="module")
def attached(cloud, deployed, account, restored, repeated, tmp_path_factory) -> Deployed:
    """The stack after step 3 and the printed command. moto deletes what an update removes, also a table that must stay, so
    the stack of the new parameters is made beside the old one. It has no rights but its own."""
    config = tmp_path_factory.mktemp("attached") / "samconfig.toml"
    stored = {**deployed.stack.given, **OPTIONS, "CleanupMode": "apply"}
    quoted = " ".join(f'{name}="{escaped(value)}"' for name, value in stored.items())
    config.write_text(f"[default.deploy.parameters]\nparameter_overrides = {json.dumps(quoted)}\n")
    make, target, change = shlex.split(restored.attach)
    assert (make, target, change.partition("=")[0]) == ("make", "deploy", "SET"), restored.attach
    for check in CHECKS:
        variables = {**account, "SAM_CONFIG_FILE": str(config), "SET": change.partition("=")[2]}
        ran = subprocess.run([sys.executable, INFRA / "deploy" / check], env=variables, capture_output=True, text=True)
        assert ran.returncode == 0, ran
    overrides = tomllib.loads(config.read_text())["default"]["deploy"]["parameters"]["parameter_overrides"]
    parameters = dict(one.split("=", 1) for one in shlex.split(overrides))
    # An update keeps the audit log of the stack.
    stack = cloud.create_stack("guestpass-attached", **parameters, ExistingAuditTableName=deployed.ids["AuditLog"])
    stack.attach_policies()
    return stack


def test_every_function_and_the_outputs_have_the_restored_table(attached, deployed, restored):
    table = attached.outputs["TableName"]
    assert table == restored.table and table.startswith("guestpass-identities-") and table != deployed.ids["Identities"]
    assert "Identities" not in attached.ids
    used = {function: attached.environment(function)["TABLE_NAME"] for function in attached.stack.functions()}
    assert {"ReceiveSecurityEvent", "AuthorizeCaller", "CreateInvitation"} <= used.keys(), "the options have their functions"
    assert set(used.values()) == {table}, used
    cleanup = attached.environment("DeleteStaleIdentities")
    assert (cleanup["CLEANUP_MODE"], cleanup["CLEANUP_GUESTS"]) == ("plan", "plan")
    # The versions that use the old table have no rights for it any more, so they must not stay beside the new ones.
    preferences = attached.stack.source["Globals"]["Function"]["DeploymentPreference"]
    assert preferences["Type"] == {"Ref": "DeploymentType"} and attached.stack.parameters["DeploymentType"] == "AllAtOnce"


def test_each_operation_uses_the_restored_table_with_its_role(attached, start_in):
    start = partial(start_in, attached)
    use_each_operation(start, f"made-{uuid.uuid4()}")
    listed = call(start("ProvideTeamsPhone"), "GET /v1/teams-phone/assignments", scope=ADMIN)
    assert listed.status == 200, listed
    user = f"of-an-event-{uuid.uuid4()}"
    issue = start("IssueAccessToken")
    identity_of(call(issue, "POST /v1/token", user))
    assert start("RevokeOnEvent").invoke({"Records": [disabled(user)]}) == {"batchItemFailures": []}
    assert call(issue, "POST /v1/token", user).status == 403


def test_guests_are_invited_and_admitted_with_the_restored_table(attached, start_in):
    ends = (datetime.now(UTC) + timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    meeting = {"joinUrl": "https://teams.microsoft.com/l/meetup-join/19%3ameeting_example"}
    invite = start_in(attached, "CreateInvitation")
    invitation = call(invite, "POST /v1/invitations", scope=INVITE, body={"meeting": meeting, "closesAt": ends})
    assert invitation.status == 201, invitation
    guest = {"handle": invitation.body["handle"], "device": secrets.token_urlsafe(32)}
    admitted = call(start_in(attached, "ExchangeGuestPass"), "POST /v1/guest/token", scope="", body=guest)
    assert admitted.status == 200, admitted
    listed = call(start_in(attached, "ListInvitations"), "GET /v1/invitations", scope=INVITE)
    assert listed.status == 200 and invitation.body["invitation"]["id"] in json.dumps(listed.body), listed
    revoke = start_in(attached, "RevokeInvitation")
    revoked = call(revoke, "POST /v1/invitations/{id}/revoke", scope=INVITE, id=invitation.body["invitation"]["id"])
    assert revoked.status == 200, revoked


def test_the_runbook_brings_back_what_the_table_has_lost(attached, acs, repeated, restored, start_in):
    lost = restored.lost
    issue = start_in(attached, "IssueAccessToken")
    assert call(issue, "POST /v1/token", lost.blocked).status == 403, "blocked from the first request"
    assert identity_of(call(issue, "POST /v1/token", lost.kept)) == lost.kept_identity
    assert identity_of(call(issue, "POST /v1/token", lost.new)) == lost.new_identity
    assert lost.deleted_identity not in repeated
    assert call(issue, "POST /v1/token", lost.deleted).status == 401, "a bearer from before the deletion"

    # A cleanup that only counts, and deletes nothing.
    identities = acs.identities()
    run = start_in(attached, "DeleteStaleIdentities").invoke({"time": "2099-01-01T00:00:00Z"})
    assert run["mode"] == "plan" and run["wouldDelete"] > 0 and "deleted" not in run, run
    assert acs.identities() == identities


class Tool(NamedTuple):
    """The operator's tool, with the variables of a service."""

    environment: dict[str, str]

    def __call__(self, *arguments: str) -> str:
        return self._run([artefacts.GUESTPASS, *arguments])

    def script(self, commands: str, directory: Path, **variables: str) -> str:
        """Runs commands that find the tool in their PATH."""
        path = f"{artefacts.GUESTPASS.parent}:{self.environment['PATH']}"
        return self._run(["bash", "-euo", "pipefail", "-c", commands], directory, PATH=path, **variables)

    def _run(self, command: list, directory: Path | None = None, **variables: str) -> str:
        ran = subprocess.run(command, env={**self.environment, **variables}, cwd=directory, capture_output=True, text=True)
        assert ran.returncode == 0, (command, ran.stdout, ran.stderr)
        return ran.stdout


def tool(stack: Deployed, account: dict[str, str], **variables: str) -> Tool:
    return Tool({
        **account,
        "GUESTPASS_AUDIT_TABLE": stack.outputs["AuditTableName"],
        "GUESTPASS_SECRET": stack.stack.parameters["AcsSecretArn"],
        **variables,
    })


def disabled(user: str) -> dict:
    """A message of the queue: an event that disables a user."""
    detail = {"externalId": f"{ISSUER}|{user}", "occurredAt": datetime.now(UTC).isoformat(), "eventId": str(uuid.uuid4())}
    event = {"source": "guestpass.identity", "detail-type": "user.disabled", "detail": detail, "id": str(uuid.uuid4())}
    return {
        "messageId": str(uuid.uuid4()), "receiptHandle": "r", "body": json.dumps(event), "attributes": {},
        "messageAttributes": {}, "md5OfBody": "m", "eventSource": "aws:sqs", "awsRegion": "eu-west-1",
        "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:IdentityEvents",
    }


def escaped(value: str) -> str:
    """As SAM stores a value."""
    return value.replace('"', '\\"')


def identity_of(answer) -> str:
    assert answer.status == 200, answer
    return answer.body["user"]["communicationUserId"]
