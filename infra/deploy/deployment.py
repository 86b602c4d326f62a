"""Writes the template that is deployed to the artefacts. It names the zips, because SAM would make other
zips of the directories, and the deployment (Mappings, Deployment): a digest of the artefacts and of the
template, so that each function gets a version with each deployment, and `make rollback` knows which
versions belong together.

Lambda publishes no version that equals its newest one, and a deployment that was rolled back leaves its
versions behind. So the deployment after it has the time of that rollback in its name."""

import hashlib
import os
import re
import sys
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

import parameters
import stack_settings
from stack_settings import STACK

ARTEFACTS = Path(os.environ["ARTEFACTS"])


def main() -> None:
    try:
        deployment = identify(stack_settings.client("cloudformation"))
    except (BotoCoreError, ClientError) as error:
        sys.exit(f"deploy: cannot read the state of the stack {STACK}: {error}")
    text = re.sub(r"^( *CodeUri: )\.\./target/lambda/([a-z-]+)/$", r"\1\2.zip", parameters.TEMPLATE.read_text(), flags=re.MULTILINE)
    text, found = re.subn(r"^(  Deployment: .*\bId: )none\b", rf"\g<1>{deployment}", text, flags=re.MULTILINE)
    if found != 1:
        sys.exit("deploy: infra/template.yaml has no line `Deployment: { This: { Id: none } }` in Mappings: restore it")
    (ARTEFACTS / "template.yaml").write_text(text)


def identify(cloudformation) -> str:
    digest = hashlib.sha256((ARTEFACTS / "SHA256SUMS").read_bytes() + parameters.TEMPLATE.read_bytes()).hexdigest()[:16]
    try:
        stack = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":  # No stack has this name.
            return digest
        raise
    if not stack["StackStatus"].startswith("UPDATE_ROLLBACK"):
        return digest
    rolled_back = stack.get("LastUpdatedTime", stack["CreationTime"])
    return f"{digest}-after-{rolled_back:%Y%m%dT%H%M%SZ}"


if __name__ == "__main__":
    main()
