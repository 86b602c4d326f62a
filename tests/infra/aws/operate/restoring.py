"""What the tests of a restore share: the command, and the rights of the operator who runs it."""

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
