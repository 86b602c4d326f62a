"""The template that `make deploy` hands to SAM."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from moto.cloudformation.models import cloudformation_backends
from samtranslator.yaml_helper import yaml_parse

from cloud import ACCOUNT

INFRA = Path(__file__).resolve().parents[4] / "infra"
REGION = "eu-west-2"


def test_it_names_the_zips_and_the_deployment(write):
    template = write()
    assert template["Resources"]["IssueAccessToken"]["Properties"]["CodeUri"] == "issue-access-token.zip"
    assert len(deployment_of(template)) == 16


def test_other_artefacts_are_another_deployment(write, tmp_path):
    before = deployment_of(write())
    assert deployment_of(write()) == before
    (tmp_path / "SHA256SUMS").write_text("other")
    assert deployment_of(write()) != before


def test_a_deployment_after_a_rollback_differs_from_the_one_that_was_rolled_back(cloud, write):
    name = "after-a-rollback"
    before = deployment_of(write(STACK=name))
    queue = {"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}
    cloud.client("cloudformation", REGION).create_stack(StackName=name, TemplateBody=json.dumps(queue))
    assert deployment_of(write(STACK=name)) == before
    stacks = cloudformation_backends[ACCOUNT][REGION].stacks.values()
    [stack] = [one for one in stacks if one.name == name]
    stack.status = "UPDATE_ROLLBACK_COMPLETE"
    assert deployment_of(write(STACK=name)).startswith(f"{before}-after-20")


def deployment_of(template: dict) -> str:
    return template["Mappings"]["Deployment"]["This"]["Id"]


@pytest.fixture
def write(cloud, tmp_path: Path):
    """Writes the template, and reads it."""
    shutil.copy(Path(os.environ["ARTEFACTS"]) / "SHA256SUMS", tmp_path)

    def run(**variables: str) -> dict:
        settings = {"SAM_CONFIG_FILE": "/nonexistent", "ARTEFACTS": str(tmp_path)}
        command = [sys.executable, INFRA / "deploy/deployment.py"]
        written = subprocess.run(command, env={**cloud.account(REGION), **settings, **variables}, capture_output=True, text=True)
        assert written.returncode == 0, written
        return yaml_parse((tmp_path / "template.yaml").read_text())

    return run
