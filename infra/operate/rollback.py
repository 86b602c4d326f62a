"""Returns to the deployment before the current one: moves the alias `live` of each function to the version
of that deployment, in seconds and without CloudFormation.

    make rollback            lists the versions, asks, and moves the aliases
    make rollback YES=1      does not ask

Parameters and other resources stay as they are. The next `make deploy` moves the aliases forward again."""

import os
import sys
from typing import NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

import confirmation
import stack_settings
from stack_settings import STACK

ALIAS = "live"


class Version(NamedTuple):
    number: int
    # The deployment that published it, as in the template's property VersionDescription.
    deployment: str


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
        number = int(functions.get_alias(FunctionName=name, Name=ALIAS)["FunctionVersion"])
        live[function] = next(one for one in published[function] if one.number == number)
    current = {one.deployment for one in live.values()}
    if len(current) != 1:
        sys.exit(f"rollback: nothing was changed: the functions run versions of several deployments ({', '.join(sorted(current))}). Run `make deploy` first, or move single functions with `aws lambda update-alias`")
    before = {function: [one for one in all_ if one.number < live[function].number] for function, all_ in published.items()}
    earlier = {all_[-1].deployment for all_ in before.values() if all_}
    if not earlier:
        sys.exit("rollback: nothing was changed: the current deployment is the first one")
    if len(earlier) != 1:
        sys.exit(f"rollback: nothing was changed: the versions before the current ones are of several deployments ({', '.join(sorted(earlier))}). Move single functions with `aws lambda update-alias`")
    print(f"From the deployment {current.pop()} of {STACK} to {earlier.pop()}:")
    return [
        Move(function, names[function], live[function], before[function][-1] if before[function] else None)
        for function in names
    ]


def exists(resource: dict[str, str], kind: str) -> bool:
    return resource["ResourceType"] == kind and bool(resource.get("PhysicalResourceId"))


def versions(functions, name: str) -> list[Version]:
    """The published versions of a function, oldest first."""
    pages = functions.get_paginator("list_versions_by_function").paginate(FunctionName=name)
    found = [one for page in pages for one in page["Versions"] if one["Version"] != "$LATEST"]
    return sorted(Version(int(one["Version"]), one.get("Description", "")) for one in found)


def roll_back(functions, moves: list[Move]) -> None:
    """Moves all aliases. A canary deployment in progress has a second version in the alias: it is removed."""
    for move in moves:
        if move.target:
            functions.update_alias(
                FunctionName=move.name, Name=ALIAS, FunctionVersion=str(move.target.number),
                RoutingConfig={"AdditionalVersionWeights": {}},
            )
    print(f"rolled back {sum(move.target is not None for move in moves)} functions of {STACK}")


if __name__ == "__main__":
    main()
