"""Writes the template that is deployed to the artefacts. It names the zips, because SAM would make other
zips of the directories, and the deployment (Mappings, Deployment): a digest of the artefacts and of the
template, so that each function gets a version with each deployment, and `make rollback` knows which
versions belong together.

Lambda publishes no version that equals its newest one, and a deployment that was rolled back leaves its
versions behind. So the deployment after it has the time of that rollback in its name. And CloudFormation sees no change
if the same artefacts are deployed after `make rollback`. So that deployment has the time of the last one in its name.

The stack also keeps the time at which its artefacts were signed. Otherwise, an attacker who can replace
the artefacts could have an older release deployed, whose signature is valid and whose errors are known."""

import hashlib
import os
import re
import sys
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

import confirmation
import parameters
import stack_settings
from stack_settings import STACK

ARTEFACTS = Path(os.environ["ARTEFACTS"])

# The value of the template, which no deployment has.
NONE = "none"

# Of a policy, the beginning is enough to see what is meant.
LONGEST = 120


def main() -> None:
    if len(STACK) > stack_settings.LONGEST_NAME:
        sys.exit(f"deploy: the name {STACK} of the stack has {len(STACK)} characters: at most {stack_settings.LONGEST_NAME} are allowed, because names of its resources are longer")
    try:
        stack = stack_settings.deployed_stack()
        rolled_back = stack is not None and stack_settings.is_rolled_back()
    except (BotoCoreError, ClientError) as error:
        sys.exit(f"deploy: cannot read the state of the stack {STACK}: {error}")
    check_changes(stack_settings.deployed_parameters(stack))
    # Without a public key, no signature was verified.
    before, signed = signed_at(stack), os.environ.get("SIGNED_AT", "")
    if "SIGNED_AT" in os.environ and signed < before and not confirmation.is_forced("older-release"):
        sys.exit(
            f"deploy: the artefacts were signed {f'at {signed}' if signed else 'without a time'}, but those of the stack {STACK} at {before}: "
            f"they may be an older release. Build and sign them again, or add {confirmation.force('older-release')} to deploy nevertheless"
        )
    text = re.sub(r"^( *CodeUri: )\.\./target/lambda/([a-z-]+)/$", r"\1\2.zip", parameters.TEMPLATE.read_text(), flags=re.MULTILINE)
    own = f"Id: {identify(stack, rolled_back)}, SignedAt: '{signed or before or NONE}'"
    text, found = re.subn(r"^(  Deployment: .*)\bId: none, SignedAt: none\b", rf"\g<1>{own}", text, flags=re.MULTILINE)
    if found != 1:
        sys.exit("deploy: infra/template.yaml has no line `Deployment: { This: { Id: none, SignedAt: none } }` in Mappings: restore it")
    (ARTEFACTS / "template.yaml").write_text(text)


def check_changes(deployed: dict[str, str | None]) -> None:
    """Prints the parameters that get another value. Refuses those that only get their default because the file of CONFIG
    lacks them: a line that is missing is easily overlooked, and can delete identities or let blocked users in."""
    given = parameters.stored_parameters(stack_settings.settings().get("parameter_overrides", ""))
    changed = {name: f"  {name}: {shown(deployed[name])} -> {shown(given[name])}" for name in sorted(given) if name in deployed and given[name] != deployed[name]}
    if config := os.environ.get("CONFIG"):
        written = parameters.parameters_of_file()
        lacking = [line for name, line in changed.items() if name not in written and name != "Architecture"]
        if lacking and not confirmation.is_forced("defaults"):
            why = f"deploy: nothing was deployed: {Path(config).name} lacks parameters for which the stack {STACK} has another value than the default:"
            advice = f"Add them to the file, with the value that you want, or add {confirmation.force('defaults')} to deploy the defaults"
            sys.exit("\n".join([why, *lacking, advice]))
    if changed:
        print("\n".join([f"These parameters of the stack {STACK} change:", *changed.values()]))


def shown(value: str | None) -> str:
    text = value or "(empty)"
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def identify(stack: dict[str, Any] | None, rolled_back: bool) -> str:
    digest = hashlib.sha256((ARTEFACTS / "SHA256SUMS").read_bytes() + parameters.TEMPLATE.read_bytes()).hexdigest()[:16]
    if not stack:
        return digest
    updated = f"{stack.get('LastUpdatedTime', stack['CreationTime']):%Y%m%dT%H%M%SZ}"
    if stack["StackStatus"].startswith("UPDATE_ROLLBACK"):
        return f"{digest}-after-{updated}"
    if rolled_back:
        print(f"The functions of {STACK} run older versions since `make rollback`: this deployment publishes new ones.")
        return f"{digest}-again-{updated}"
    return digest


def signed_at(stack: dict[str, Any] | None) -> str:
    """When the artefacts of the stack were signed, as RFC 3339; empty if that is not known."""
    outputs = {each["OutputKey"]: each["OutputValue"] for each in (stack or {}).get("Outputs", [])}
    return outputs.get("ArtefactsSignedAt", NONE).removeprefix(NONE)


if __name__ == "__main__":
    main()
