"""Deletes a deployed stack. It first lists what is deleted and what is kept, and deletes nothing
until the name of the stack is typed.

    make destroy                      the stack of `make deploy`, or the stack in STACK
    make destroy IDENTITIES=delete    also deletes from ACS every identity in the table"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

import confirmation
import stack_settings
from stack_settings import STACK

PROTECTED = "to delete it: `aws dynamodb update-table --no-deletion-protection-enabled`, then delete-table"
GUESTPASS = Path(os.environ["ARTEFACTS"]) / "guestpass"


def main() -> None:
    with_identities = os.environ.get("IDENTITIES") == "delete"
    if with_identities and not GUESTPASS.is_file():
        sys.exit(f"destroy: {GUESTPASS} is missing; it is needed to delete the identities: run `make build`")
    try:
        destroy(stack_settings.client("cloudformation"), with_identities)
    except (BotoCoreError, ClientError) as error:
        sys.exit(f"destroy: {error}")


def destroy(cloudformation, with_identities: bool) -> None:
    stack = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]
    parameters = {each["ParameterKey"]: each.get("ParameterValue") for each in stack.get("Parameters", [])}
    secret = parameters.get("AcsSecretArn")
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=STACK)
    listed = [each for page in pages for each in page["StackResourceSummaries"]]
    resources = [each for each in listed if each["ResourceStatus"] != "DELETE_COMPLETE"]
    template = read_template(cloudformation)
    retained = retained_resources(template)
    kept = [each for each in resources if each["LogicalResourceId"] in retained]
    tables = [each for each in kept if each["ResourceType"] == "AWS::DynamoDB::Table"]
    # A stack that was rolled back may have none. A table that was attached is not one of the stack's resources.
    by_id = {each["LogicalResourceId"]: each.get("PhysicalResourceId") for each in tables}
    table = parameters.get("ExistingTableName") or by_id.get("Identities")
    audit = parameters.get("ExistingAuditTableName") or by_id.get("AuditLog")
    tool = None
    if with_identities:
        if not table or not secret:
            sys.exit(f"destroy: nothing was deleted: {STACK} lacks its table or its secret, so IDENTITIES=delete is not possible")
        tool = tool_environment(table, secret)
        # If the caller may not read the table or the secret, this fails before anything is deleted.
        if subprocess.run([GUESTPASS, "identity", "list", "--limit", "1", "-o", "none"], env=tool).returncode:
            sys.exit("destroy: nothing was deleted: the identities cannot be deleted for the reason above")

    print(f"The stack {STACK} ({stack['StackId']})\n")
    print("Deleted:")
    for kind, names in by_kind(each for each in resources if each not in kept):
        print(f"  {kind}: {', '.join(names)}")
    if "CallerHashKey" in template:
        print("    (with the key of the caller hashes: hashes in copies of the log can no longer be traced to users)")
    if with_identities:
        print("  afterwards, in ACS: every identity in the table, with its tokens and chats")
    print("\nKept, and still charged:")
    if table:
        print(f"  the table {table}: only this table says which ACS identity belongs to which user")
        print(f"    (a later stack uses it with ExistingTableName={table})")
        print(f"    ({PROTECTED})")
    if audit:
        print(f"  the table {audit}: the audit log")
        print(f"    (a later stack uses it with ExistingAuditTableName={audit})")
        print(f"    ({PROTECTED}; entries expire by themselves)")
    if scim := by_id.get("ScimUsers"):
        print(f"  the table {scim}: the users whom SCIM transmitters provision")
        print(f"    ({PROTECTED})")
    for kind, names in by_kind(each for each in kept if each not in tables):
        print(f"  {kind}: {', '.join(names)}")
    if secret:
        print(f"  the secret {secret}")
        print("    (`aws secretsmanager delete-secret`)")
    and_identities = "" if with_identities else " and its identities"
    print(f"  the Communication Services resource in Azure{and_identities}")
    print("  the zips of each deployment, in the S3 bucket that SAM uses for all stacks\n")

    confirmation.require("delete it", "destroy: nothing was deleted")
    cloudformation.delete_stack(StackName=STACK)
    wait_until_deleted(cloudformation, tool)
    # Now no process can create new identities.
    if tool:
        delete_identities(tool)


def wait_until_deleted(cloudformation, tool: dict[str, str] | None) -> None:
    try:
        print(f"deleting the stack {STACK} …", flush=True)
        cloudformation.get_waiter("stack_delete_complete").wait(StackName=STACK)
        print(f"deleted the stack {STACK}", flush=True)
    except (BotoCoreError, ClientError, KeyboardInterrupt) as stop:
        why = "it was interrupted" if isinstance(stop, KeyboardInterrupt) else stop
        # When the stack is deleted, this command does not find its table any more.
        then = f". When the stack does not exist any more, delete the identities: run\n{by_hand(tool)}" if tool else ""
        sys.exit(
            f"destroy: CloudFormation deletes the stack {STACK}, but this command does not wait for it any more: {why}\n"
            f"`aws cloudformation describe-stacks --stack-name {STACK}` says how it ends; if it fails, run `make destroy` again{then}"
        )


def read_template(cloudformation) -> dict[str, dict]:
    """The resources of the stack's template."""
    body = cloudformation.get_template(StackName=STACK, TemplateStage="Processed")["TemplateBody"]
    # The template that SAM has expanded is JSON.
    return (json.loads(body) if isinstance(body, str) else body)["Resources"]


def retained_resources(template: dict[str, dict]) -> set[str]:
    """The names of the resources that outlive the stack."""
    return {name for name, resource in template.items() if resource.get("DeletionPolicy", "").startswith("Retain")}


def by_kind(resources) -> list[tuple[str, list[str]]]:
    kinds: dict[str, list[str]] = {}
    for each in resources:
        kind = each["ResourceType"].removeprefix("AWS::")
        kinds.setdefault(kind, []).append(each["LogicalResourceId"])
    return sorted((kind, sorted(names)) for kind, names in kinds.items())


def tool_environment(table: str, secret: str) -> dict[str, str]:
    """The variables that point the operator's tool to this stack only."""
    elsewhere = {"COMMUNICATION_SERVICES_CONNECTION_STRING", "AZURE_COMMUNICATION_CONNECTION_STRING"}
    return {
        **{name: value for name, value in os.environ.items() if name not in elsewhere},
        "GUESTPASS_SECRET": secret,
        "GUESTPASS_TABLE": table,
        "AWS_REGION": stack_settings.client("dynamodb").meta.region_name,
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
            sys.exit(f"destroy: the stack is deleted, but not all identities are. To delete the others, run\n{by_hand(tool)}")
    print("deleted the identities")


def by_hand(tool: dict[str, str]) -> str:
    """The commands that delete the identities of a stack that is deleted."""
    variables = " ".join(f"{name}={tool[name]}" for name in ["GUESTPASS_SECRET", "GUESTPASS_TABLE", "AWS_REGION"])
    return f"  export {variables}\n  guestpass identity list -o tsv | guestpass identity delete --yes --file -"


if __name__ == "__main__":
    main()
