"""Returns to the deployment before the current one: moves the alias `live` of each function to the version
of that deployment, in seconds and without CloudFormation.

    make rollback            lists the versions, asks, and moves the aliases
    make rollback YES=1      does not ask

FORCE=resources moves them although the secret of ACS cannot be read and may lack a connection string.

Parameters and other resources stay as they are, also the rights of the functions and the secrets: if a table or a
secret has changed since that deployment, or the secret lacks a connection string that its functions need, nothing is
moved. The next `make deploy` moves the aliases forward again, also if it deploys the
same artefacts: it then publishes new versions (infra/deploy/deployment.py).

A deployment that CloudFormation rolled back leaves its versions behind. They are left out: the events of the
stack say how the deployment of each version ended. If the events do not reach back to a version, the name of
the deployment after it says so (infra/deploy/deployment.py)."""

import json
import os
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

import confirmation
import json_values
import stack_settings
from stack_settings import STACK

ALIAS = "live"
# In the name that `make deploy` gives to a deployment after one that was rolled back.
AFTER_A_FAILURE = "-after-"

# The variables that name what the roles of the functions may use, and the parameter of each. A version keeps its
# variables, and the roles stay as they are.
PARAMETERS = {
    "TABLE_NAME": "ExistingTableName",
    "AUDIT_TABLE_NAME": "ExistingAuditTableName",
    "ACS_SECRET_ARN": "AcsSecretArn",
    "TRANSMITTER_SECRET_ARN": "TransmitterSecretArn",
}


class Version(NamedTuple):
    number: int
    # The deployment that published it, as in the template's property VersionDescription.
    deployment: str
    # Only those in PARAMETERS. None if they are encrypted with a key that these credentials may not use.
    variables: dict[str, str] | None
    # Those without whose connection string the version does not start, as far as its variables can be read.
    resources: set[str]


class Move(NamedTuple):
    function: str
    name: str
    before: Version
    # None if the function is new since that deployment.
    target: Version | None


def main() -> None:
    try:
        moves = plan(stack_settings.client("cloudformation"), stack_settings.client("lambda"))
        for move in moves:
            where = f"{move.before.number} -> {move.target.number}" if move.target else f"{move.before.number} stays: the function is new"
            print(f"  {move.function}: {where}")
        if os.environ.get("YES") != "1":
            confirmation.require("roll it back", "rollback: nothing was changed")
        roll_back(stack_settings.client("lambda"), moves)
    except (BotoCoreError, ClientError) as error:
        sys.exit(f"rollback: {error}")


def plan(cloudformation, functions) -> list[Move]:
    """What to move, or the end of the program if it is not clear where to."""
    [stack] = cloudformation.describe_stacks(StackName=STACK)["Stacks"]
    refuse_in_progress(stack["StackStatus"])
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=STACK)
    resources = [one for page in pages for one in page["StackResourceSummaries"]]
    # A function without alias, such as the check before traffic, has no versions.
    with_alias = {one["PhysicalResourceId"].split(":")[-2] for one in resources if exists(one, "AWS::Lambda::Alias")}
    names = {
        one["LogicalResourceId"]: one["PhysicalResourceId"]
        for one in resources
        if exists(one, "AWS::Lambda::Function") and one["PhysicalResourceId"] in with_alias
    }
    published = {function: versions(functions, name) for function, name in sorted(names.items())}
    live = {}
    for function, name in sorted(names.items()):
        alias = functions.get_alias(FunctionName=name, Name=ALIAS)
        refuse_two_versions(name, alias)
        number = int(alias["FunctionVersion"])
        live[function] = next(one for one in published[function] if one.number == number)
    current = {one.deployment for one in live.values()}
    if len(current) != 1:
        sys.exit(f"rollback: nothing was changed: the functions run versions of several deployments ({', '.join(sorted(current))}). Run `make deploy` first, or move single functions with `aws lambda update-alias`")
    before = {names[function]: [one for one in all_ if one.number <= live[function].number] for function, all_ in published.items()}
    ended_well = outcomes(cloudformation, before)
    targets = {function: last_that_served(name, before[name], ended_well) for function, name in names.items()}
    earlier = {one.deployment for one in targets.values() if one}
    if not earlier:
        sys.exit("rollback: nothing was changed: the current deployment is the first one that did not fail")
    if len(earlier) != 1:
        sys.exit(f"rollback: nothing was changed: the versions before the current ones are of several deployments ({', '.join(sorted(earlier))}). Move single functions with `aws lambda update-alias`")
    moves = [Move(function, names[function], live[function], targets[function]) for function in names]
    refuse_other_rights(moves)
    refuse_unknown_resources(moves)
    print(f"From the deployment {current.pop()} of {STACK} to {earlier.pop()}:")
    return moves


def refuse_in_progress(status: str) -> None:
    """During a deployment, CodeDeploy moves the aliases, too, and would move them forward again."""
    if status == "UPDATE_IN_PROGRESS":
        sys.exit(f"rollback: nothing was changed: a deployment of {STACK} is in progress. Stop it with `aws cloudformation cancel-update-stack --stack-name {STACK}`: CloudFormation then returns to the deployment before")
    if status == "UPDATE_ROLLBACK_IN_PROGRESS":
        sys.exit(f"rollback: nothing was changed: CloudFormation is returning {STACK} to the deployment before. Wait until it has finished")


def refuse_two_versions(name: str, alias: dict[str, Any]) -> None:
    """During a canary, the version of the alias is the old one: the version before that would go one deployment too far."""
    if more := alias.get("RoutingConfig", {}).get("AdditionalVersionWeights"):
        shares = ", ".join(f"{weight:.0%} to version {number}" for number, weight in more.items())
        sys.exit(
            f"rollback: nothing was changed: the alias {ALIAS} of {name} leads to version {alias['FunctionVersion']} and {shares}, although "
            f"CloudFormation deploys nothing. To leave version {alias['FunctionVersion']} alone there: `aws lambda update-alias --function-name {name} "
            f"--name {ALIAS} --routing-config '{{\"AdditionalVersionWeights\": {{}}}}'`. Then run this again"
        )


def refuse_other_rights(moves: list[Move]) -> None:
    """The roles have rights for the tables and secrets of the live versions alone, so versions with others would fail."""
    changed = {}
    for move in moves:
        if not move.target:
            continue
        if move.before.variables is None or move.target.variables is None:
            print(f"warning: the variables of {move.name} cannot be read, so its tables and secrets were not compared", file=sys.stderr)
            continue
        for variable, value in move.target.variables.items():
            # A version without a value reads no such table or secret.
            if value and value != move.before.variables.get(variable, value):
                changed[PARAMETERS[variable]] = (value, move.before.variables[variable] or "none")
    if changed:
        differences = ", ".join(f"{parameter} ({present} in place of {earlier})" for parameter, (earlier, present) in sorted(changed.items()))
        parameters = " ".join(f"{parameter}={earlier}" for parameter, (earlier, _) in sorted(changed.items()))
        sys.exit(
            f"rollback: nothing was changed: the deployment before had other tables or secrets, for which the functions have no rights "
            f"any more: {differences}. Change this back with `make deploy`, which changes the rights, too: {parameters} DeploymentType=AllAtOnce"
        )


def refuse_unknown_resources(moves: list[Move]) -> None:
    """The versions may name a resource of ACS whose connection string was removed after they served."""
    moved = [move for move in moves if move.target]
    live = {name for move in moved for name in move.before.resources}
    # Live versions without any resource do not use the secret, or their variables cannot be read.
    if not live or not (unsure := {name for move in moved for name in move.target.resources} - live):
        return
    [arn, *_] = [move.target.variables["ACS_SECRET_ARN"] for move in moved if move.target.resources]
    why = f"rollback: nothing was changed: AcsPlacement or Policy of the deployment before names {{}}, without whose connection string its functions do not start, and the secret {arn} "
    try:
        text = stack_settings.client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"]
    except (BotoCoreError, ClientError) as error:
        if confirmation.is_forced("resources"):
            return
        sys.exit(why.format(named(unsure)) + f"cannot be read ({error}). If it has the connection string, add {confirmation.force('resources')}")
    if missing := unsure - resources_in(text):
        commands = " and ".join(f"`make secret RESOURCE={name}`" for name in sorted(missing))
        sys.exit(why.format(named(missing)) + f"does not have it. Store it with {commands}, and run this again")


def named(resources: set[str]) -> str:
    return f"the resource{'s' if len(resources) > 1 else ''} {', '.join(sorted(resources))}"


def resources_in(secret: str) -> set[str]:
    """The names in the text of the secret. An error would quote the text."""
    text = secret.lstrip("\ufeff \t\r\n")
    try:
        return set(json.loads(text)) if text.startswith("{") else {"main"}
    except ValueError:
        return set()


def exists(resource: dict[str, str], kind: str) -> bool:
    return resource["ResourceType"] == kind and bool(resource.get("PhysicalResourceId"))


def versions(functions, name: str) -> list[Version]:
    """The published versions of a function, oldest first."""
    pages = functions.get_paginator("list_versions_by_function").paginate(FunctionName=name)
    found = [(one, one.get("Environment", {})) for page in pages for one in page["Versions"] if one["Version"] != "$LATEST"]
    return sorted(
        (Version(int(one["Version"]), one.get("Description", ""), rights(environment), resources(environment)) for one, environment in found),
        key=lambda one: one.number,
    )


def rights(environment: dict[str, Any]) -> dict[str, str] | None:
    """The variables that name tables and secrets; the others are not kept."""
    if "Error" in environment:
        return None
    return {name: value for name, value in environment.get("Variables", {}).items() if name in PARAMETERS}


def resources(environment: dict[str, Any]) -> set[str]:
    """Functions with a policy but without the secret of ACS need no connection string."""
    variables = environment.get("Variables", {})
    try:
        return json_values.named_resources(variables.get("POLICY", ""), variables.get("ACS_PLACEMENT", "")) if "ACS_SECRET_ARN" in variables else set()
    except ValueError:
        return set()


def outcomes(cloudformation, before: dict[str, list[Version]]) -> dict[tuple[str, int], bool]:
    """Whether the deployment of a version ended well, by the name of the function and the number of the version. Reads only
    as many events as are needed."""
    found: dict[tuple[str, int], bool] = {}
    # Each function whose version before the live one is not known yet.
    open_ = {name for name, all_ in before.items() if len(all_) > 1}
    for name, number, well in history(cloudformation):
        found.setdefault((name, number), well)
        if well and name in open_ and number < before[name][-1].number:
            open_.remove(name)
        if not open_:
            break
    return found


def history(cloudformation) -> Iterator[tuple[str, int, bool]]:
    """The versions that the stack published, newest first, and whether the deployment ended well."""
    status = ""
    for page in cloudformation.get_paginator("describe_stack_events").paginate(StackName=STACK):
        for event in page["StackEvents"]:
            if event["PhysicalResourceId"] == event["StackId"]:
                status = event["ResourceStatus"]
            # While CloudFormation returns to the old versions, these have the same events as new ones: they do not count.
            elif is_published(event) and ("ROLLBACK" not in status or status == "UPDATE_ROLLBACK_IN_PROGRESS"):
                name, number = event["PhysicalResourceId"].split(":")[-2:]
                yield name, int(number), status in WELL


# The next event of the stack after those of its resources.
WELL = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"}


def is_published(event: dict[str, Any]) -> bool:
    return event["ResourceType"] == "AWS::Lambda::Version" and event["ResourceStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE")


def last_that_served(name: str, published: list[Version], ended_well: dict[tuple[str, int], bool]) -> Version | None:
    """The version before the last one whose deployment did not fail."""
    for one, after in zip(reversed(published[:-1]), reversed(published)):
        if ended_well.get((name, one.number), AFTER_A_FAILURE not in after.deployment):
            return one
    return None


def roll_back(functions, moves: list[Move]) -> None:
    """Moves all aliases. If a deployment began since `plan`, the second version of its canary is removed from the alias."""
    for move in moves:
        if move.target:
            functions.update_alias(
                FunctionName=move.name, Name=ALIAS, FunctionVersion=str(move.target.number),
                RoutingConfig={"AdditionalVersionWeights": {}},
            )
    print(f"rolled back {sum(move.target is not None for move in moves)} functions of {STACK}")


if __name__ == "__main__":
    main()
