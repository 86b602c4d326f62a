"""Restores the table of identities to an earlier time, into a new table, and prepares that for the stack.

    make restore TIME=2026-11-26T12:00:00Z     the state of that time; without TIME, the latest one

It changes neither the stack nor its present table, and prints what to do before the stack uses the new table, and how
to attach it.
DynamoDB restores neither the expiry of items nor the protection of a table, so this sets both."""

import os
import shlex
import sys
import time
from datetime import UTC, datetime

from botocore.exceptions import BotoCoreError, ClientError

import stack_settings
from stack_settings import STACK

# Deploys the new table without a cleanup that deletes, and all at once: CloudFormation changes the rights of the functions
# before the aliases move, so a canary would fail in the versions that still use the old table, and be rolled back.
ATTACHED = {"CleanupMode": "plan", "CleanupGuests": "plan", "DeploymentType": "AllAtOnce"}

SECONDS_BETWEEN_LOOKS = float(os.environ.get("SECONDS_BETWEEN_LOOKS", "15"))


def main() -> None:
    text = os.environ.get("TIME", "")
    try:
        at = datetime.fromisoformat(text) if text else None
    except ValueError:
        at = None
    if text and (at is None or at.tzinfo is None):
        sys.exit(f"restore: invalid TIME {text!r}: expected a time with its zone, for example 2026-11-26T12:00:00Z")
    try:
        restore(stack_settings.client("cloudformation"), stack_settings.client("dynamodb"), at)
    except (BotoCoreError, ClientError) as error:
        sys.exit(f"restore: {error}")


def restore(cloudformation, dynamodb, at: datetime | None) -> None:
    stack = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]
    outputs = {one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", [])}
    source = outputs["TableName"]
    target = f"{STACK}-identities-{datetime.now(UTC):%Y%m%d%H%M%S%f}"
    when = {"RestoreDateTime": at} if at else {"UseLatestRestorableTime": True}
    print(f"restoring {source} to {target}: this takes from some minutes to some hours …", flush=True)
    dynamodb.restore_table_to_point_in_time(SourceTableName=source, TargetTableName=target, **when)
    while dynamodb.describe_table(TableName=target)["Table"]["TableStatus"] != "ACTIVE":
        time.sleep(SECONDS_BETWEEN_LOOKS)
    expiry = dynamodb.describe_time_to_live(TableName=source)["TimeToLiveDescription"].get("AttributeName", "expiresAt")
    dynamodb.update_time_to_live(TableName=target, TimeToLiveSpecification={"Enabled": True, "AttributeName": expiry})
    dynamodb.update_continuous_backups(
        TableName=target, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    dynamodb.update_table(TableName=target, DeletionProtectionEnabled=True)
    # Blocked users would get tokens from a table without the blocks.
    print(f"restored {target}. First repeat in it the blocks and the other changes since then, as step 3 of")
    print("\"Restoring the table\" in infra/README.md describes:")
    print(f"  export GUESTPASS_TABLE={target}")
    print("Then attach it, with a cleanup that deletes nothing:")
    print(how_to_attach(target))


def how_to_attach(table: str) -> str:
    parameters = {"ExistingTableName": table, **ATTACHED}
    # `make deploy` refuses SET together with CONFIG.
    if config := os.environ.get("CONFIG"):
        return "\n".join([
            f"set in {config}, in the table [parameters]:", *(f'  {name} = "{value}"' for name, value in parameters.items()),
            "then run:", f"  make deploy CONFIG={shlex.quote(config)}",
        ])
    return f'  make deploy SET="{" ".join(f"{name}={value}" for name, value in parameters.items())}"'


if __name__ == "__main__":
    main()
