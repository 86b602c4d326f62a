"""Validates a configuration file, and writes samconfig.toml from it, so that nothing is asked:

    make validate CONFIG=production.toml      validates it; needs no credentials
    make deploy CONFIG=production.toml        validates it, then deploys

    stack = "guestpass"
    region = "eu-west-1"

    [parameters]                              # of infra/template.yaml; the others get their defaults
    Issuer = "https://idp.example"
    Audience = ["app"]
    RetentionDays = 60

    [tags]                                    # optional
    team = "chat"

Without CONFIG, it writes the settings of a stack that exists already, but was deployed from another place: its parameters,
its tags and its region. SAM would propose the defaults of the template, also for a stack that serves users.
"""

import os
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import tomlkit

import json_values
import parameters
import stack_settings

KEYS = {"stack", "region", "parameters", "tags"}


def main() -> None:
    if config := os.environ.get("CONFIG"):
        write_file(Path(config))
    else:
        write_stack()


def write_file(path: Path) -> None:
    """Writes the settings of a configuration file, if the artefacts have an architecture."""
    try:
        config = tomllib.loads(path.read_text())
    except (OSError, tomllib.TOMLDecodeError) as error:
        sys.exit(f"deploy: cannot read CONFIG={path}: {error}")
    declared = parameters.read_template()["Parameters"]
    problems, values = validate(config, declared)
    if problems:
        sys.exit("\n".join([f"deploy: {path} is invalid, and nothing was deployed:", *(f"  {one}" for one in problems)]))
    parameters.check_together(values, values)
    print(f"{path} is valid")
    if architecture := os.environ.get("ARCHITECTURE"):
        # SAM keeps the deployed value of a parameter that is not given, so the default of one that the file lacks is given, too.
        defaults = {name: str(one["Default"]) for name, one in declared.items() if "Default" in one}
        write(config, defaults | values | {"Architecture": architecture})


def write_stack() -> None:
    """Writes the settings of the stack, unless it does not exist."""
    # `make validate` needs neither boto3 nor an account.
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        stack = stack_settings.deployed_stack()
        region = stack_settings.client("cloudformation").meta.region_name
    except (BotoCoreError, ClientError) as error:
        sys.exit(f"deploy: nothing was deployed: cannot read whether the stack {stack_settings.STACK} exists: {error}")
    # A stack whose creation was not confirmed has this status, and no resources.
    if stack is None or stack["StackStatus"] == "REVIEW_IN_PROGRESS":
        return
    values = values_of(stack["StackName"], stack_settings.deployed_parameters(stack))
    tags = {tag["Key"]: tag["Value"] for tag in stack.get("Tags", [])}
    write({"stack": stack["StackName"], "region": region, "tags": tags}, values)
    print(f"The stack {stack['StackName']} in {region} exists already, so SAM does not ask for parameters: those that SET does not change stay as they are deployed.")


def values_of(stack: str, deployed: dict[str, str | None]) -> dict[str, str]:
    """The deployed values of the parameters that the template has."""
    declared = parameters.read_template()["Parameters"]
    values = {name: value or "" for name, value in deployed.items() if name in declared}
    if values.keys().isdisjoint(name for name, one in declared.items() if "Default" not in one):
        sys.exit(f"deploy: nothing was deployed: the stack {stack} exists, but it is not one of Guestpass, because it has none of the required parameters. Set STACK to the name of a new stack, or AWS_REGION to another region")
    for name, value in values.items():
        if parameters.UNSTORABLE.search(value):
            sys.exit(f"deploy: nothing was deployed: SAM cannot store {name} of the stack {stack}, because it has a backslash at its end, or before a quote or a space. Change it with the tool that deployed the stack")
    return values


def validate(config: dict[str, Any], declared: dict[str, Any]) -> tuple[list[str], dict[str, str]]:
    """All problems of a configuration, and its parameters as text."""
    problems = [f"unknown key `{key}`: must be one of {', '.join(sorted(KEYS))}" for key in sorted(set(config) - KEYS)]
    for key, pattern in [("stack", rf"[A-Za-z][A-Za-z0-9-]{{0,{stack_settings.LONGEST_NAME - 1}}}"), ("region", r"[a-z]{2}(-[a-z]+)+-\d")]:
        if not isinstance(config.get(key), str) or not re.fullmatch(pattern, config[key]):
            problems.append(f"`{key}` is missing or invalid: it must be text that matches {pattern}")
    given, tags = config.get("parameters", {}), config.get("tags", {})
    if not isinstance(given, dict) or not isinstance(tags, dict):
        return [*problems, "`parameters` and `tags` must be tables"], {}
    values = {name: as_text(value) for name, value in given.items()}
    for name, value in values.items():
        if name not in declared:
            problems.append(f"unknown parameter `{name}`")
        elif name == "Architecture":
            problems.append("`Architecture` is that of the build: remove it, and run `make build ARCH=…`")
        elif problem := problem_of(name, declared[name], value):
            problems.append(f"invalid value of `{name}`: {problem}")
    missing = [name for name, one in declared.items() if "Default" not in one and name not in values]
    problems += [f"the parameter `{name}` is missing: {declared[name]['Description']}" for name in missing]
    problems += tag_problems(tags)
    return problems, values


def tag_problems(tags: dict[str, Any]) -> list[str]:
    """The rules of AWS for tags of resources. CloudFormation passes the tags of a stack on to its resources."""
    problems = [] if len(tags) <= 50 else ["`tags` has more than 50 tags, which AWS does not allow"]
    for name, value in tags.items():
        if not re.fullmatch(r"(?!aws:)[\w .:/=+@-]{1,128}", name) or not re.fullmatch(r"[\w .:/=+@-]{0,256}", str(value)):
            problems.append(f"invalid tag `{name}`: must be letters, digits, spaces and + - = . _ : / @, at most 128 in the name and 256 in the value, and must not begin with aws:")
    return problems


def as_text(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value))
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def problem_of(name: str, declared: dict[str, Any], value: str) -> str | None:
    """Why CloudFormation, SAM or a function would refuse the value."""
    if parameters.UNSTORABLE.search(value):
        return "SAM cannot store a backslash at the end of a value, or before a quote or a space"
    if allowed := declared.get("AllowedValues"):
        return None if value in map(str, allowed) else f"must be one of {', '.join(map(str, allowed))}"
    if declared["Type"] == "Number":
        least, most = declared.get("MinValue", 0), declared.get("MaxValue", sys.maxsize)
        in_range = re.fullmatch(r"\d+", value) and least <= int(value) <= most
        return None if in_range else f"must be a number from {least} to {most}"
    if len(value.encode()) > declared.get("MaxLength", sys.maxsize):
        return f"is too long: at most {declared['MaxLength']} bytes are allowed"
    # CloudFormation compares each item of a list.
    items = value.split(",") if declared["Type"] == "CommaDelimitedList" else [value]
    if (pattern := declared.get("AllowedPattern")) and not all(re.fullmatch(pattern, item) for item in items):
        return declared.get("ConstraintDescription", f"must match {pattern}")
    try:
        if value and (check := json_values.CHECKS.get(name)):
            check(value)
    except ValueError as error:
        return str(error)
    return None


def write(config: dict[str, Any], values: dict[str, str]) -> None:
    """Writes the settings that `sam deploy` and the other commands read."""
    settings = {
        "stack_name": config["stack"],
        "region": config["region"],
        "resolve_s3": True,
        "confirm_changeset": False,
        "capabilities": "CAPABILITY_IAM",
        "parameter_overrides": " ".join(f"{name}={parameters.quoted(value)}" for name, value in values.items()),
    }
    if tags := config.get("tags"):
        settings["tags"] = " ".join(f'"{name}"="{value}"' for name, value in tags.items())
    document = {"version": 0.1, "default": {"deploy": {"parameters": settings}}}
    Path(os.environ["SAM_CONFIG_FILE"]).write_text(tomlkit.dumps(document))


if __name__ == "__main__":
    main()
