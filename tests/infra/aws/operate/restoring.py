"""What the tests of tables share: the restore, the rights of the operator who runs it, and the protections of a table."""

import json
import subprocess
import sys
import uuid
from pathlib import Path

from cloud import ACCOUNT, REGION, STACK, Cloud

INFRA = Path(__file__).resolve().parents[4] / "infra"


def account_of(cloud: Cloud) -> dict[str, str]:
    """The variables of an operator's command, with the rights of an administrator."""
    own = {"SAM_CONFIG_FILE": "/nonexistent", "STACK": STACK, "PYTHONPATH": str(INFRA / "deploy")}
    return {**cloud.account(), **own, "SECONDS_BETWEEN_LOOKS": "0"}


def operator_of(cloud: Cloud, without: str = "") -> dict[str, str]:
    """Credentials of a role with the documented rights, without one of them."""
    iam, sts = cloud.client("iam"), cloud.client("sts")
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


def restore(account: dict[str, str], **variables: str) -> subprocess.CompletedProcess:
    command = [sys.executable, INFRA / "operate/restore.py"]
    return subprocess.run(command, env={**account, **variables}, capture_output=True, text=True)


def protect(dynamodb, table: str) -> None:
    """Sets what the template sets for a table. moto ignores it in a template, as a restore does in AWS."""
    dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expiresAt"})
    dynamodb.update_continuous_backups(TableName=table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True})
    dynamodb.update_table(TableName=table, DeletionProtectionEnabled=True)
