"""`make deploy` without settings, for example in a second clone, takes those of the stack if it exists."""

import json
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from moto.cloudformation.models import cloudformation_backends

from cloud import ACCOUNT

INFRA = Path(__file__).resolve().parents[3] / "infra"
REGION = "eu-north-1"

DEPLOYED = {
    "AcsSecretArn": "arn:aws:secretsmanager:eu-north-1:123456789012:secret:acs", "Issuer": "https://idp.example/", "Audience": "app",
    "Policy": '{"otherwise": {"scopes": ["chat"]}}', "SubjectClaims": "tid,oid", "TokenScope": "", "CleanupSchedule": "rate(1 hour)",
    "Architecture": "arm64",
}


@pytest.fixture
def write(cloud, tmp_path: Path) -> Callable[..., tuple[subprocess.CompletedProcess, Path]]:
    """Runs the script without CONFIG, and returns what was said and the settings that were written."""

    def run(**variables: str) -> tuple[subprocess.CompletedProcess, Path]:
        settings = tmp_path / "samconfig.toml"
        environment = {**cloud.account(REGION), "SAM_CONFIG_FILE": str(settings), **variables}
        command = [sys.executable, INFRA / "deploy/config.py"]
        return subprocess.run(command, env=environment, capture_output=True, text=True), settings

    return run


@pytest.fixture
def create(cloud):
    """Creates a stack of a release that had a parameter more."""

    def run(name: str, parameters: dict[str, str], status: str = "CREATE_COMPLETE") -> None:
        template = {"Parameters": {each: {"Type": "String"} for each in parameters}, "Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}
        cloud.client("cloudformation", REGION).create_stack(
            StackName=name,
            TemplateBody=json.dumps(template),
            Parameters=[{"ParameterKey": each, "ParameterValue": value} for each, value in parameters.items()],
            Tags=[{"Key": "team", "Value": "chat and calls"}],
        )
        [stack] = [one for one in cloudformation_backends[ACCOUNT][REGION].stacks.values() if one.name == name]
        stack.status = status

    return run


def test_the_settings_are_those_of_the_deployed_stack(create, write):
    create("served", DEPLOYED | {"RemovedParameter": "x"})
    ran, settings = write(STACK="served")
    assert ran.returncode == 0 and "The stack served in eu-north-1 exists already" in ran.stdout, ran
    written = tomllib.loads(settings.read_text())["default"]["deploy"]["parameters"]
    assert (written["stack_name"], written["region"], written["tags"]) == ("served", REGION, '"team"="chat and calls"')
    assert dict(one.split("=", 1) for one in shlex.split(written["parameter_overrides"])) == DEPLOYED


def test_a_stack_that_is_not_there_has_no_settings(create, write):
    create("not-confirmed", DEPLOYED, "REVIEW_IN_PROGRESS")
    for name in ["missing", "not-confirmed"]:
        ran, settings = write(STACK=name)
        assert (ran.returncode, ran.stdout, ran.stderr, settings.exists()) == (0, "", "", False), ran


@pytest.mark.parametrize("name, parameters, why", [
    ("foreign", {"Environment": "test", "LogLevel": "debug"}, "it is not one of Guestpass, because it has none of the required parameters. Set STACK"),
    ("by-other-tools", DEPLOYED | {"AdminScope": "x\\"}, "SAM cannot store AdminScope of the stack by-other-tools"),
])
def test_a_stack_that_cannot_be_taken_over_is_refused(create, write, name, parameters, why):
    create(name, parameters)
    refused, settings = write(STACK=name)
    assert refused.returncode == 1 and why in refused.stderr and not settings.exists(), refused


def test_without_an_answer_of_aws_nothing_is_assumed(write):
    refused, settings = write(AWS_ENDPOINT_URL_CLOUDFORMATION="http://127.0.0.1:1", AWS_MAX_ATTEMPTS="1")
    assert refused.returncode == 1 and "cannot read whether the stack guestpass exists" in refused.stderr, refused
    assert "Traceback" not in refused.stderr and not settings.exists()
