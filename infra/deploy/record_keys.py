"""Refuses to change Issuer or SubjectClaims of a stack whose table has records: the key of a record is
made of the issuer and these claims, so every user would become a new user, without their block and
with a new identity.

    make deploy SET=SubjectClaims=tid,oid                    is refused if the table has a record
    make deploy SET=SubjectClaims=tid,oid FORCE=new-users    deploys nevertheless"""

import os
import sys

from botocore.exceptions import BotoCoreError, ClientError

import confirmation
import parameters
import stack_settings

# Releases without the parameter SubjectClaims used this claim.
DEFAULTS = {"Issuer": None, "SubjectClaims": "sub"}


def main() -> None:
    stored = parameters.stored_parameters(stack_settings.settings().get("parameter_overrides", ""))
    values = stored | parameters.requested_parameters(os.environ.get("SET", ""))
    if confirmation.is_forced("new-users"):
        return
    try:
        deployed, table = find_deployed()
        # CloudFormation keeps the value of a parameter that is not given.
        changed = [name for name in DEFAULTS if deployed[name] and values.get(name, deployed[name]) != deployed[name]]
        if not changed or not table or not has_records(stack_settings.client("dynamodb"), table):
            return
    except (BotoCoreError, ClientError) as error:
        sys.exit(f"deploy: cannot check whether a change of Issuer or SubjectClaims affects users: {error}")
    name = changed[0]
    sys.exit(
        f"deploy: {name} would change from {deployed[name]!r} to {values[name]!r}, but the table {table} has records of users. "
        "Every user would become a new user: with a new identity, and without their block. "
        f"Keep {name}={deployed[name]}, or add {confirmation.force('new-users')} to deploy nevertheless"
    )


def find_deployed() -> tuple[dict[str, str | None], str | None]:
    """These parameters and the table of the deployed stack, if there is one."""
    stack = stack_settings.deployed_stack()
    given = stack_settings.deployed_parameters(stack)
    outputs = {each["OutputKey"]: each["OutputValue"] for each in (stack or {}).get("Outputs", [])}
    return {name: given.get(name) or default for name, default in DEFAULTS.items()}, outputs.get("TableName")


def has_records(dynamodb, table: str) -> bool:
    # Only records of users are in this index.
    return dynamodb.scan(TableName=table, IndexName="by-last-issued", Select="COUNT", Limit=1)["Count"] > 0


if __name__ == "__main__":
    main()
