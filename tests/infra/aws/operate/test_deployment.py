"""The template that `make deploy` hands to SAM."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from moto.cloudformation.models import cloudformation_backends

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


def test_s03_artefacts_that_were_signed_before_the_deployed_ones_are_refused(cloud, write, refused):
    name, outputs = "signed", {"ArtefactsSignedAt": {"Value": "2026-03-01T00:00:00Z"}}
    queue = {"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}, "Outputs": outputs}
    cloud.client("cloudformation", REGION).create_stack(StackName=name, TemplateBody=json.dumps(queue))
    for signed, said in [("2026-02-28T23:59:59Z", "signed at 2026-02-28T23:59:59Z"), ("", "signed without a time")]:
        why = refused(STACK=name, SIGNED_AT=signed)
        assert said in why and "at 2026-03-01T00:00:00Z" in why and "FORCE=older-release" in why, why
        forced = write(STACK=name, SIGNED_AT=signed, FORCE="older-release")
        assert signed_at(forced) == (signed or "2026-03-01T00:00:00Z")
    for signed in ["2026-03-01T00:00:00Z", "2026-03-01T00:00:01Z"]:
        assert signed_at(write(STACK=name, SIGNED_AT=signed)) == signed
    # Without a public key nothing is compared, and the time stays for the deployment after it.
    assert signed_at(write(STACK=name)) == "2026-03-01T00:00:00Z"


def test_s03_several_words_in_force_permit_what_each_of_them_permits(cloud, write, refused):
    name, outputs = "signed-later", {"ArtefactsSignedAt": {"Value": "2026-03-01T00:00:00Z"}}
    queue = {"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}, "Outputs": outputs}
    cloud.client("cloudformation", REGION).create_stack(StackName=name, TemplateBody=json.dumps(queue))
    signed = "2026-02-01T00:00:00Z"
    for words in ["new-users,older-release", "older-release new-users", " issuer-keys, older-release,"]:
        assert signed_at(write(STACK=name, SIGNED_AT=signed, FORCE=words)) == signed
    for words, added in [("new-users issuer-keys", "new-users,issuer-keys,older-release"), ("an-older-release", "an-older-release,older-release")]:
        assert f"or add FORCE={added} to" in refused(STACK=name, SIGNED_AT=signed, FORCE=words)


def test_a_name_that_the_names_of_resources_would_make_too_long_is_refused(write, refused):
    write(STACK="s" * 53)
    assert refused(STACK="s" * 54).startswith(f"deploy: the name {'s' * 54} of the stack has 54 characters: at most 53")


def test_a_first_deployment_has_no_older_artefacts(write):
    assert signed_at(write(SIGNED_AT="2026-03-01T00:00:00Z")) == "2026-03-01T00:00:00Z"
    assert signed_at(write(SIGNED_AT="")) == signed_at(write()) == "none"


def test_it_says_which_parameters_change_and_refuses_those_that_the_file_lacks(cloud, run, refused, tmp_path):
    name, settings = "changed", tmp_path / "production.samconfig.toml"
    before = {"CleanupMode": "apply", "DomainName": "tokens.example", "RetentionDays": "60", "Policy": "x" * 200}
    template = {"Parameters": {each: {"Type": "String"} for each in before}, "Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}
    given = [{"ParameterKey": each, "ParameterValue": value} for each, value in before.items()]
    cloud.client("cloudformation", REGION).create_stack(StackName=name, TemplateBody=json.dumps(template), Parameters=given)
    overrides = 'CleanupMode=\\"plan\\" DomainName=\\"\\" RetentionDays=\\"60\\" LogLevel=\\"info\\" Policy=\\"{}\\"'
    settings.write_text(f'version = 0.1\n[default.deploy.parameters]\nstack_name = "{name}"\nparameter_overrides = "{overrides}"\n')
    said = run(STACK=name, SAM_CONFIG_FILE=str(settings))
    assert said.returncode == 0 and said.stdout.splitlines() == [
        "These parameters of the stack changed change:",
        "  CleanupMode: apply -> plan",
        "  DomainName: tokens.example -> (empty)",
        f"  Policy: {'x' * 120}… -> {{}}",
    ], said
    # The file must have each of them, because a line that was forgotten has the same effect.
    file = tmp_path / "production.toml"
    file.write_text(f'stack = "changed"\nregion = "{REGION}"\n[parameters]\nCleanupMode = "plan"\n')
    with_file = {"STACK": name, "SAM_CONFIG_FILE": str(settings), "CONFIG": str(file)}
    said = refused(**with_file)
    assert "production.toml lacks parameters" in said and "  DomainName: tokens.example -> (empty)\n" in said, said
    assert "CleanupMode" not in said and "RetentionDays" not in said and "or add FORCE=defaults to" in said, said
    assert run(**with_file, FORCE="defaults").stdout.count(" -> ") == 3
    file.write_text(file.read_text() + "DomainName = ''\nPolicy = '{}'\n")
    assert run(**with_file).stdout.count(" -> ") == 3
    settings.write_text(settings.read_text().replace("plan", "apply").replace(r'DomainName=\"\" ', "").replace(r' Policy=\"{}\"', ""))
    assert run(STACK=name, SAM_CONFIG_FILE=str(settings)).stdout == ""


def signed_at(template: dict) -> str:
    return template["Mappings"]["Deployment"]["This"]["SignedAt"]


def deployment_of(template: dict) -> str:
    return template["Mappings"]["Deployment"]["This"]["Id"]


@pytest.fixture
def run(cloud, tmp_path: Path):
    shutil.copy(Path(os.environ["ARTEFACTS"]) / "SHA256SUMS", tmp_path)

    def run(**variables: str) -> subprocess.CompletedProcess:
        settings = {"SAM_CONFIG_FILE": "/nonexistent", "ARTEFACTS": str(tmp_path)}
        command = [sys.executable, INFRA / "deploy/deployment.py"]
        return subprocess.run(command, env={**cloud.account(REGION), **settings, **variables}, capture_output=True, text=True)

    return run


@pytest.fixture
def write(run, tmp_path: Path, monkeypatch):
    """Writes the template, and reads it."""
    monkeypatch.syspath_prepend(str(INFRA / "deploy"))
    monkeypatch.setenv("SAM_CONFIG_FILE", "/nonexistent")
    from parameters import read_template

    def write(**variables: str) -> dict:
        written = run(**variables)
        assert written.returncode == 0, written
        return read_template(tmp_path / "template.yaml")

    return write


@pytest.fixture
def refused(run):
    """The reason of a refusal."""

    def refused(**variables: str) -> str:
        refusal = run(**variables)
        assert refusal.returncode == 1 and "Traceback" not in refusal.stderr, refusal
        return refusal.stderr

    return refused
