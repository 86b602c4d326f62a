"""`make destroy`, and then a new stack with the tables that it kept."""

import json
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from api import ISSUER, call
from artefacts import DIRECTORY, GUESTPASS
from checks_of_deploy import CHECKS
from cloud import STACK, Cloud, Deployed
from restoring import INFRA

# A separate region without other stacks.
REGION = "eu-west-3"
USER, BLOCKED = "user-of-the-old-stack", "blocked-user-of-the-old-stack"


@pytest.fixture
def commands(cloud, tmp_path) -> Callable[..., str]:
    """Runs a script of `make`, or the tool, in this region."""
    ours = {"SAM_CONFIG_FILE": str(tmp_path / "samconfig.toml"), "STACK": STACK, "ARTEFACTS": str(DIRECTORY)}
    environment = {**cloud.account(REGION), **ours}

    def run(*command: str | Path, typed: str = "", **variables: str) -> str:
        command = [sys.executable, *command] if str(command[0]).endswith(".py") else command
        ran = subprocess.run(command, env={**environment, **variables}, input=typed, capture_output=True, text=True)
        assert ran.returncode == 0, ran
        return ran.stdout

    return run


def test_a_new_stack_knows_the_users_of_one_that_was_destroyed(cloud, acs, start_in, commands, tmp_path):
    old = cloud.deploy(acs.connection_string, REGION, Issuer=ISSUER, Audience="app")
    tool = {
        "GUESTPASS_TABLE": old.outputs["TableName"], "GUESTPASS_AUDIT_TABLE": old.outputs["AuditTableName"],
        "GUESTPASS_SECRET": old.stack.parameters["AcsSecretArn"],
    }
    made = [json.loads(commands(GUESTPASS, "identity", "create", "--external-id", f"{ISSUER}|{user}", "-o", "json", **tool)) for user in [USER, BLOCKED]]
    commands(GUESTPASS, "user", "block", f"{ISSUER}|{BLOCKED}", "--yes", **tool)

    destroyed = commands(INFRA / "deploy/destroy.py", typed=f"{STACK}\n")
    kept = dict(re.findall(r"a later stack uses it with (\w+)=([\w.-]+)", destroyed))
    assert kept == {"ExistingTableName": tool["GUESTPASS_TABLE"], "ExistingAuditTableName": tool["GUESTPASS_AUDIT_TABLE"]}

    new = redeployed(cloud, commands, tmp_path, AcsSecretArn=tool["GUESTPASS_SECRET"], **kept)
    assert (new.outputs["TableName"], new.outputs["AuditTableName"]) == tuple(kept.values())
    assert not {"Identities", "AuditLog"} & new.ids.keys()
    issue = start_in(new, "IssueAccessToken")
    answer = call(issue, "POST /v1/token", USER)
    assert answer.status == 200 and answer.body["user"] == made[0]["user"], answer
    assert call(issue, "POST /v1/token", BLOCKED).status == 403

    # The tables are not resources of this stack, and are found nevertheless.
    new.detach_policies()
    destroyed = commands(INFRA / "deploy/destroy.py", typed=f"{STACK}\n", IDENTITIES="delete")
    assert dict(re.findall(r"a later stack uses it with (\w+)=([\w.-]+)", destroyed)) == kept
    assert not {one["user"]["communicationUserId"] for one in made} & acs.identities()


def redeployed(cloud: Cloud, commands, directory: Path, **parameters: str) -> Deployed:
    """The stack of a configuration file that has the kept tables, after the checks of `make deploy`."""
    file = directory / "production.toml"
    values = {"Issuer": ISSUER, "Audience": "app", **parameters}
    lines = [f'stack = "{STACK}"', f'region = "{REGION}"', "[parameters]", *(f'{name} = "{value}"' for name, value in values.items())]
    file.write_text("\n".join(lines))
    commands(INFRA / "deploy/config.py", CONFIG=str(file), ARCHITECTURE="x86_64")
    for check in CHECKS:
        commands(INFRA / "deploy" / check)
    settings = tomllib.loads((directory / "samconfig.toml").read_text())["default"]["deploy"]["parameters"]
    stack = cloud.create_stack(STACK, REGION, **dict(one.split("=", 1) for one in shlex.split(settings["parameter_overrides"])))
    stack.attach_policies()
    return stack
