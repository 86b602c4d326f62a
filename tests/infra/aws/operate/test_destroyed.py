"""`make destroy`, also if it ends early, and then a new stack with the tables that it kept."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import tomllib
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from subprocess import PIPE

import pytest

from api import ISSUER, call
from artefacts import DIRECTORY, GUESTPASS
from checks_of_deploy import CHECKS
from cloud import STACK, Cloud, Deployed
from expanded import Stack, source
from restoring import INFRA, protect

# A separate region without other stacks.
REGION = "eu-west-3"
USER, BLOCKED = "user-of-the-old-stack", "blocked-user-of-the-old-stack"


class WatchedCloudFormation(ThreadingHTTPServer):
    """Passes requests on to CloudFormation, and stops the command that waits for the deletion of a stack."""

    def __init__(self, cloud: Cloud):
        super().__init__(("127.0.0.1", 0), WatchedRequest)
        self.behind, self.url = cloud.url, f"http://127.0.0.1:{self.server_port}"
        self.stop, self.is_deleting = "", False
        threading.Thread(target=self.serve_forever, daemon=True).start()


class WatchedRequest(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.server.is_deleting and b"Action=DescribeStacks" in body:
            if self.server.stop == "interrupt":
                os.kill(self.server.command, signal.SIGINT)
            self.answer(403, b"<ErrorResponse><Error><Code>ExpiredToken</Code><Message>expired</Message></Error></ErrorResponse>")
            return
        request = urllib.request.Request(self.server.behind, body, dict(self.headers))
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
            self.answer(answer.status, answer.read())
        self.server.is_deleting |= b"Action=DeleteStack" in body

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", "text/xml")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def watched(cloud) -> Iterator[WatchedCloudFormation]:
    server = WatchedCloudFormation(cloud)
    yield server
    server.shutdown()


@pytest.fixture
def commands(cloud, tmp_path) -> Callable[..., str]:
    """Runs a script of `make`, or the tool, in this region."""
    ours = {"SAM_CONFIG_FILE": str(tmp_path / "samconfig.toml"), "STACK": STACK, "ARTEFACTS": str(DIRECTORY)}
    environment = {**cloud.account(REGION), **ours}

    def run(*command: str | Path, typed: str = "", stopped_by: WatchedCloudFormation | None = None, **variables: str) -> str:
        command = [sys.executable, *command] if str(command[0]).endswith(".py") else command
        if stopped_by:
            variables["AWS_ENDPOINT_URL_CLOUDFORMATION"] = stopped_by.url
            # Where the tests run in the background, the shell lets their processes ignore SIGINT.
            command = ["env", "--default-signal=INT", *command]
        running = subprocess.Popen(command, env={**environment, **variables}, stdin=PIPE, stdout=PIPE, stderr=PIPE, text=True)
        if stopped_by:
            stopped_by.command = running.pid
        said, errors = running.communicate(typed)
        assert running.returncode == (1 if stopped_by else 0), (command, said, errors)
        return errors if stopped_by else said

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

    for table in kept.values():
        protect(cloud.client("dynamodb", REGION), table)
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


@pytest.mark.parametrize("stop, why", [("interrupt", "it was interrupted"), ("expire", "ExpiredToken")])
def test_a_wait_for_the_deletion_that_ends_early_says_how_to_delete_the_identities(cloud, acs, commands, watched, stop, why):
    stack, before = f"left-{stop}", acs.identities()
    tool = stack_with_a_table(cloud, stack, acs.connection_string)
    commands(GUESTPASS, "identity", "create", "--external-id", f"{ISSUER}|{USER}", **tool)
    assert len(acs.identities() - before) == 1

    watched.stop = stop
    stopped = commands(INFRA / "deploy/destroy.py", typed=f"{stack}\n", stopped_by=watched, STACK=stack, IDENTITIES="delete")
    assert why in stopped and f"describe-stacks --stack-name {stack}" in stopped and "Traceback" not in stopped, stopped
    assert len(acs.identities() - before) == 1

    commands("bash", "-c", stopped.split(" run\n", 1)[1], PATH=f"{GUESTPASS.parent}:/usr/bin:/bin")
    assert acs.identities() == before


def test_without_identities_such_a_wait_names_no_command_that_deletes_them(cloud, acs, commands, watched):
    stack_with_a_table(cloud, "left-alone", acs.connection_string)
    watched.stop = "expire"
    stopped = commands(INFRA / "deploy/destroy.py", typed="left-alone\n", stopped_by=watched, STACK="left-alone")
    assert "describe-stacks --stack-name left-alone" in stopped and "guestpass" not in stopped, stopped


def stack_with_a_table(cloud: Cloud, name: str, connection_string: str) -> dict[str, str]:
    """A stack with the table and the secret only; returns the variables of the tool."""
    secret = cloud.client("secretsmanager", REGION).create_secret(Name=name, SecretString=connection_string)["ARN"]
    properties = Stack(source()).of_type("AWS::DynamoDB::Table")["Identities"]
    keys = ["AttributeDefinitions", "BillingMode", "GlobalSecondaryIndexes", "KeySchema"]
    table = {"TableName": name} | {key: properties[key] for key in keys}
    resource = {"Type": "AWS::DynamoDB::Table", "DeletionPolicy": "Retain", "Properties": table}
    template = {"Parameters": {"AcsSecretArn": {"Type": "String"}}, "Resources": {"Identities": resource}}
    given = [{"ParameterKey": "AcsSecretArn", "ParameterValue": secret}]
    cloud.client("cloudformation", REGION).create_stack(StackName=name, TemplateBody=json.dumps(template), Parameters=given)
    return {"GUESTPASS_TABLE": name, "GUESTPASS_SECRET": secret}


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
