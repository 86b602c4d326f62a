"""The name and the region of the stack: those in the file of CONFIG or of the first `make deploy`, and before it the region
that the AWS CLI uses. And what its deployed resources say."""

import functools
import os
import sys
import tomllib
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError


def settings() -> dict[str, str]:
    """The settings that the last `make deploy` stored. The file of CONFIG says itself which stack it is for: nothing is stored
    in another clone, or if the first deployment failed."""
    path = Path(os.environ["SAM_CONFIG_FILE"])
    stored = tomllib.loads(path.read_text()).get("default", {}).get("deploy", {}).get("parameters", {}) if path.is_file() else {}
    config = Path(os.environ.get("CONFIG", ""))
    return stored | of_file(config) if config.is_file() else stored


def of_file(config: Path) -> dict[str, str]:
    """The stack and the region in a configuration file, as SAM calls them."""
    try:
        given = tomllib.loads(config.read_text())
    except (OSError, tomllib.TOMLDecodeError) as error:
        sys.exit(f"cannot read CONFIG={config}: {error}")
    if missing := [name for name in ["stack", "region"] if name not in given]:
        sys.exit(f"CONFIG={config} does not say for which stack it is: `{missing[0]}` is missing. `make validate` checks the file")
    return {"stack_name": given["stack"], "region": given["region"]}


@functools.cache
def stack_name() -> str:
    """The stack in STACK, or else the one in the settings. CONFIG and STACK must agree: both say which stack this command is for."""
    given, stored = os.environ.get("STACK"), settings().get("stack_name")
    if given and stored and given != stored and os.environ.get("CONFIG"):
        sys.exit(f"STACK is {given}, but CONFIG={os.environ['CONFIG']} is for the stack {stored}: unset one of them")
    return given or stored or "guestpass"


# AppConfig permits 64 characters in the name `STACK-parameters`. All other names can be longer.
LONGEST_NAME = 53


def __getattr__(name: str) -> str:
    """STACK, the name of the stack, when it is first used: config.py says more about a file of CONFIG without one."""
    if name == "STACK":
        return stack_name()
    raise AttributeError(name)


def client(service: str, config: Config | None = None):
    # Both belong to the deployed stack; another stack may be in any region.
    stored = settings()
    region = stored.get("region") if stored.get("stack_name", stack_name()) == stack_name() else None
    # boto3 does not read AWS_REGION, which the AWS CLI and the other SDKs use.
    return boto3.client(service, region_name=region or os.environ.get("AWS_REGION") or None, config=config)


def deployed_stack() -> dict[str, Any] | None:
    """What CloudFormation says of the stack; None before the first deployment."""
    try:
        return client("cloudformation").describe_stacks(StackName=stack_name())["Stacks"][0]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":  # No stack has this name.
            return None
        raise


def deployed_parameters(stack: dict[str, Any] | None) -> dict[str, str | None]:
    """The parameters of a stack that was read."""
    return {each["ParameterKey"]: each.get("ParameterValue") for each in (stack or {}).get("Parameters", [])}


def is_rolled_back() -> bool:
    """Whether `make rollback` moved an alias away from the version that CloudFormation knows, which then sees no change in a
    deployment of the same artefacts."""
    pages = client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack_name())
    # A version that was replaced stays in Lambda, but not in the stack.
    resources = [one for page in pages for one in page["StackResourceSummaries"] if is_there(one)]
    deployed = dict(one["PhysicalResourceId"].split(":")[-2:] for one in resources if one["ResourceType"] == "AWS::Lambda::Version")
    aliases = [one["PhysicalResourceId"].split(":")[-2:] for one in resources if one["ResourceType"] == "AWS::Lambda::Alias"]
    functions = client("lambda")
    return any(
        functions.get_alias(FunctionName=function, Name=alias)["FunctionVersion"] != deployed[function]
        for function, alias in aliases if function in deployed
    )


def is_there(resource: dict[str, Any]) -> bool:
    return bool(resource.get("PhysicalResourceId")) and not resource["ResourceStatus"].startswith("DELETE")
