"""Removes a deployed stack, after it lists what it deletes and what it keeps.

    make destroy                        STACK names another stack than the one of `make deploy`
    make destroy IDENTITIES=delete      also deletes every identity of its table from ACS

The script deletes nothing until the stack's name is typed."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

import place
from place import STACK

PROTECTED = "protected: `aws dynamodb update-table --no-deletion-protection-enabled`, then delete-table"
GUESTPASS = Path(os.environ["ARTEFACTS"]) / "guestpass"


def main() -> None:
    with_identities = os.environ.get("IDENTITIES") == "delete"
    if with_identities and not GUESTPASS.is_file():
        sys.exit("destroy: the operator's tool deletes the identities; `make build` makes it")
    try:
        destroy(place.client("cloudformation"), with_identities)
    except (BotoCoreError, ClientError) as error:
        sys.exit(f"destroy: {error}")


def destroy(cloudformation, with_identities: bool) -> None:
    stack = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]
    parameters = {each["ParameterKey"]: each.get("ParameterValue") for each in stack.get("Parameters", [])}
    secret = parameters.get("AcsSecretArn")
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=STACK)
    listed = [each for page in pages for each in page["StackResourceSummaries"]]
    resources = [each for each in listed if each["ResourceStatus"] != "DELETE_COMPLETE"]
    template = processed(cloudformation)
    stays = retained(template)
    kept = [each for each in resources if each["LogicalResourceId"] in stays]
    tables = [each for each in kept if each["ResourceType"] == "AWS::DynamoDB::Table"]
    # A stack that was rolled back may have none.
    by_id = {each["LogicalResourceId"]: each.get("PhysicalResourceId") for each in tables}
    table, audit = by_id.get("Identities"), by_id.get("AuditLog")
    tool = None
    if with_identities:
        if not table or not secret:
            sys.exit(f"destroy: nothing was removed. {STACK} has no table and no secret: it names no identities")
        tool = environment(table, secret)
        # If the caller may not read the table or the secret, this fails before anything is deleted.
        if subprocess.run([GUESTPASS, "identity", "list", "--limit", "1", "-o", "none"], env=tool).returncode:
            sys.exit("destroy: nothing was removed, as the identities could not be deleted after it")

    print(f"The stack {STACK} ({stack['StackId']})\n")
    print("goes:")
    for kind, names in by_kind(each for each in resources if each not in kept):
        print(f"  {kind}: {', '.join(names)}")
    if "CallerHashKey" in template:
        print("    (the key of the caller hashes: which user a hash in a copy of the log stands for is then lost)")
    if with_identities:
        print("  and then, at ACS, every identity that the table names, with its tokens and chats")
    print("\nstays, and goes on costing something:")
    if table:
        print(f"  the table {table}, the only list of who is who at ACS")
        print(f"    ({PROTECTED})")
    if audit:
        print(f"  the table {audit}, the audit log: who blocked, revoked and deleted whom")
        print(f"    ({PROTECTED}; each entry goes by itself when its time is up)")
    for kind, names in by_kind(each for each in kept if each not in tables):
        print(f"  {kind}: {', '.join(names)}")
    if secret:
        print(f"  the secret {secret}")
        print("    (`aws secretsmanager delete-secret`)")
    and_who = "" if with_identities else ", and the identities in it"
    print(f"  the Communication Services resource in Azure{and_who}")
    print("  the zips of each deployment, in the bucket that SAM keeps for all your stacks\n")

    confirm()
    cloudformation.delete_stack(StackName=STACK)
    print("removing it …", flush=True)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=STACK)
    print("gone", flush=True)
    # Now no process can create new identities.
    if tool:
        delete_identities(tool)


def processed(cloudformation) -> dict[str, dict]:
    """The resources of the stack's template."""
    body = cloudformation.get_template(StackName=STACK, TemplateStage="Processed")["TemplateBody"]
    # The template that SAM has expanded is JSON.
    return (json.loads(body) if isinstance(body, str) else body)["Resources"]


def retained(template: dict[str, dict]) -> set[str]:
    """The names of the resources that outlive the stack."""
    return {name for name, resource in template.items() if resource.get("DeletionPolicy", "").startswith("Retain")}


def by_kind(resources) -> list[tuple[str, list[str]]]:
    kinds: dict[str, list[str]] = {}
    for each in resources:
        kind = each["ResourceType"].removeprefix("AWS::")
        kinds.setdefault(kind, []).append(each["LogicalResourceId"])
    return sorted((kind, sorted(names)) for kind, names in kinds.items())


def environment(table: str, secret: str) -> dict[str, str]:
    """The variables that point the operator's tool to this stack only."""
    elsewhere = {"COMMUNICATION_SERVICES_CONNECTION_STRING", "AZURE_COMMUNICATION_CONNECTION_STRING"}
    return {
        **{name: value for name, value in os.environ.items() if name not in elsewhere},
        "GUESTPASS_SECRET": secret,
        "GUESTPASS_TABLE": table,
        "AWS_REGION": place.client("dynamodb").meta.region_name,
    }


def delete_identities(tool: dict[str, str]) -> None:
    """Deletes the identities with the operator's tool, which respects the limits of ACS. If it is
    interrupted, the table still has the identities that are left."""
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as names:
        try:
            subprocess.run([GUESTPASS, "identity", "list", "-o", "tsv"], env=tool, stdout=names, check=True)
            command = [GUESTPASS, "identity", "delete", "--file", names.name, "--yes", "-o", "none"]
            subprocess.run(command, env=tool, check=True)
        except (subprocess.CalledProcessError, KeyboardInterrupt):
            variables = " ".join(f"{name}={tool[name]}" for name in ["GUESTPASS_SECRET", "GUESTPASS_TABLE", "AWS_REGION"])
            sys.exit(
                f"destroy: the stack is gone, and not every identity. Go on with {variables}\nset, by\n"
                "  guestpass identity list -o tsv | guestpass identity delete --yes --file -"
            )
    print("the identities are gone")


def confirm() -> None:
    try:
        typed = input(f"Type {STACK} to remove it: ")
    except EOFError:
        typed = ""
    if typed.strip() != STACK:
        sys.exit("destroy: nothing was removed")


if __name__ == "__main__":
    main()
