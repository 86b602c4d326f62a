"""The way from a backup to a token: `make restore`, the restored table in place of the old one, a request,
and a cleanup that only counts."""

import json
import subprocess
import sys
import tomllib
import uuid
from pathlib import Path

import pytest

import artefacts
from api import ISSUER, call
from cloud import ACCOUNT, REGION, STACK
from expanded import Stack

INFRA = Path(__file__).resolve().parents[4] / "infra"


def test_a_restored_table_is_attached_and_gives_its_users_their_identities(cloud, deployed, acs, start, account, operator):
    before, after = f"user-{uuid.uuid4()}", f"user-{uuid.uuid4()}"
    identity = identity_of(call(start("IssueAccessToken"), "POST /v1/token", before))

    restored = restore({**account, **operator()})
    assert restored.returncode == 0, restored
    [command] = [line.strip() for line in restored.stdout.splitlines() if "make deploy" in line]
    table = command.split("ExistingTableName=")[1].split(" ")[0]
    assert command.endswith('CleanupMode=plan"')
    lost = identity_of(call(start("IssueAccessToken"), "POST /v1/token", after))

    # Each role may use the table of the parameter, as the rules of the template say.
    stack = Stack(deployed.stack.source, **{**deployed.stack.given, "ExistingTableName": table, "CleanupMode": "plan"})
    variables = {name: stack.functions()["DeleteStaleIdentities"]["Environment"]["Variables"][name] for name in ["TABLE_NAME", "CLEANUP_MODE"]}
    assert variables == {"TABLE_NAME": table, "CLEANUP_MODE": "plan"}
    administrator = {name: account[name] for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]} | {"AWS_SESSION_TOKEN": ""}
    attached = {**administrator, **variables}
    issue = start("IssueAccessToken", **attached)
    assert identity_of(call(issue, "POST /v1/token", before)) == identity
    # What came after the backup is in ACS only. Its user gets another identity.
    assert identity_of(call(issue, "POST /v1/token", after)) != lost

    identities = acs.identities()
    run = start("DeleteStaleIdentities", **attached).invoke({"time": "2099-01-01T00:00:00Z", "mode": "plan"})
    assert run["mode"] == "plan" and run["wouldDelete"] > 0 and "deleted" not in run, run
    assert acs.identities() == identities
    check(cloud, deployed, table)
    # The same comparison, with the ACS IDs of the log: which of them the restored table does not know.
    tool = {**account, "GUESTPASS_TABLE": table, "COMMUNICATION_SERVICES_CONNECTION_STRING": acs.connection_string}
    known = subprocess.run([artefacts.GUESTPASS, "identity", "list", "-o", "json"], env=tool, capture_output=True, text=True).stdout
    assert identity in known and lost not in known


def check(cloud, deployed, table: str) -> None:
    """The restored table is as protected as that of the template."""
    dynamodb = cloud.client("dynamodb")
    found = dynamodb.describe_table(TableName=table)["Table"]
    wanted = dynamodb.describe_table(TableName=deployed.ids["Identities"])["Table"]
    assert found["KeySchema"] == wanted["KeySchema"] and found["DeletionProtectionEnabled"]
    assert {one["IndexName"] for one in found["GlobalSecondaryIndexes"]} == {one["IndexName"] for one in wanted["GlobalSecondaryIndexes"]}
    expiry = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    assert (expiry["TimeToLiveStatus"], expiry["AttributeName"]) == ("ENABLED", "expiresAt")
    backups = dynamodb.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"


def test_with_a_configuration_the_table_belongs_into_its_file(deployed, account):
    restored = restore(account, CONFIG="/its place/production.toml")
    assert restored.returncode == 0 and "SET=" not in restored.stdout, restored
    how = restored.stdout.split("set in /its place/production.toml, in the table [parameters]:\n")[1]
    added, command = how.split("then run:\n")
    parameters = tomllib.loads(added)
    assert parameters.pop("ExistingTableName").startswith(f"{STACK}-identities-") and parameters == {"CleanupMode": "plan"}
    assert command.strip() == "make deploy CONFIG='/its place/production.toml'"


@pytest.mark.parametrize("time", ["yesterday", "2026-11-26T12:00:00"])
def test_a_time_without_a_zone_is_refused(account, time):
    refused = restore(account, TIME=time)
    assert refused.returncode == 1 and f"invalid TIME '{time}'" in refused.stderr, refused


@pytest.mark.parametrize("action", ["RestoreTableToPointInTime", "DescribeTable", "DescribeTimeToLive", "UpdateTimeToLive", "UpdateContinuousBackups", "UpdateTable"])
def test_without_one_of_its_rights_an_operator_cannot_restore(deployed, account, operator, action):
    refused = restore({**account, **operator(without=f"dynamodb:{action}")})
    assert refused.returncode == 1 and f"dynamodb:{action}" in refused.stderr, refused


def identity_of(answer) -> str:
    assert answer.status == 200, answer
    return answer.body["user"]["communicationUserId"]


@pytest.fixture
def account(cloud) -> dict[str, str]:
    own = {"SAM_CONFIG_FILE": "/nonexistent", "STACK": STACK, "PYTHONPATH": str(INFRA / "deploy")}
    return {**cloud.account(), **own, "SECONDS_BETWEEN_LOOKS": "0"}


@pytest.fixture
def operator(cloud):
    """Credentials of a role with the documented rights, without one of them."""
    iam, sts = cloud.client("iam"), cloud.client("sts")

    def credentials(without: str = "") -> dict[str, str]:
        text = (INFRA / "operate/deploying-role.json").read_text()
        policy = json.loads(text.replace("ACCOUNT", ACCOUNT).replace("REGION", REGION).replace("STACK", STACK))
        for statement in policy["Statement"]:
            statement["Action"] = [action for action in statement["Action"] if action != without]
        name = f"operator-{uuid.uuid4()}"
        trust = {"Statement": [{"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}]}
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]
        iam.put_role_policy(RoleName=name, PolicyName="operator", PolicyDocument=json.dumps(policy))
        taken = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="operator")["Credentials"]
        return {
            "AWS_ACCESS_KEY_ID": taken["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": taken["SecretAccessKey"],
            "AWS_SESSION_TOKEN": taken["SessionToken"],
        }

    return credentials


def restore(account: dict[str, str], **variables: str) -> subprocess.CompletedProcess:
    command = [sys.executable, INFRA / "operate/restore.py"]
    return subprocess.run(command, env={**account, **variables}, capture_output=True, text=True)
