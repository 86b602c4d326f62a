"""The effects of `make deploy` and `make destroy` on the artefacts and an account."""

import json
import os
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import artefacts
from cloud import STACK, Deployed
from expanded import Stack, source

INFRA = Path(__file__).resolve().parents[3] / "infra"
sys.path.insert(0, str(INFRA / "deploy"))

from checks.transmitters import AcceptedUsers, check_transmitters  # noqa: E402
from json_values import CHECKS  # noqa: E402

# A separate region without other stacks.
REGION = "us-west-2"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the artefacts that tests may damage."""
    return Path(shutil.copytree(artefacts.DIRECTORY, tmp_path / "lambda"))


def check(directory: Path) -> subprocess.CompletedProcess:
    environment = {**os.environ, "ARTEFACTS": str(directory)}
    return run([INFRA / "deploy/run", "check"], environment)


def test_s03_what_was_built_is_what_is_deployed(copy):
    checked = check(copy)
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("name", ["issue-access-token.zip", "issue-access-token.cdx.json", "guestpass"])
def test_s03_a_flipped_byte_is_not_deployed(copy, name):
    bytes_ = bytearray((copy / name).read_bytes())
    bytes_[len(bytes_) // 2] ^= 1
    (copy / name).write_bytes(bytes_)
    checked = check(copy)
    assert checked.returncode == 1
    assert name in checked.stderr + checked.stdout
    assert "do not match their SHA256SUMS" in checked.stderr


def test_deploy_requires_a_build(tmp_path):
    checked = check(tmp_path)
    assert (checked.returncode, checked.stderr) == (1, f"deploy: no artefacts in {tmp_path}: run `make build` first\n")


CONFIG = """version = 0.1
[default.deploy.parameters]
stack_name = "guestpass"
region = "us-west-2"
parameter_overrides = "Issuer=\\"https://idp.example/\\" Policy=\\"{\\\\\\"rules\\\\\\": []}\\" CleanupMode=\\"plan\\""
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The settings that the first `make deploy` stored."""
    config = tmp_path / "samconfig.toml"
    config.write_text(CONFIG)
    return config


def test_a_parameter_is_changed_and_kept(account, config):
    variables = {"SAM_CONFIG_FILE": str(config)}
    before = script("parameters.py", account, "", **variables)
    assert before.returncode == 0 and config.read_text() == CONFIG, before
    changes = "CleanupSchedule='rate(1 day)' CleanupMissingHours=48 CleanupMode=apply TokenScope='guestpass/token' ReservedConcurrency=no AdminCondition='{\"role\": \"a\", \"ok\": true}'"
    after = script("parameters.py", account, "", **variables, SET=changes)
    assert after.returncode == 0, after
    kept = tomllib.loads(config.read_text())["default"]["deploy"]["parameters"]
    assert shlex.split(kept["parameter_overrides"]) == [
        "Issuer=https://idp.example/", 'Policy={"rules": []}', "CleanupMode=apply", "CleanupSchedule=rate(1 day)",
        "CleanupMissingHours=48", "TokenScope=guestpass/token",
        "ReservedConcurrency=no", 'AdminCondition={"role": "a", "ok": true}',
    ]


def test_an_unknown_parameter_is_named_and_nothing_is_changed(account, config):
    refused = script("parameters.py", account, "", SAM_CONFIG_FILE=str(config), SET="CleanUpMode=apply")
    assert refused.returncode == 1 and "'CleanUpMode'" in refused.stderr and "CleanupMode" in refused.stderr
    assert config.read_text() == CONFIG


@pytest.mark.parametrize(
    "change, why",
    [
        ('Policy={"rules":[]}', "of Policy: must be valid JSON"),
        ("AdminCondition=guestpass-admins", "of AdminCondition: must be valid JSON"),
        ("AdminCondition={}", "of AdminCondition: a condition must be"),
        (f"""AdminCondition='{json.dumps({"role": "x" * 300})}'""", "of AdminCondition: is too long"),
        ("""Authorizer=lambda Issuers='[{"issuer":"https://a"}]'""", "of Issuers: invalid entry at index 0: `audiences` must be"),
        ("CleanupMode=aply", "of CleanupMode: must be one of plan, apply"),
        ("ReservedConcurrency=maybe", "of ReservedConcurrency: must be one of yes, no"),
        ("Architecture=arm64", "Architecture cannot be changed"),
        ("CleanupSchedule=rate(1 hour)", "in its own quotes"),
        ("CleanupSchedule='rate(13 hours)'", "CleanupMissingHours=24 is less than two intervals"),
        ("CleanupSchedule='rate(1 day)' CleanupMissingHours=47", "is less than two intervals"),
        ("CleanupSchedule='cron(0 3 * * ? *)'", "CleanupSchedule=cron(0 3 * * ? *), of up to 24 hours"),
        ("CleanupSchedule='cron(0 3 L * ? *)'", "set CleanupMissingHours, too"),
        ("CleanupMissingHours=x", "of CleanupMissingHours: must be a whole number of at least 2, at most 168"),
        ("RequestsPerSecond=0", "of RequestsPerSecond: must be a whole number of at least 1;"),
        ("LogLevel=WARN", "of LogLevel: must be one of INFO, DEBUG, TRACE"),
        ("Policy=it's", "invalid SET"),
        (f"""Policy='{json.dumps({"rules": ["x" * 3000]})}'""", "of Policy: is too long"),
        ("""Policy='{"a": "\\\\""}'""", "SAM cannot store a backslash"),
        ("AdminScope='x\\'", "SAM cannot store a backslash at the end of a value"),
        ("AdminScope='x\\ y'", "SAM cannot store a backslash"),
        ("AdminScope='x\\\ny'", "SAM cannot store a backslash"),
    ],
)
def test_an_invalid_value_is_refused_and_nothing_is_changed(account, config, change, why):
    refused = script("parameters.py", account, "", SAM_CONFIG_FILE=str(config), SET=change)
    assert refused.returncode == 1 and why in refused.stderr and "Traceback" not in refused.stderr, refused
    assert config.read_text() == CONFIG


def test_a_stored_default_does_not_permit_a_schedule_whose_interval_is_unknown(account, config):
    config.write_text(CONFIG.replace("CleanupMode=", 'CleanupMissingHours=\\"24\\" CleanupMode='))
    schedule = "CleanupSchedule='cron(0 3 L * ? *)'"
    for change, is_valid in [
        (schedule, False), (f"{schedule} CleanupMissingHours=24", True), ("", False), ("CleanupMissingHours=48", True), ("", True),
    ]:
        ran = script("parameters.py", account, "", SAM_CONFIG_FILE=str(config), SET=change)
        assert (ran.returncode == 0, "set CleanupMissingHours, too" in ran.stderr) == (is_valid, not is_valid), (change, ran)


@pytest.mark.parametrize("overrides", ['["CleanupMode=plan", "Issuer=https://a b"]', '{ CleanupMode = "plan", Issuer = "https://a b" }'])
def test_parameters_can_be_a_list_or_a_table(account, config, overrides):
    config.write_text(f"[default.deploy.parameters]\nparameter_overrides = {overrides}\n")
    changed = script("parameters.py", account, "", SAM_CONFIG_FILE=str(config), SET="CleanupMode=apply")
    assert changed.returncode == 0, changed
    kept = tomllib.loads(config.read_text())["default"]["deploy"]["parameters"]
    assert sorted(shlex.split(kept["parameter_overrides"])) == ["CleanupMode=apply", "Issuer=https://a b"]


def test_a_backslash_within_a_value_is_kept(account, config):
    changed = script("parameters.py", account, "", SAM_CONFIG_FILE=str(config), SET="AdminScope='a\\b'")
    assert changed.returncode == 0, changed
    assert '"a\\b"' in tomllib.loads(config.read_text())["default"]["deploy"]["parameters"]["parameter_overrides"]
    assert script("parameters.py", account, "", SAM_CONFIG_FILE=str(config)).returncode == 0


@pytest.mark.parametrize(
    "overrides, why",
    [
        ("""'AdminScope="x\\" CleanupMode="plan"'""", "cannot be read"),
        ("""'AdminScope="x" y'""", "cannot be read"),
        ("""'Issuers="[1]"'""", "invalid value '[1]' of Issuers"),
        ("""{ AdminScope = 'x\\' }""", "SAM cannot store a backslash"),
    ],
)
def test_a_file_with_invalid_parameters_is_refused_and_nothing_is_changed(account, config, overrides, why):
    config.write_text(f"[default.deploy.parameters]\nparameter_overrides = {overrides}\n")
    before = config.read_text()
    refused = script("parameters.py", account, "", SAM_CONFIG_FILE=str(config), SET="CleanupMode=apply")
    assert refused.returncode == 1 and why in refused.stderr and "Traceback" not in refused.stderr, refused
    assert config.read_text() == before


def parameter_values() -> list[list[str]]:
    lines = (INFRA.parent / "tests/infra/parameter_values.txt").read_text().splitlines()
    return [line.split(" ", 2) for line in lines if line and not line.startswith("#")]


@pytest.mark.parametrize("name, expected, value", parameter_values())
def test_make_deploy_and_the_functions_agree_on_a_value(name, expected, value):
    parameter, *users = name.split("/")
    try:
        if parameter == "Transmitters":
            check_transmitters(value, AcceptedUsers("https://idp.example", "Issuers" in users, users[0].split(",")))
        else:
            CHECKS[name](value)
        found = "valid"
    except ValueError:
        found = "invalid"
    assert found == expected


def test_the_empty_value_of_a_parameter_with_json_is_its_default():
    CHECKS["AdminCondition"]("")
    CHECKS["Issuers"]("")
    CHECKS["Transmitters"]("")


def test_r01_the_issuer_and_subject_claims_cannot_change_while_the_table_has_records(cloud, account, config):
    def deploy(change: str, **variables: str) -> subprocess.CompletedProcess:
        change = {"SET": change, "SAM_CONFIG_FILE": str(config), "STACK": "with-a-table"}
        return script("record_keys.py", account, "", **change, **variables)

    others = ["SubjectClaims=tid,oid", "Issuer=https://idp.example/"]
    assert deploy(others[0]).returncode == 0, "the first deployment"
    template = table_template("of-the-claims")
    issuer = [{"ParameterKey": "Issuer", "ParameterValue": "https://idp.example"}]
    cloud.client("cloudformation", REGION).create_stack(
        StackName="with-a-table", TemplateBody=json.dumps(template), Parameters=issuer
    )
    for other in others:
        assert deploy(other).returncode == 0, "the table is empty"
    record = {"externalId": {"S": "https://idp.example|a"}, "staleShard": {"N": "0"}, "lastIssuedAt": {"N": "1"}}
    cloud.client("dynamodb", REGION).put_item(TableName="of-the-claims", Item=record)
    kept = "Issuer=https://idp.example"
    for other, change in [
        (f"{kept} {others[0]}", "SubjectClaims would change from 'sub' to 'tid,oid'"),
        (others[1], "Issuer would change from 'https://idp.example' to 'https://idp.example/'"),
        ("", "Issuer would change from 'https://idp.example' to 'https://idp.example/'"),
    ]:
        refused = deploy(other)
        assert refused.returncode == 1 and change in refused.stderr, refused
        assert "FORCE=new-users" in refused.stderr
        assert deploy(other, FORCE="new-users").returncode == 0
        assert deploy(other, FORCE="issuer-keys new-users").returncode == 0
        assert deploy(other, FORCE="yes").returncode == 1
    assert deploy(f"{kept} SubjectClaims=sub").returncode == 0
    assert deploy(kept).returncode == 0
    assert config.read_text() == CONFIG


def table_template(name: str) -> dict:
    """A stack of a release without the parameter SubjectClaims, as far as its table."""
    properties = Stack(source()).of_type("AWS::DynamoDB::Table")["Identities"]
    keys = ["AttributeDefinitions", "BillingMode", "GlobalSecondaryIndexes", "KeySchema"]
    table = {"TableName": name} | {key: properties[key] for key in keys}
    outputs = {"TableName": {"Value": {"Ref": "Identities"}}}
    resources = {"Identities": {"Type": "AWS::DynamoDB::Table", "Properties": table}}
    return {"Parameters": {"Issuer": {"Type": "String"}}, "Resources": resources, "Outputs": outputs}


def test_a_file_of_another_environment_is_refused(account, config):
    config.write_text(CONFIG.replace("default", "prod"))
    refused = script("parameters.py", account, "", SAM_CONFIG_FILE=str(config))
    assert refused.returncode == 1 and "environments" in refused.stderr, refused


def test_destroy_deletes_the_stack_and_the_identities_but_not_the_tables(cloud, acs, account):
    deployed = cloud.deploy(acs.connection_string, REGION, Issuer="https://idp.example", Audience="app")
    table, audit = deployed.ids["Identities"], deployed.ids["AuditLog"]
    tool = {**account, "COMMUNICATION_SERVICES_CONNECTION_STRING": acs.connection_string, "GUESTPASS_TABLE": table}
    before = acs.identities()
    for user in ["one", "another"]:
        run([artefacts.GUESTPASS, "identity", "create", "--external-id", user], tool).check_returncode()
    assert len(acs.identities() - before) == 2

    declined = script("destroy.py", account, "something else\n", IDENTITIES="delete")
    assert declined.returncode == 1 and declined.stderr == "destroy: nothing was deleted: the name of the stack was not typed\n", declined
    assert is_there(deployed)

    forbidden = script("destroy.py", account, f"{STACK}\n", IDENTITIES="delete", AWS_ENDPOINT_URL_SECRETS_MANAGER="http://127.0.0.1:1")
    assert forbidden.returncode == 1 and "nothing was deleted: the identities cannot" in forbidden.stderr, forbidden
    assert is_there(deployed)

    destroyed = script("destroy.py", account, f"{STACK}\n", IDENTITIES="delete")
    assert destroyed.returncode == 0, destroyed
    deleted, kept = destroyed.stdout.split("Kept, ")
    assert "IssueAccessToken" in deleted and table not in deleted and "every identity" in deleted
    assert table in kept and audit in kept and audit not in deleted
    tables = deployed.client("dynamodb").list_tables()["TableNames"]
    assert {table, audit} <= set(tables), "both outlive the stack"
    assert not is_there(deployed)
    assert acs.identities() == before
    told = run([artefacts.GUESTPASS, "identity", "list", "-o", "json"], tool)
    assert (told.returncode, told.stdout.strip()) == (0, "[]"), "the table must be kept, but without identities"


def test_destroy_refuses_an_unknown_stack(account):
    nothing = script("destroy.py", account, "", STACK="another")
    assert nothing.returncode == 1 and nothing.stderr.startswith("destroy: ") and "another" in nothing.stderr, nothing


def test_destroy_deletes_a_stack_that_has_no_table(cloud, account):
    # moto does not create the key, and does not change the template.
    key = {"Type": "AWS::SecretsManager::Secret", "Properties": {"GenerateSecretString": {}}}
    template = {"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}, "CallerHashKey": key}}
    cloudformation = cloud.client("cloudformation", REGION)
    cloudformation.create_stack(StackName="half", TemplateBody=json.dumps(template))
    refused = script("destroy.py", account, "half\n", STACK="half", IDENTITIES="delete")
    assert refused.returncode == 1 and "lacks its table" in refused.stderr, refused
    destroyed = script("destroy.py", account, "half\n", STACK="half")
    assert (destroyed.returncode, destroyed.stdout.splitlines()[-1]) == (0, "deleted the stack half"), destroyed
    deleted, kept = destroyed.stdout.split("Kept, ")
    assert "the key of the caller hashes" in deleted and "the table" not in kept


@pytest.fixture
def account(cloud) -> dict[str, str]:
    return cloud.account(REGION)


def is_there(deployed: Deployed) -> bool:
    stacks = deployed.client("cloudformation").list_stacks()["StackSummaries"]
    return any(one["StackName"] == STACK and one["StackStatus"] == "CREATE_COMPLETE" for one in stacks)


def script(name: str, account: dict[str, str], said: str, **variables: str) -> subprocess.CompletedProcess:
    """Runs the command of `make`, with typed input."""
    nothing = {"ARTEFACTS": str(artefacts.DIRECTORY), "SAM_CONFIG_FILE": "/nonexistent"}
    environment = {**account, **nothing, **variables}
    return run([sys.executable, INFRA / "deploy" / name], environment, said)


def run(command: list, environment: dict[str, str], said: str = "") -> subprocess.CompletedProcess:
    return subprocess.run(command, env=environment, input=said, capture_output=True, text=True)
