"""Restores the table of identities to an earlier time, into a new table, and prepares that for the stack.

    make restore TIME=2026-11-26T12:00:00Z     the state of that time; without TIME, the latest one
    make restore TABLE=guestpass-identities-…  finishes a table whose restore was interrupted

It changes neither the stack nor its present table, and prints what to do before the stack uses the new table, and how
to attach it.
DynamoDB restores neither the expiry of items nor the backups and the protection of a table, so this sets them."""

import os
import shlex
import sys
import time
from datetime import UTC, datetime

from botocore.exceptions import BotoCoreError, ClientError

import existing_tables
import parameters
import stack_settings
from stack_settings import STACK

# Deploys the new table without a cleanup that deletes, and all at once: CloudFormation changes the rights of the functions
# before the aliases move, so a canary would fail in the versions that still use the old table, and be rolled back.
ATTACHED = {"CleanupMode": "plan", "CleanupGuests": "plan", "DeploymentType": "AllAtOnce"}

SECONDS_BETWEEN_LOOKS = float(os.environ.get("SECONDS_BETWEEN_LOOKS", "15"))


def main() -> None:
    text, table = os.environ.get("TIME", ""), os.environ.get("TABLE", "")
    if text and table:
        sys.exit("restore: TIME and TABLE cannot be used together: TABLE finishes a table, which keeps the state to which it was restored")
    try:
        at = datetime.fromisoformat(text) if text else None
    except ValueError:
        at = None
    if text and (at is None or at.tzinfo is None):
        sys.exit(f"restore: invalid TIME {text!r}: expected a time with its zone, for example 2026-11-26T12:00:00Z")
    try:
        cloudformation, dynamodb = stack_settings.client("cloudformation"), stack_settings.client("dynamodb")
        stack = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]
        source = {one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", [])}["TableName"]
        target = table or restore(dynamodb, source, at)
        prepare(dynamodb, target)
    except (BotoCoreError, ClientError) as error:
        sys.exit(f"restore: {error}")
    if target == source:
        print(f"prepared {target}, which the stack {STACK} already uses")
    else:
        print_next_steps(target)


def restore(dynamodb, source: str, at: datetime | None) -> str:
    """Begins to restore a table, and returns the name of the new one."""
    target = f"{STACK}-identities-{datetime.now(UTC):%Y%m%d%H%M%S%f}"
    when = {"RestoreDateTime": at} if at else {"UseLatestRestorableTime": True}
    dynamodb.restore_table_to_point_in_time(SourceTableName=source, TargetTableName=target, **when)
    print(f"restoring {source} to {target}: this takes from some minutes to some hours …")
    print(f"If this command is interrupted, finish the table with `make restore TABLE={target}`", flush=True)
    return target


def prepare(dynamodb, table: str) -> None:
    """Waits for a restored table, and sets what DynamoDB does not restore. It can be repeated."""
    declared = parameters.read_template()["Resources"]["Identities"]["Properties"]
    while (found := dynamodb.describe_table(TableName=table)["Table"])["TableStatus"] != "ACTIVE":
        time.sleep(SECONDS_BETWEEN_LOOKS)
    if (key := existing_tables.key_of(found, found)) != (expected := existing_tables.key_of(declared, declared)):
        sys.exit(f"restore: the key of {table} is {key}, expected {expected}: it is the table of something else. Correct TABLE")
    # DynamoDB refuses to set an expiry that is set.
    missing = existing_tables.missing_protections(dynamodb, declared, found)
    if "expiry" in missing:
        expiry = {"Enabled": True, "AttributeName": declared["TimeToLiveSpecification"]["AttributeName"]}
        dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification=expiry)
    if "backups" in missing:
        dynamodb.update_continuous_backups(TableName=table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True})
    if "deletion protection" in missing:
        dynamodb.update_table(TableName=table, DeletionProtectionEnabled=True)


def print_next_steps(table: str) -> None:
    # Blocked users would get tokens from a table without the blocks.
    print(f"restored {table}. First repeat in it the blocks and the other changes since then, as step 3 of")
    print("\"Restoring the table\" in infra/README.md describes:")
    print(f"  export GUESTPASS_TABLE={table}")
    print("Then attach it, with a cleanup that deletes nothing:")
    print(how_to_attach(table))


def how_to_attach(table: str) -> str:
    values = {"ExistingTableName": table, **ATTACHED}
    # `make deploy` refuses SET together with CONFIG.
    if config := os.environ.get("CONFIG"):
        return "\n".join([
            f"set in {config}, in the table [parameters]:", *(f'  {name} = "{value}"' for name, value in values.items()),
            "then run:", f"  make deploy CONFIG={shlex.quote(config)}",
        ])
    return f'  make deploy SET="{" ".join(f"{name}={value}" for name, value in values.items())}"'


if __name__ == "__main__":
    main()
