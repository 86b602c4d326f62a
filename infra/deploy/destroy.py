"""Removes a deployed stack, and says before what goes and what stays.

    make destroy                        STACK names another than `make deploy` was told
    make destroy IDENTITIES=delete      and then every identity of its table, at ACS

Nothing goes until the stack's name is typed."""

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
    # One that was rolled back may have none.
    by_id = {each["LogicalResourceId"]: each.get("PhysicalResourceId") for each in tables}
    table, audit = by_id.get("Identities"), by_id.get("AuditLog")
    tool = None
    if with_identities:
        if not table or not secret:
            sys.exit(f"destroy: nothing was removed. {STACK} has no table and no secret: it names no identities")
        tool = environment(table, secret)
        # Who may not read the table or the secret is to hear so while nothing is gone.
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
    # Now, when nobody can make new ones.
    if tool:
        delete_identities(tool)


def processed(cloudformation) -> dict[str, dict]:
    """The resources of the stack's template."""
    body = cloudformation.get_template(StackName=STACK, TemplateStage="Processed")["TemplateBody"]
    # What SAM has expanded is JSON.
    return (json.loads(body) if isinstance(body, str) else body)["Resources"]


def retained(template: dict[str, dict]) -> set[str]:
    """The names of what outlives the stack."""
    return {name for name, resource in template.items() if resource.get("DeletionPolicy", "").startswith("Retain")}


def by_kind(resources) -> list[tuple[str, list[str]]]:
    kinds: dict[str, list[str]] = {}
    for each in resources:
        kind = each["ResourceType"].removeprefix("AWS::")
        kinds.setdefault(kind, []).append(each["LogicalResourceId"])
    return sorted((kind, sorted(names)) for kind, names in kinds.items())


def environment(table: str, secret: str) -> dict[str, str]:
    """What leads the operator's tool to this stack, and to no other."""
    elsewhere = {"COMMUNICATION_SERVICES_CONNECTION_STRING", "AZURE_COMMUNICATION_CONNECTION_STRING"}
    return {
        **{name: value for name, value in os.environ.items() if name not in elsewhere},
        "GUESTPASS_SECRET": secret,
        "GUESTPASS_TABLE": table,
        "AWS_REGION": place.client("dynamodb").meta.region_name,
    }


def delete_identities(tool: dict[str, str]) -> None:
    """By the operator's tool, which keeps to the limits of ACS. If it is interrupted, the table
    still knows who is left."""
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
