"""The name and the region of the stack: those of the first `make deploy`, and before it the region
that the AWS CLI uses."""

import os
import tomllib
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError


def settings() -> dict[str, str]:
    """The settings that the first `make deploy` stored."""
    config = Path(os.environ["SAM_CONFIG_FILE"])
    if not config.is_file():
        return {}
    return tomllib.loads(config.read_text()).get("default", {}).get("deploy", {}).get("parameters", {})


# Both belong to the deployed stack; another stack may be in any region.
STACK: str = os.environ.get("STACK") or settings().get("stack_name") or "guestpass"


def client(service: str, config: Config | None = None):
    # boto3 does not read AWS_REGION, which the AWS CLI and the other SDKs use.
    region = settings().get("region") if STACK == settings().get("stack_name", STACK) else None
    return boto3.client(service, region_name=region or os.environ.get("AWS_REGION") or None, config=config)


def deployed_stack() -> dict[str, Any] | None:
    """What CloudFormation says of the stack; None before the first deployment."""
    try:
        return client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":  # No stack has this name.
            return None
        raise


def deployed_parameters(stack: dict[str, Any] | None) -> dict[str, str | None]:
    """The parameters of a stack that was read."""
    return {each["ParameterKey"]: each.get("ParameterValue") for each in (stack or {}).get("Parameters", [])}
