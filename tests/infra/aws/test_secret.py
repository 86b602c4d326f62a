"""`make secret`: the connection strings of ACS in Secrets Manager."""

import importlib.util
import json
import subprocess
import sys
from base64 import b64encode
from pathlib import Path

import pytest
from moto.cloudformation.models import cloudformation_backends

from cloud import ACCOUNT

INFRA = Path(__file__).resolve().parents[3] / "infra"

# A separate region without stacks of other tests.
REGION = "us-west-2"


def test_make_secret_reads_standard_input_and_updates_the_secret_of_that_name(cloud, account):
    made = make_secret(account, connection_string("one"), SECRET="guestpass/of-a-test")
    assert made.returncode == 0 and made.stdout.startswith("created the secret guestpass/of-a-test"), made
    arn = made.stdout.splitlines()[-1]
    pasted = f'export ACS="{connection_string("another")}"\r\n'
    put = make_secret(account, pasted, SECRET="guestpass/of-a-test")
    assert put.stdout.splitlines()[-1] == arn, put
    kept = cloud.client("secretsmanager", REGION).get_secret_value(SecretId=arn)
    assert kept["SecretString"] == connection_string("another")


def test_make_secret_keeps_the_connection_strings_of_other_resources(cloud, account):
    name = "guestpass/of-several"

    def stored() -> str:
        return cloud.client("secretsmanager", REGION).get_secret_value(SecretId=name)["SecretString"]

    for string, resource in [("one", "main"), ("two", "eu2"), ("three", "main")]:
        made = make_secret(account, connection_string(string), SECRET=name, RESOURCE=resource)
        assert made.returncode == 0, made
    assert json.loads(stored()) == {"main": connection_string("three"), "eu2": connection_string("two")}
    assert make_secret(account, "", SECRET=name, RESOURCE="eu2", REMOVE="yes").returncode == 0
    assert stored() == connection_string("three"), "with one resource, the text is its connection string"
    for resource, reason in [("eu2", "has no connection string of the resource eu2"), ("main", "is the last one"), ("EU", "invalid value 'EU' for RESOURCE")]:
        refused = make_secret(account, "", SECRET=name, RESOURCE=resource, REMOVE="yes")
        assert refused.returncode == 1 and reason in refused.stderr, refused


def test_make_secret_keeps_the_connection_string_of_a_resource_that_the_stack_names(cloud, account):
    name, secrets, cloudformation = "guestpass/of-a-stack", cloud.client("secretsmanager", REGION), cloud.client("cloudformation", REGION)
    strings = {resource: connection_string(resource) for resource in ["main", "eu2", "old", "of-a-rule", "of-guests", "unnamed"]}
    arn = secrets.create_secret(Name=name, SecretString=json.dumps(strings))["ARN"]

    def remove(resource: str, **variables: str) -> subprocess.CompletedProcess:
        return make_secret(account, "", SECRET=name, RESOURCE=resource, REMOVE="yes", STACK="with-resources", **variables)

    def create(**parameters: str) -> None:
        template = {"Parameters": dict.fromkeys(parameters, {"Type": "String"}), "Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}
        given = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
        cloudformation.create_stack(StackName="with-resources", TemplateBody=json.dumps(template), Parameters=given)

    policy = {"rules": [{"if": {"a": "b"}, "scopes": ["chat"], "resource": "of-a-rule"}], "guests": {"resource": "of-guests"}}
    placement = {"eu2": {}, "old": {"state": "draining"}}
    create(AcsSecretArn=arn, Policy=json.dumps(policy), AcsPlacement=json.dumps(placement))
    for resource in ["eu2", "old", "of-a-rule", "of-guests"]:
        refused = remove(resource)
        assert refused.returncode == 1 and f"names the resource {resource}, so" in refused.stderr, refused
    assert json.loads(secrets.get_secret_value(SecretId=name)["SecretString"]) == strings
    stacks = cloudformation_backends[ACCOUNT][REGION].stacks.values()
    [stack] = [one for one in stacks if one.name == "with-resources" and one.status != "DELETE_COMPLETE"]
    for status in ["UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS"]:
        stack.status = status
        refused = remove("unnamed")
        assert refused.returncode == 1 and "a deployment of the stack with-resources is in progress" in refused.stderr, refused
    assert json.loads(secrets.get_secret_value(SecretId=name)["SecretString"]) == strings
    stack.status = "UPDATE_COMPLETE"
    removed = remove("unnamed")
    assert (removed.returncode, removed.stderr) == (0, ""), removed

    # Another secret than that of the stack, and no stack: nothing is known about the resource.
    cloudformation.delete_stack(StackName="with-resources")
    assert "(it does not exist)" in remove("of-guests").stderr
    for resource, another in [("old", f"{arn}-another"), ("of-a-rule", arn.removesuffix(arn[-10:]))]:
        create(AcsSecretArn=another)
        warned = remove(resource)
        assert warned.returncode == 0 and f"(it does not use the secret {name})" in warned.stderr, warned
        cloudformation.delete_stack(StackName="with-resources")
    create(AcsSecretArn=arn, Policy="{}", AcsPlacement="{}")
    assert "names the resource main" in remove("main").stderr, "without AcsPlacement, it has all new identities"
    cloudformation.delete_stack(StackName="with-resources")
    create(AcsSecretArn=arn[:-7], Policy="{}", AcsPlacement="{}")
    assert "names the resource main" in remove("main").stderr, "the ARN of a secret without its random end"
    assert remove("eu2").returncode == 0
    cloudformation.delete_stack(StackName="with-resources")


def test_make_secret_says_when_the_functions_use_what_it_stored(cloud, account):
    name = "guestpass/of-messages"

    def said(resource: str, string: str = "one", host: str = "example", **variables: str) -> str:
        made = make_secret(account, connection_string(string, host), SECRET=name, RESOURCE=resource, **variables)
        assert made.returncode == 0, made
        message, arn = made.stdout.splitlines()
        assert arn.startswith("arn:"), made
        return message

    of_a_refused_key = "the functions read it when they start, and when ACS refuses the old key:"
    assert said("main") == f"created the secret {name}; its ARN is the parameter AcsSecretArn:"
    assert said("main", "two") == f"updated the secret {name}; {of_a_refused_key}"
    assert said("eu2") == f"added the resource eu2 to the secret {name}; only processes that start from now on know it, so deploy before it gets identities:"
    assert said("main", "two", "EXAMPLE") == f"updated the secret {name}; {of_a_refused_key}"
    assert said("main", "two", "other") == (
        f"updated the secret {name}, with another endpoint of the resource main; processes that run keep the old one for hours, "
        "so deploy with another LogLevel, which starts new ones, and with DeploymentType=AllAtOnce if ServerErrors is active:"
    )
    assert said("eu2", "two") == f"updated the secret {name}; {of_a_refused_key}"
    assert said("eu2", REMOVE="yes") == f"removed the resource eu2 from the secret {name}; older processes keep it until Lambda ends them, and `make rollback` to a deployment that names it needs it back:"
    secrets = cloud.client("secretsmanager", REGION)
    arn, name = secrets.create_secret(Name="guestpass/of-terraform")["ARN"], "guestpass/of-terraform"
    assert said("main") == f"stored the first connection string in the secret {name}; its ARN is the parameter AcsSecretArn:"
    assert secrets.get_secret_value(SecretId=arn)["SecretString"] == connection_string("one")


@pytest.mark.parametrize("text", ["", "hunter2", "endpoint=http://x/;accesskey=hunter2", "endpoint=https://x/;accesskey=?hunter2"])
def test_an_invalid_connection_string_is_refused_and_not_quoted(account, text):
    refused = make_secret(account, text, SECRET="guestpass/refused")
    assert refused.returncode == 1 and refused.stderr.startswith("secret: "), refused
    assert "hunter2" not in refused.stdout + refused.stderr


PASTED = json.loads((INFRA.parent / "shared/acs-client/src/auth/connection_string/pasted.json").read_text())


def test_make_secret_accepts_and_cleans_what_the_functions_accept(monkeypatch):
    monkeypatch.syspath_prepend(str(INFRA / "deploy"))
    monkeypatch.setenv("SAM_CONFIG_FILE", "/nonexistent")
    # Python has a module of this name, too.
    spec = importlib.util.spec_from_file_location("make_secret", INFRA / "deploy/secret.py")
    secret = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(secret)
    for row in PASTED:
        text = secret.clean(row["pasted"])
        assert row["stored"] == (text if secret.find_problem(text) is None else None), row


@pytest.mark.parametrize("region", [{}, {"AWS_REGION": "eu-central-1"}])
def test_the_region_is_the_one_that_was_deployed_to(cloud, account, tmp_path, region):
    del account["AWS_REGION"]
    config = tmp_path / "samconfig.toml"
    config.write_text('[default.deploy.parameters]\nstack_name = "guestpass"\nregion = "us-west-2"\n')
    made = make_secret(account | region, connection_string("one"), SAM_CONFIG_FILE=str(config), SECRET="of-the-region")
    assert made.stdout.splitlines()[-1].startswith("arn:aws:secretsmanager:us-west-2:"), made


@pytest.fixture
def account(cloud) -> dict[str, str]:
    return cloud.account(REGION)


def connection_string(key: str, host: str = "example") -> str:
    return f"endpoint=https://{host}.communication.azure.com/;accesskey={b64encode(key.encode()).decode()}"


def make_secret(account: dict[str, str], said: str, **variables: str) -> subprocess.CompletedProcess:
    """Runs the command of `make secret`, with this text in its standard input."""
    environment = {**account, "SAM_CONFIG_FILE": "/nonexistent", **variables}
    return subprocess.run([sys.executable, INFRA / "deploy/secret.py"], env=environment, input=said, capture_output=True, text=True)
