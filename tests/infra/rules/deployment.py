"""A stack can be created, later changes take effect, and a bad change is rolled back."""

import copy
import itertools
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from typing import Any

import options
from expanded import Stack
from operators import floor_of, share
from rule import Change, drop, put, rule

PREFERENCE = "Globals/Function/DeploymentPreference"
NUMBER = "Globals/Function/Environment/Variables/DEPLOYMENT"
VALUES = "Resources/ParameterValues/Properties"


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


@rule(put("Resources/Logs/Properties/LogGroupName", {"Ref": "IssueAccessToken"}))
def nothing_waits_for_itself(stack: Stack) -> Iterator[str]:
    """CloudFormation creates referenced resources first, also those in an UpdatePolicy."""
    resources = stack.expanded["Resources"]
    graph = {name: set(named(resource)) & set(resources) - {name} for name, resource in resources.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        yield " needs ".join(error.args[1])


def here(expression: str) -> Change:
    """Another expression of EventsFailingHere."""
    return put("Resources/EventsFailingHere/Properties/Metrics/0/Expression", expression)._replace(name=expression)


@rule(
    put("Resources/ServerErrors/Properties/AlarmName", "another"),
    put(f"{PREFERENCE}/Alarms", []),
    put("Resources/ServerErrors/Properties/Metrics/1/MetricStat/Metric", {"Namespace": "AWS/ApiGateway", "MetricName": "5xx"}),
    put("Resources/FunctionsFailing/Properties/Metrics/1/MetricStat/Period", 300),
    put("Resources/FunctionsFailing/Properties/DatapointsToAlarm", 5),
    put("Resources/InternalErrors/Properties/FilterPattern", '{ $.status = "5*" }'),
    here("failed"),
    here("failed + FILL(throttled, 0) + FILL(held, 0) + FILL(down, 0)"),
    here("failed - FILL(throttled, 0) - FILL(held, 0) - FILL(down, 0)"),
    here("IF(FILL(throttled, 0) + FILL(held, 0) + FILL(down, 0) > 0, failed, 0)"),
    here("IF(FILL(throttled, 0) + FILL(held, 0) - FILL(down, 0) > 0, 0, failed)"),
    here("IF(FILL(throttled, 0) + FILL(held, 0) > 0, 0, failed)"),
    here("IF(throttled + held + down > 0, 0, failed)"),
    put("Resources/ServerErrors/Properties/Metrics/0/Expression", share(6)),
    put("Resources/ServerErrors/Properties/Threshold", 10),
    put("Resources/FunctionsFailing/Properties/Threshold", 6),
)
def alarms_roll_a_deployment_back(stack: Stack) -> Iterator[str]:
    names = {alarm.get("AlarmName"): name for name, alarm in stack.of_type("AWS::CloudWatch::Alarm").items()}
    for name, group in stack.of_type("AWS::CodeDeploy::DeploymentGroup").items():
        watched = {names.get(alarm["Name"]) for alarm in group.get("AlarmConfiguration", {}).get("Alarms", [])}
        if watched != WATCHED:
            yield f"the deployment of {name} watches other alarms: {watched}"
    for name in WATCHED:
        alarm = stack.of_type("AWS::CloudWatch::Alarm")[name]
        metrics = [one["MetricStat"] for one in alarm["Metrics"] if "MetricStat" in one]
        # In the five minutes of a canary, with one request a second, a new version gets six a minute.
        if {one["Period"] for one in metrics} != {60} or alarm.get("DatapointsToAlarm", 5) > 2:
            yield f"{name} is raised too late for a canary of five minutes"
        # If these six fail, they are a tenth of the requests.
        floor, most = floor_of(alarm), metrics[0]["Period"] // 10
        if (floor or 0) >= most or alarm["Threshold"] >= (most if floor is None else 10):
            yield f"{name} is not raised if a canary fails with one request a second"
        # These include the throttling of ACS, which no rollback mends.
        if {"5xx", "5XXError"} & {one["Metric"]["MetricName"] for one in metrics}:
            yield f"{name} counts responses that say that ACS is throttled"
    if stack.of_type("AWS::Logs::MetricFilter")["InternalErrors"]["FilterPattern"] != '{ $.status = "500" }':
        yield "InternalErrors counts other responses than 500"
    expression = stack.of_type("AWS::CloudWatch::Alarm")["EventsFailingHere"]["Metrics"][0]["Expression"]
    for throttled, held, down in itertools.product([None, 0, 1, 9], repeat=3):
        by_acs = any([throttled, held, down])
        for failed in [1, 5]:
            if computed(expression, failed=failed, throttled=throttled, held=held, down=down) != (0 if by_acs else failed):
                yield f"EventsFailingHere counts {'events that ACS made fail' if by_acs else 'other events'}: {expression}"
                return


def computed(expression: str, **metrics: int | None) -> int | None:
    """The value of an expression of CloudWatch, in which a metric without data is None and leaves no value."""
    functions = {"IF": lambda condition, then, otherwise: then if condition else otherwise, "FILL": lambda one, value: value if one is None else one}
    try:
        return eval(expression, {"__builtins__": {}}, {**functions, **metrics})
    except TypeError:
        return None


# The alarms that roll a deployment back.
WATCHED = {"FunctionsFailing", "ServerErrors", "EventsFailingHere"}


@rule(
    drop("Resources/GetIdentity/Properties/AutoPublishAliasAllProperties"),
    drop("Resources/GetIdentity/Properties/VersionDescription"),
    drop(NUMBER),
    put(NUMBER, {"Ref": "ParameterValues"}),
    put(f"{VALUES}/Content/Fn::Sub/0", "Policy=${Policy}"),
)
def every_change_of_a_deployment_publishes_a_version_of_every_function(stack: Stack) -> Iterator[str]:
    """However the template is deployed. The template is expanded with one change at a time."""
    before = published(stack)
    if len(before) != len(stack.functions()):
        yield f"not every function has a version: {sorted(before)}"
    globals_, [one, *_] = stack.source["Globals"]["Function"], stack.functions()
    changes = {
        "Timeout": lambda other: other["Globals"]["Function"].update(Timeout=globals_["Timeout"] + 1),
        "LoggingConfig": lambda other: other["Globals"]["Function"]["LoggingConfig"].update(SystemLogLevel="DEBUG"),
        "Tracing": lambda other: other["Globals"]["Function"].update(Tracing="PassThrough"),
        "Deployment": lambda other: other["Mappings"]["Deployment"]["This"].update(Id="another"),
        "Role": lambda other: other["Resources"][one]["Properties"].update(Role="another"),
    }
    # A function that has a property of its own does not take it from Globals.
    exempt = {"Timeout": "Timeout", "Role": "Role", "Tracing": "Tracing"}
    for name, change in changes.items():
        other = copy.deepcopy(stack.source)
        change(other)
        kept = before & published(Stack(other, **stack.given))
        for version, *_ in sorted(kept, key=str):
            function = version.split("Version")[0]
            has_own = exempt.get(name) in stack.source["Resources"][function]["Properties"]
            if not has_own or (name == "Role" and function == one):
                yield f"a change of {name} publishes no version of {function}"
    for name, value in {"Policy": '{"rules": []}', "RetentionDays": "91", "Audience": "app,web", "AlarmEmail": "a@b"}.items():
        if kept := before & published(Stack(stack.source, **{**stack.given, name: value})):
            yield f"a change of {name} publishes no version: {sorted(one for one, *_ in kept)}"
    content = stack.resources["ParameterValues"]["Properties"]["Content"]
    for name, value in stack.parameters.items():
        text = ",".join(value) if isinstance(value, list) else value
        if f"{name}={text}\n" not in content:
            yield f"a change of {name} publishes no version: ParameterValues lacks it"


def published(stack: Stack) -> set[tuple]:
    """The version of each function: its name, and what makes CloudFormation replace it. Lambda publishes
    nothing if the function has not changed either."""
    numbers = {"ParameterValues": str(stack.resources["ParameterValues"]["Properties"])}
    deployment = stack.source["Mappings"]["Deployment"]["This"]["Id"]
    found = set()
    for name, one in stack.of_type("AWS::Lambda::Version").items():
        text = one.get("Description") or ""
        variables = stack.functions()[one["FunctionName"]]["Environment"]["Variables"]
        if text != f"{deployment}/ParameterValues" or variables.get("DEPLOYMENT") != text:
            numbers = {}
        found.add((name, text, *numbers.values()))
    return found


@rule(
    put("Resources/IssueAccessToken/DeletionPolicy", "Delete"),
    drop("Resources/IssueAccessToken/UpdateReplacePolicy"),
)
def the_version_before_stays_for_a_rollback(stack: Stack) -> Iterator[str]:
    for name, version in stack.resources.items():
        if version["Type"] != "AWS::Lambda::Version":
            continue
        for policy in ["DeletionPolicy", "UpdateReplacePolicy"]:
            if version.get(policy) != "Retain":
                yield f"unexpected {policy} of {name}: {version.get(policy)}"


@rule(
    put("Resources/HttpApi/Properties/Body", {"openapi": "3.0.1"}),
    put("Resources/ApiStage/DependsOn", ["GetTokenRoute"]),
    put("Resources/ApiStage/Properties/AutoDeploy", False),
    drop("Resources/ApiStage/Properties/Description").with_parameters(InviteScope="invite"),
)
def the_api_needs_no_import_of_an_openapi_document(stack: Stack) -> Iterator[str]:
    """The importer warns about an issuer that does not answer, and leaves its routes out."""
    for name, api in stack.of_type("AWS::ApiGatewayV2::Api").items():
        if api.get("Body") or api.get("BodyS3Location") or api.get("ProtocolType") != "HTTP":
            yield f"{name} is imported from an OpenAPI document"
    for name, stage in stack.of_type("AWS::ApiGatewayV2::Stage").items():
        if stage.get("StageName") != "$default" or stage.get("AutoDeploy") is not True:
            yield f"changes of routes do not reach {name}"
        routes = {route.name: f"{method} {path}" for (method, path), route in stack.routes().items()}
        # API Gateway: `Unable to find Route by key`.
        # Routes with a condition are named in the description, because DependsOn has no conditions.
        named_routes = re.findall(r"\w+Route\b", stage.get("Description", ""))
        first = {routes.get(one) for one in [*stack.resources[name].get("DependsOn", []), *named_routes]}
        if missing := set(stage.get("RouteSettings", {})) - first:
            yield f"{name} has settings of routes that may not exist yet: {sorted(missing)}"


@rule(put("Resources/ApiStage/Properties/AccessLogSettings/Format", '{"requestId":"$context.requestId"}'))
def a_line_of_the_access_log_leads_to_the_functions_line(stack: Stack) -> Iterator[str]:
    for name, stage in stack.of_type("AWS::ApiGatewayV2::Stage").items():
        if "$context.integration.requestId" not in stage["AccessLogSettings"]["Format"]:
            yield f"unexpected format of the access log of {name}: {stage['AccessLogSettings']['Format']}"


CHECK = "Resources/PreTrafficCheckFunction/Properties"


@rule(
    put("Parameters/PreTrafficCheck/Default", "no"),
    put("Conditions/HasPreTrafficCheck", {"Fn::Equals": [{"Ref": "PreTrafficCheck"}, "yes"]}),
    put("Conditions/HasPreTrafficCheck", {"Condition": "IsCareful"}),
    drop("Resources/IssueAccessToken/Properties/DeploymentPreference"),
    put("Resources/GetIdentity/Properties/DeploymentPreference", {"Hooks": {"PreTraffic": {"Ref": "GetIdentity"}}}),
    put("Resources/DeploymentRole/Properties/Policies", []),
    put(f"{CHECK}/Environment/Variables/NEW_VERSION", {"Ref": "IssueAccessToken.Alias"}),
    put("Resources/PreTrafficCheckRole/Properties/Policies/0/PolicyDocument/Statement/0/Resource", "*"),
    drop("Resources/PreTrafficCheckRole/Properties/Policies/0/PolicyDocument/Statement/1"),
    put(f"{CHECK}/Code/ZipFile", "x" * 4097),
    drop("Resources/PreTrafficCheckRole/Properties/PermissionsBoundary"),
    drop(f"{CHECK}/KmsKeyArn"),
)
def a_new_version_gets_traffic_after_the_check(stack: Stack) -> Iterator[str]:
    """tests/infra/aws/operate/test_pre_traffic.py runs the code of the check."""
    for without in [{"PreTrafficCheck": "no"}, {"DeploymentType": "AllAtOnce"}]:
        other = Stack(stack.source, **{**stack.given, **without})
        if "PreTrafficCheckFunction" in other.resources or hooks_of(other):
            yield f"the check is made with {without}"
    if hooks_of(stack) != {"IssueAccessTokenAliaslive": "PreTrafficCheckFunction"}:
        yield f"unexpected checks before traffic: {hooks_of(stack)}"
        return
    check = stack.of_type("AWS::Lambda::Function")["PreTrafficCheckFunction"]
    version = check["Environment"]["Variables"]["NEW_VERSION"]
    if stack.resources.get(version, {}).get("Type") != "AWS::Lambda::Version":
        yield f"the check requests a token of {version}"
    if len(check["Code"]["ZipFile"]) > 4096:
        yield "the code of the check is longer than CloudFormation allows"
    [policy] = stack.resources["PreTrafficCheckRole"]["Properties"]["Policies"]
    rights = [(one["Action"], one["Resource"]) for one in policy["PolicyDocument"]["Statement"]]
    groups = "arn:AWS::Partition:codedeploy:AWS::Region:AWS::AccountId:deploymentgroup:ServerlessDeploymentApplication/*"
    if rights != [
        ("lambda:InvokeFunction", ["IssueAccessToken.Arn:*", "DeleteIdentity.Arn:live"]),
        ("codedeploy:PutLifecycleEventHookExecutionStatus", groups),
    ]:
        yield f"unexpected rights of the check: {rights}"
    if "PreTrafficCheckFunction.Arn" not in str(stack.resources["DeploymentRole"]["Properties"].get("Policies")):
        yield "CodeDeploy may not invoke the check"
    # It reaches nothing but AWS, so it needs no subnets and no added root certificates.
    optional = options.with_options(stack)
    role = optional.resources["PreTrafficCheckRole"]["Properties"]
    if (role.get("PermissionsBoundary"), role.get("Path")) != (options.BOUNDARY, options.ON["RolePath"]):
        yield "the role of the check lacks the boundary or the path"
    if optional.of_type("AWS::Lambda::Function")["PreTrafficCheckFunction"].get("KmsKeyArn") != options.KEY:
        yield "the variables of the check have another key"


def hooks_of(stack: Stack) -> dict[str, str]:
    """The function that is invoked before traffic, for each alias that has one."""
    updates = {name: one.get("UpdatePolicy", {}).get("CodeDeployLambdaAliasUpdate", {}) for name, one in stack.resources.items()}
    return {name: one["BeforeAllowTrafficHook"] for name, one in updates.items() if "BeforeAllowTrafficHook" in one}
