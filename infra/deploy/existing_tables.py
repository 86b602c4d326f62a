"""Compares the tables of ExistingTableName and ExistingAuditTableName with those of the template before anything
is created: a table with other keys or indexes would fail each request, a restored table has neither expiry nor backups, and
CloudFormation does not look at it. Refuses to leave such a table for a new, empty one, for example because its line was
removed from the file of CONFIG.

    make deploy SET=ExistingTableName=guestpass-identities-20261126120000
    make deploy SET=ExistingTableName=                     is refused if the stack uses such a table
    make deploy SET=ExistingTableName= FORCE=new-table     deploys nevertheless"""

import os
import sys
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

import confirmation
import parameters
import stack_settings
from stack_settings import STACK

# The parameter, and the table of the template whose place it takes.
TABLES = {"ExistingTableName": "Identities", "ExistingAuditTableName": "AuditLog"}

# What the template sets for a table, and a restore from a backup does not: what it means if it is missing, and the
# command that sets it.
PROTECTIONS = {
    "expiry": ("its items never expire", "update-time-to-live --table-name {0} --time-to-live-specification Enabled=true,AttributeName={1}"),
    "backups": ("it has no backups (point-in-time recovery)", "update-continuous-backups --table-name {0} --point-in-time-recovery-specification PointInTimeRecoveryEnabled=true"),
    "deletion protection": ("it can be deleted (no deletion protection)", "update-table --table-name {0} --deletion-protection-enabled"),
}

# What a new, empty table means.
LOST = {
    "ExistingTableName": "every user would become a new user: with a new identity, and without their block",
    "ExistingAuditTableName": "`guestpass audit` would not find what was done before",
}


def main() -> None:
    stored = parameters.stored_parameters(stack_settings.settings().get("parameter_overrides", ""))
    values = stored | parameters.requested_parameters(os.environ.get("SET", ""))
    refuse_new_tables([name for name in TABLES if values.get(name) == ""])
    named = {name: values[name] for name in TABLES if values.get(name)}
    if not named:
        return
    resources = parameters.read_template()["Resources"]
    dynamodb, problems = stack_settings.client("dynamodb"), []
    for name, table in named.items():
        declared = resources[TABLES[name]]["Properties"]
        try:
            found = dynamodb.describe_table(TableName=table)["Table"]
            # Until a table is active, its settings cannot be changed.
            lacking = lacks(dynamodb, declared, found) if found["TableStatus"] == "ACTIVE" else []
        except (BotoCoreError, ClientError) as error:
            sys.exit(f"deploy: nothing was deployed: cannot read the table {table} of {name}: {error}. Correct {name}; the table must be in the region and the account of the stack")
        problems += [f"  {name}={table}: {one}" for one in differences(declared, found) + lacking]
        if lacking and name == "ExistingTableName":
            problems.append(f"  `make restore TABLE={table}` sets all of this, for example if the restore of the table was interrupted")
    if problems:
        sys.exit("\n".join(["deploy: nothing was deployed: an existing table differs from the one in the template", *problems]))


def refuse_new_tables(empty: list[str]) -> None:
    """Refuses to make one of these parameters empty. CloudFormation keeps the value of one that is not given."""
    if not empty or confirmation.is_forced("new-table"):
        return
    try:
        stack = stack_settings.deployed_stack()
    except (BotoCoreError, ClientError) as error:
        sys.exit(f"deploy: nothing was deployed: cannot read the tables of the stack {STACK}: {error}")
    # A stack whose creation failed uses no table.
    is_there = stack is not None and stack["StackStatus"] != "ROLLBACK_COMPLETE"
    deployed = stack_settings.deployed_parameters(stack if is_there else None)
    left = [name for name in empty if deployed.get(name)]
    if left:
        lines = [f"  {name}, now {deployed[name]}, is empty or is not in the file: {LOST[name]}" for name in left]
        why = f"deploy: nothing was deployed: the stack {STACK} would leave a table for a new, empty one:"
        sys.exit("\n".join([why, *lines, f"Keep the value, or add {confirmation.force('new-table')} to deploy nevertheless"]))


def differences(declared: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """What the functions would miss in a table."""
    problems = []
    if found["TableStatus"] != "ACTIVE":
        problems.append(f"its status is {found['TableStatus']}: wait until it is ACTIVE")
    if (key := key_of(declared, declared)) != (other := key_of(found, found)):
        problems.append(f"its key is {other}, expected {key}: it is the table of something else")
    indexes = {one["IndexName"]: one for one in found.get("GlobalSecondaryIndexes", [])}
    for index in declared["GlobalSecondaryIndexes"]:
        name = index["IndexName"]
        if not (existing := indexes.get(name)):
            problems.append(f"the index {name} is missing: add it with `aws dynamodb update-table`")
            continue
        if (key := key_of(index, declared)) != (other := key_of(existing, found)):
            problems.append(f"the key of the index {name} is {other}, expected {key}: make the index again")
        if missing := missing_attributes(index["Projection"], existing["Projection"]):
            problems.append(f"the index {name} lacks {missing}: make the index again")
        if (status := existing.get("IndexStatus", "ACTIVE")) != "ACTIVE":
            problems.append(f"the status of the index {name} is {status}: wait until it is ACTIVE")
    return problems


def lacks(dynamodb, declared: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """The protections that a table does not have, each with the command that sets it."""
    attribute = declared["TimeToLiveSpecification"]["AttributeName"]
    lines = {name: f"{why}: run `aws dynamodb {command.format(found['TableName'], attribute)}`" for name, (why, command) in PROTECTIONS.items()}
    return [lines[name] for name in missing_protections(dynamodb, declared, found)]


def missing_protections(dynamodb, declared: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """Which of PROTECTIONS a table does not have."""
    name, attribute = found["TableName"], declared["TimeToLiveSpecification"]["AttributeName"]
    expiry = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    has = {
        "expiry": expiry["TimeToLiveStatus"] in ("ENABLED", "ENABLING") and expiry.get("AttributeName") == attribute,
        "backups": backups.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus") == "ENABLED",
        "deletion protection": found.get("DeletionProtectionEnabled", False),
    }
    return [protection for protection in PROTECTIONS if not has[protection]]


def key_of(schema: dict[str, Any], table: dict[str, Any]) -> str:
    """The key of a table or an index, as text."""
    types = {one["AttributeName"]: one["AttributeType"] for one in table["AttributeDefinitions"]}
    return ", ".join(f"{one['AttributeName']} ({one['KeyType']}, {types[one['AttributeName']]})" for one in schema["KeySchema"])


def missing_attributes(declared: dict[str, Any], found: dict[str, Any]) -> str:
    """The attributes that an index does not have, as text."""
    if found["ProjectionType"] == "ALL" or declared["ProjectionType"] == "KEYS_ONLY":
        return ""
    if declared["ProjectionType"] == "ALL":
        return "all attributes but its keys" if found["ProjectionType"] == "KEYS_ONLY" else "some attributes"
    return ", ".join(sorted(set(declared["NonKeyAttributes"]) - set(found.get("NonKeyAttributes", []))))


if __name__ == "__main__":
    main()
