"""Removes a deployed stack, and says before what goes and what stays.

    make destroy                        STACK names it (guestpass)
    make destroy IDENTITIES=delete      the identities at ACS first

Nothing goes until the stack's name is typed."""

import json
import os
import sys

import boto3
from botocore.exceptions import BotoCoreError, ClientError

STACK = os.environ.get("STACK") or "guestpass"


def main() -> None:
    try:
        destroy(boto3.client("cloudformation"))
    except (BotoCoreError, ClientError) as error:
        sys.exit(f"destroy: {error}")


def destroy(cloudformation) -> None:
    stack = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=STACK)
    resources = [each for page in pages for each in page["StackResourceSummaries"]]
    parameters = {each["ParameterKey"]: each.get("ParameterValue") for each in stack.get("Parameters", [])}
    stays = retained(cloudformation)
    kept = [each for each in resources if each["LogicalResourceId"] in stays]
    tables = [each for each in kept if each["ResourceType"] == "AWS::DynamoDB::Table"]

    print(f"The stack {STACK} ({stack['StackId']})\n")
    print("goes:")
    for kind, names in by_kind(each for each in resources if each not in kept):
        print(f"  {kind}: {', '.join(names)}")
    print("\nstays, and goes on costing something:")
    for table in tables:
        print(f"  the table {table['PhysicalResourceId']}, the only list of who is who at ACS")
        print("    (protected: `aws dynamodb update-table --no-deletion-protection-enabled`, then delete-table)")
    for kind, names in by_kind(each for each in kept if each not in tables):
        print(f"  {kind}: {', '.join(names)}")
    print(f"  the secret {parameters.get('AcsSecretArn', '')}")
    print("    (`aws secretsmanager delete-secret`)")
    print("  the Communication Services resource in Azure, and the identities in it\n")

    if os.environ.get("IDENTITIES") == "delete":
        delete_identities(tables)
    confirm()
    cloudformation.delete_stack(StackName=STACK)
    print("removing it …", flush=True)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=STACK)
    print("gone")


def retained(cloudformation) -> set[str]:
    """The names of what outlives the stack, as its template says."""
    body = cloudformation.get_template(StackName=STACK, TemplateStage="Processed")["TemplateBody"]
    # What SAM has expanded is JSON.
    resources = (json.loads(body) if isinstance(body, str) else body)["Resources"]
    return {
        name
        for name, resource in resources.items()
        if resource.get("DeletionPolicy", "").startswith("Retain")
    }


def by_kind(resources) -> list[tuple[str, list[str]]]:
    kinds: dict[str, list[str]] = {}
    for each in resources:
        kind = each["ResourceType"].removeprefix("AWS::")
        kinds.setdefault(kind, []).append(each["LogicalResourceId"])
    return sorted((kind, sorted(names)) for kind, names in kinds.items())


def delete_identities(tables) -> None:
    """Without the table nobody knows which they are, so they go first. The operator's tool does
    it: it keeps to the limits of ACS, and can be interrupted."""
    names = ", ".join(table["PhysicalResourceId"] for table in tables)
    sys.exit(
        "destroy: nothing was removed. The identities are deleted by the operator's tool; run\n"
        "  guestpass identity list -o tsv > identities.tsv\n"
        "  guestpass identity delete --file identities.tsv\n"
        f"against the table {names}, and then `make destroy` without IDENTITIES."
    )


def confirm() -> None:
    try:
        typed = input(f"Type {STACK} to remove it: ")
    except EOFError:
        typed = ""
    if typed.strip() != STACK:
        sys.exit("destroy: nothing was removed")


if __name__ == "__main__":
    main()
