"""`make deploy` compares existing tables with those of the template before anything is created."""

import copy
import json
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from moto.cloudformation.models import cloudformation_backends

from cloud import ACCOUNT
from expanded import Stack, source
from restoring import protect

INFRA = Path(__file__).resolve().parents[4] / "infra"
REGION = "eu-west-2"
PROPERTIES = Stack(source()).of_type("AWS::DynamoDB::Table")
KEYS = ["AttributeDefinitions", "BillingMode", "GlobalSecondaryIndexes", "KeySchema"]


@pytest.fixture
def deploy(cloud, tmp_path):
    """Runs the check with these parameters: those that are stored, and those in SET."""

    def run(stored: str = "", force: str = "", **change: str) -> subprocess.CompletedProcess:
        config = tmp_path / "samconfig.toml"
        config.write_text(f'[default.deploy.parameters]\nstack_name = "s"\nparameter_overrides = "{stored}"\n')
        changes = " ".join(f"{name}={value}" for name, value in change.items())
        environment = {**cloud.account(REGION), "SAM_CONFIG_FILE": str(config), "SET": changes, "FORCE": force}
        return subprocess.run([sys.executable, INFRA / "deploy/existing_tables.py"], env=environment, capture_output=True, text=True)

    return run


def create(cloud, table: str, change=lambda properties: None, is_protected: bool = True) -> str:
    """Creates a table like one of the template, with a change, and returns its name."""
    properties = copy.deepcopy({key: PROPERTIES[table][key] for key in KEYS})
    change(properties)
    name = f"{table}-{uuid.uuid4()}"
    dynamodb = cloud.client("dynamodb", REGION)
    dynamodb.create_table(TableName=name, **properties)
    if is_protected:
        protect(dynamodb, name)
    return name


def test_tables_like_those_of_the_template_are_accepted(cloud, deploy):
    identities, audit = create(cloud, "Identities"), create(cloud, "AuditLog")
    for checked in [
        deploy(),
        deploy(ExistingTableName=identities, ExistingAuditTableName=audit),
        deploy(f"ExistingTableName={identities} ExistingAuditTableName={audit}"),
        deploy("ExistingTableName=missing", ExistingTableName=identities),
        deploy(ExistingTableName=create(cloud, "Identities", project_everything)),
    ]:
        assert (checked.returncode, checked.stderr) == (0, ""), checked


def project_everything(properties: dict) -> None:
    for index in properties["GlobalSecondaryIndexes"]:
        index["Projection"] = {"ProjectionType": "ALL"}


def without_an_index(properties: dict) -> None:
    properties["GlobalSecondaryIndexes"].pop()
    definitions = properties["AttributeDefinitions"]
    properties["AttributeDefinitions"] = [one for one in definitions if "unfinished" not in one["AttributeName"]]


def without_an_attribute(properties: dict) -> None:
    properties["GlobalSecondaryIndexes"][1]["Projection"]["NonKeyAttributes"].remove("epoch")


def with_another_key(properties: dict) -> None:
    for definition in properties["AttributeDefinitions"]:
        if definition["AttributeName"] == "lastIssuedAt":
            definition["AttributeType"] = "S"


@pytest.mark.parametrize("change, why", [
    (without_an_index, "the index by-unfinished is missing"),
    (without_an_attribute, "the index by-last-issued lacks epoch: make the index again"),
    (with_another_key, "the key of the index by-last-issued is staleShard (HASH, N), lastIssuedAt (RANGE, S), expected staleShard (HASH, N), lastIssuedAt (RANGE, N)"),
    (lambda one: one["GlobalSecondaryIndexes"][2].update(Projection={"ProjectionType": "KEYS_ONLY"}), "the index by-unfinished lacks acsId, attempts"),
])
def test_a_table_that_the_functions_cannot_use_is_refused_with_what_differs(cloud, deploy, change, why):
    refused = deploy(ExistingTableName=create(cloud, "Identities", change))
    assert refused.returncode == 1 and "nothing was deployed" in refused.stderr and why in refused.stderr, refused


EXPIRY = "its items never expire: run `aws dynamodb update-time-to-live --table-name {0} --time-to-live-specification Enabled=true,AttributeName=expiresAt`"
BACKUPS = "it has no backups (point-in-time recovery): run `aws dynamodb update-continuous-backups --table-name {0} --point-in-time-recovery-specification PointInTimeRecoveryEnabled=true`"
DELETION = "it can be deleted (no deletion protection): run `aws dynamodb update-table --table-name {0} --deletion-protection-enabled`"


def test_a_table_whose_restore_was_interrupted_is_refused_with_what_finishes_it(cloud, deploy):
    name = create(cloud, "Identities", is_protected=False)
    refused = deploy(ExistingTableName=name)
    lines = [f"  ExistingTableName={name}: {one.format(name)}" for one in [EXPIRY, BACKUPS, DELETION]]
    assert refused.returncode == 1 and refused.stderr.splitlines()[1:4] == lines, refused
    assert f"`make restore TABLE={name}` sets all of this" in refused.stderr, refused
    audit = create(cloud, "AuditLog", is_protected=False)
    refused = deploy(ExistingAuditTableName=audit)
    assert refused.stderr.count(f"ExistingAuditTableName={audit}: ") == 3 and "make restore" not in refused.stderr, refused


@pytest.mark.parametrize("expiry, backups, is_kept, missing", [
    (None, True, True, EXPIRY),
    ("anotherAttribute", True, True, EXPIRY),
    ("expiresAt", False, True, BACKUPS),
    ("expiresAt", True, False, DELETION),
])
def test_each_protection_that_a_table_lacks_is_told_with_its_command(cloud, deploy, expiry, backups, is_kept, missing):
    dynamodb, name = cloud.client("dynamodb", REGION), create(cloud, "Identities", is_protected=False)
    if expiry:
        dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification={"Enabled": True, "AttributeName": expiry})
    dynamodb.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": backups})
    dynamodb.update_table(TableName=name, DeletionProtectionEnabled=is_kept)
    refused = deploy(ExistingTableName=name)
    assert refused.returncode == 1 and refused.stderr.splitlines()[1:-1] == [f"  ExistingTableName={name}: {missing.format(name)}"], refused


@pytest.mark.parametrize("projection, why", [
    ({"ProjectionType": "KEYS_ONLY"}, "the index by-day lacks all attributes but its keys"),
    ({"ProjectionType": "INCLUDE", "NonKeyAttributes": ["action"]}, "the index by-day lacks some attributes"),
])
def test_an_audit_log_whose_index_has_only_some_attributes_is_refused(cloud, deploy, projection, why):
    name = create(cloud, "AuditLog", lambda one: one["GlobalSecondaryIndexes"][1].update(Projection=projection))
    refused = deploy(ExistingAuditTableName=name)
    assert refused.returncode == 1 and f"ExistingAuditTableName={name}: {why}" in refused.stderr, refused


def test_the_table_of_something_else_and_a_missing_table_are_refused(cloud, deploy):
    audit = create(cloud, "AuditLog")
    swapped = deploy(ExistingTableName=audit)
    assert "its key is user (HASH, S), at (RANGE, S), expected externalId (HASH, S): it is the table of something else" in swapped.stderr, swapped
    missing = deploy(ExistingTableName="missing", ExistingAuditTableName=audit)
    assert missing.returncode == 1 and "cannot read the table missing of ExistingTableName" in missing.stderr, missing


@pytest.mark.parametrize("name, lost", [
    ("ExistingTableName", "every user would become a new user"),
    ("ExistingAuditTableName", "would not find what was done before"),
])
def test_an_existing_table_is_not_left_for_a_new_one(cloud, deploy, name, lost):
    cloudformation = cloud.client("cloudformation", REGION)
    template = {"Parameters": {name: {"Type": "String"}}, "Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}
    given = [{"ParameterKey": name, "ParameterValue": "restored"}]
    # `config.py` writes the default of a parameter that is not in the file.
    empty = f'{name}=\\"\\"'
    assert deploy(empty).returncode == 0, "the first deployment"
    cloudformation.create_stack(StackName="s", TemplateBody=json.dumps(template), Parameters=given)
    for refused in [deploy(empty), deploy(f"{name}=restored", **{name: ""}), deploy(empty, force="new-users")]:
        assert refused.returncode == 1 and f"  {name}, now restored, is empty" in refused.stderr and lost in refused.stderr, refused
        assert "Keep the value, or add FORCE=" in refused.stderr, refused
    assert deploy(empty, force="new-table").returncode == 0
    assert deploy().returncode == 0, "CloudFormation keeps the value of a parameter that is not given"
    table = {"ExistingTableName": "Identities", "ExistingAuditTableName": "AuditLog"}[name]
    assert deploy(f"{name}={create(cloud, table)}").returncode == 0, "another table"
    cloudformation.delete_stack(StackName="s")


def test_all_tables_that_would_be_left_are_told_at_once(cloud, deploy):
    names = ["ExistingTableName", "ExistingAuditTableName"]
    template = {"Parameters": {name: {"Type": "String"} for name in names}, "Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}
    given = [{"ParameterKey": name, "ParameterValue": "restored"} for name in names]
    cloud.client("cloudformation", REGION).create_stack(StackName="s", TemplateBody=json.dumps(template), Parameters=given)
    empty = " ".join(f'{name}=\\"\\"' for name in names)
    refused = deploy(empty)
    assert refused.returncode == 1 and all(f"  {name}, now restored" in refused.stderr for name in names), refused
    [stack] = [one for one in cloudformation_backends[ACCOUNT][REGION].stacks.values() if one.name == "s"]
    stack.status = "ROLLBACK_COMPLETE"
    assert deploy(empty).returncode == 0, "a stack whose creation failed uses no table"
    cloud.client("cloudformation", REGION).delete_stack(StackName="s")


def test_a_table_or_an_index_that_is_not_active_yet_is_refused(cloud, monkeypatch):
    monkeypatch.syspath_prepend(str(INFRA / "deploy"))
    monkeypatch.setenv("SAM_CONFIG_FILE", "/nonexistent")
    import existing_tables

    found = cloud.client("dynamodb", REGION).describe_table(TableName=create(cloud, "Identities"))["Table"]
    found["TableStatus"] = found["GlobalSecondaryIndexes"][0]["IndexStatus"] = "CREATING"
    assert existing_tables.differences(PROPERTIES["Identities"], found) == [
        "its status is CREATING: wait until it is ACTIVE",
        "the status of the index by-acs-id is CREATING: wait until it is ACTIVE",
    ]
