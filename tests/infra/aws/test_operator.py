"""The operator's tool with a deployed stack, and with the operator's own credentials."""

import json
import os
import re
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

import artefacts
from acs import Acs

INFRA = Path(__file__).resolve().parents[3] / "infra"


@pytest.fixture
def environment(cloud, deployed) -> dict[str, str]:
    return {
        **cloud.account(),
        "GUESTPASS_TABLE": deployed.ids["Identities"],
        "GUESTPASS_SECRET": deployed.stack.parameters["AcsSecretArn"],
        "GUESTPASS_DEAD_LETTER_QUEUE": deployed.ids["IdentityEventsDeadLetters"],
        "GUESTPASS_EVENT_QUEUE": deployed.ids["IdentityEvents"],
        "GUESTPASS_EVENT_BUS": deployed.outputs["EventBusName"],
    }


@pytest.fixture
def another_acs():
    acs = Acs(Path(os.environ["ACS_EMULATOR"]))
    yield acs
    acs.stop()


@pytest.fixture
def guestpass(environment, acs, tmp_path):
    """Runs the tool, and parses its JSON output."""

    def run(*arguments: str) -> Any:
        command = [artefacts.GUESTPASS, *arguments, "-o", "json"]
        ran = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True)
        assert ran.returncode == 0, (arguments, ran.stdout, ran.stderr)
        return json.loads(ran.stdout)

    return run


def test_an_identity_is_made_found_blocked_and_deleted(guestpass, acs):
    user = f"of-the-operator-{uuid.uuid4()}"
    made = guestpass("identity", "create", "--external-id", user)
    acs_id = made["user"]["communicationUserId"]
    assert acs_id in acs.identities()
    assert user in {one["externalId"] for one in guestpass("identity", "list")}
    token = guestpass("token", "issue", "--user", user, "--scope", "voip")["token"]
    assert acs.is_live(token)
    guestpass("user", "block", user, "--yes")
    assert not acs.is_live(token)
    assert guestpass("identity", "show", user)["state"] == "blocked"
    guestpass("identity", "delete", user, "--yes")
    assert acs_id not in acs.identities()


def test_an_event_of_the_operators_comes_to_the_queue(guestpass, deployed):
    user = f"of-the-operator-{uuid.uuid4()}"
    guestpass("events", "send", "user.disabled", "--user", user)
    sqs = deployed.client("sqs")
    queue = deployed.ids["IdentityEvents"]
    [message] = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=10)["Messages"]
    event = json.loads(message["Body"])
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    assert (event["source"], event["detail-type"]) == ("guestpass.identity", "user.disabled")
    assert event["detail"]["externalId"].endswith(user)


def test_all_that_failed_too_often_is_shown(guestpass, deployed):
    sqs, queue = deployed.client("sqs"), deployed.ids["IdentityEventsDeadLetters"]
    sent = {sqs.send_message(QueueUrl=queue, MessageBody="{}")["MessageId"] for _ in range(25)}
    assert {one["messageId"] for one in guestpass("events", "dead-letters")} == sent
    sqs.purge_queue(QueueUrl=queue)


def test_dead_letters_are_moved_to_the_queue_of_events(guestpass, deployed):
    sqs, dead = deployed.client("sqs"), deployed.ids["IdentityEventsDeadLetters"]
    # moto delivers messages of the deployed queue to the function, which it cannot run, and moves them back.
    events = sqs.create_queue(QueueName="events-of-the-test")["QueueUrl"]
    replay = ["events", "replay", "--issuer", "https://idp.example"]
    event = {"source": "aws.s3", "detail-type": "other", "detail": {}}
    for number in range(12):
        body = json.dumps({**event, "id": str(number)})
        sqs.send_message(QueueUrl=dead, MessageBody=body)
    assert {one["result"] for one in guestpass(*replay)} == {"shown"}
    replayed = guestpass(*replay, "--apply", "--since", "1h", "--to", events)
    assert [one["result"] for one in replayed] == ["sent"] * 12
    assert guestpass("events", "dead-letters") == []
    moved = set()
    while messages := sqs.receive_message(QueueUrl=events, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            moved.add(json.loads(message["Body"])["id"])
            sqs.delete_message(QueueUrl=events, ReceiptHandle=message["ReceiptHandle"])
    assert moved == {str(number) for number in range(12)}


def test_the_doctor_finds_it_well(guestpass):
    # This user shows the tool that table and resource belong together.
    guestpass("identity", "create", "--external-id", f"of-the-operator-{uuid.uuid4()}")
    found = {one["check"]: one["verdict"] for one in guestpass("doctor")}
    assert {name for name, verdict in found.items() if verdict == "bad"} == set()
    assert {found[name] for name in ["endpoint", "key", "table", "resource"]} == {"good"}


def test_the_runbook_ends_the_records_of_a_resource_that_was_deleted_in_azure(environment, cloud, acs, another_acs, tmp_path):
    name, user = "guestpass/of-a-deleted-resource", f"of-the-operator-{uuid.uuid4()}"
    strings = json.dumps({"main": acs.connection_string, "old": another_acs.connection_string})
    cloud.client("secretsmanager").create_secret(Name=name, SecretString=strings)
    environment |= {"GUESTPASS_SECRET": name, "SECRET": name, "PYTHONPATH": str(INFRA / "deploy"), "SAM_CONFIG_FILE": "/nonexistent"}
    environment["PATH"] = f"{artefacts.GUESTPASS.parent}:{environment['PATH']}"

    def run(script: str, code: int = 0) -> str:
        own = {"env": environment, "cwd": tmp_path, "stdin": subprocess.DEVNULL}
        ran = subprocess.run(["bash", "-euc", script], **own, capture_output=True, text=True)
        assert ran.returncode == code, ran
        return ran.stdout

    run(f"guestpass identity create --external-id {user} --resource old")
    another_acs.stop()
    block = re.compile(r"^```sh\n(guestpass identity list --resource old .*?)^```$", re.DOTALL | re.MULTILINE)
    [commands] = block.findall((INFRA / "README.md").read_text())
    # As the target `secret` of the Makefile.
    make = f'make() {{ env "${{@:2}}" "{sys.executable}" "{INFRA}/deploy/$1.py"; }}\n'
    assert "removed the resource old" in run(make + commands)
    run(f"guestpass identity show {user}", code=3)
