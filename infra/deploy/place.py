"""Which stack is meant, and where it is: as `make deploy` was told. Before that, where the AWS CLI
would look."""

import os
import tomllib
from pathlib import Path

import boto3


def told() -> dict[str, str]:
    """What the first `make deploy` has kept."""
    config = Path(os.environ["SAM_CONFIG_FILE"])
    if not config.is_file():
        return {}
    return tomllib.loads(config.read_text()).get("default", {}).get("deploy", {}).get("parameters", {})


# Both are of the stack that was deployed; another one may be anywhere.
STACK: str = os.environ.get("STACK") or told().get("stack_name") or "guestpass"


def client(service: str):
    # boto3 by itself does not look at AWS_REGION, which the AWS CLI and the other SDKs go by.
    region = told().get("region") if STACK == told().get("stack_name", STACK) else None
    return boto3.client(service, region_name=region or os.environ.get("AWS_REGION") or None)
