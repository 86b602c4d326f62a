"""A stack can be created, later changes take effect, and a bad change is rolled back."""

import copy
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from typing import Any

from expanded import Stack, expand
from rule import drop, put, rule

PREFERENCE = "Globals/Function/DeploymentPreference"
DIGEST = "Globals/Function/Environment/Variables/PARAMETERS_DIGEST"


def named(value: Any) -> Iterator[str]:
    """Everything that some part of a template refers to."""
    if isinstance(value, list):
        for item in value:
            yield from named(item)
    elif isinstance(value, dict):
        for name, member in value.items():
            if name in ("Ref", "DependsOn") and isinstance(member, str):
                yield member
            elif name == "Fn::GetAtt":
                yield (member if isinstance(member, str) else member[0]).split(".")[0]
            elif name == "Fn::Sub":
                text = member if isinstance(member, str) else member[0]
                yield from (found.split(".")[0] for found in re.findall(r"\$\{([\w.]+)\}", text))
                yield from named(member)
            else:
                yield from named(member)


@rule(put(f"{PREFERENCE}/Alarms", [{"Ref": "ServerErrors"}]))
def nothing_waits_for_itself(stack: Stack) -> Iterator[str]:
    """CloudFormation creates referenced resources first, also those in an UpdatePolicy."""
    resources = stack.expanded["Resources"]
    graph = {name: set(named(resource)) & set(resources) - {name} for name, resource in resources.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        yield " needs ".join(error.args[1])


@rule(
    put("Resources/ServerErrors/Properties/AlarmName", "another"),
    put(f"{PREFERENCE}/Alarms", []),
)
def alarms_roll_a_deployment_back(stack: Stack) -> Iterator[str]:
    names = {alarm.get("AlarmName"): name for name, alarm in stack.of_type("AWS::CloudWatch::Alarm").items()}
    for name, group in stack.of_type("AWS::CodeDeploy::DeploymentGroup").items():
        watched = {names.get(alarm["Name"]) for alarm in group.get("AlarmConfiguration", {}).get("Alarms", [])}
        if watched != {"FunctionsFailing", "ServerErrors", "EventsFailing"}:
            yield f"the deployment of {name} watches other alarms: {watched}"


@rule(drop(DIGEST), put(DIGEST, {"Ref": "Policy"}))
def what_make_deploy_writes_makes_a_new_version_of_every_function(stack: Stack) -> Iterator[str]:
    if stack.source["Globals"]["Function"]["Environment"]["Variables"].get("PARAMETERS_DIGEST") != "none":
        yield "PARAMETERS_DIGEST, which `make deploy` writes, is missing"
        return
    another = copy.deepcopy(stack.source)
    another["Globals"]["Function"]["Environment"]["Variables"]["PARAMETERS_DIGEST"] = "another"
    before, after = (versions(stack, one) for one in [stack.expanded, expand(another, stack.parameters)])
    yield from (f"a change of the digest publishes no new version: {version}" for version in sorted(before & after))
    if len(before) != len(stack.functions()):
        yield f"not every function has a version: {sorted(before)}"


def versions(stack: Stack, expanded: dict[str, Any]) -> set[str]:
    """The versions of functions in an expanded template whose conditions are those of the stack."""
    return {
        name
        for name, one in expanded["Resources"].items()
        if one["Type"] == "AWS::Lambda::Version" and stack.conditions.get(one.get("Condition"), True)
    }


@rule(drop("Resources/IssueAccessToken/DeletionPolicy"))
def a_deployment_that_was_taken_back_can_be_repeated(stack: Stack) -> Iterator[str]:
    """Lambda creates no version if its newest version already has the same content."""
    for name in sorted(versions(stack, stack.expanded)):
        if stack.resources[name].get("DeletionPolicy") != "Delete":
            yield f"{name} is retained when its deployment is rolled back"


@rule(drop("Resources/Api/Properties/FailOnWarnings"))
def an_issuer_that_does_not_answer_fails_the_deployment(stack: Stack) -> Iterator[str]:
    for name, api in stack.of_type("AWS::ApiGatewayV2::Api").items():
        if api.get("FailOnWarnings") is not True:
            yield f"{name} lacks FailOnWarnings: without an issuer it would be deployed without routes"


@rule(put("Resources/Api/Properties/AccessLogSettings/Format", '{"requestId":"$context.requestId"}'))
def a_line_of_the_access_log_leads_to_the_functions_line(stack: Stack) -> Iterator[str]:
    for name, stage in stack.of_type("AWS::ApiGatewayV2::Stage").items():
        if "$context.integration.requestId" not in stage["AccessLogSettings"]["Format"]:
            yield f"unexpected format of the access log of {name}: {stage['AccessLogSettings']['Format']}"
