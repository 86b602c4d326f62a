"""T07: costs and floods are bounded, and an alarm reports them."""

import itertools
import math
import re
from collections.abc import Iterator
from typing import Any

import rust
from expanded import ROOT, Stack
from permissions import function_of
from queues import dead_letter_queues
from rule import Change, drop, put, rule

# The namespace of a stack's own metrics.
OURS = "Guestpass/AWS::StackName"


@rule(
    drop("Resources/ApiStage/Properties/DefaultRouteSettings"),
    drop("Resources/ApiStage/Properties/DefaultRouteSettings/ThrottlingRateLimit"),
    put("Resources/ApiStage/Properties/DefaultRouteSettings/ThrottlingRateLimit", 10000),
    put("Resources/ApiStage/Properties/DefaultRouteSettings/ThrottlingBurstLimit", 5000),
)
def t07_the_api_is_throttled(stack: Stack) -> Iterator[str]:
    for name, stage in stack.of_type("AWS::ApiGatewayV2::Stage").items():
        settings = stage.get("DefaultRouteSettings", {})
        if settings.get("ThrottlingRateLimit") != stack.parameters["RequestsPerSecond"]:
            yield f"unexpected ThrottlingRateLimit of {name}: {settings.get('ThrottlingRateLimit')}"
        # ACS allows 500 identities in 30 s.
        if not 0 < settings.get("ThrottlingBurstLimit", 0) <= 500:
            yield f"unexpected ThrottlingBurstLimit of {name}: {settings.get('ThrottlingBurstLimit')}"


# The ACS operations of each route. A token call of a new user creates the identity with its token.
ASKED = {
    "GET /v1/token": ["IssueAccessToken", "CreateIdentityWithToken"],
    "POST /v1/token": ["IssueAccessToken", "CreateIdentityWithToken"],
    "POST /v1/identities/{id}/token": ["IssueAccessToken"],
    "POST /v1/identities": ["CreateIdentityWithToken"],
    "POST /v1/token/teams": ["ExchangeTeamsUserAccessToken"],
    "POST /v1/token/teams-phone": ["ExchangeTeamsExtensionAccessToken"],
    # The list asks the table only, but its function can ask ACS.
    "GET /v1/teams-phone/assignments": [],
    "GET /v1/teams-phone/assignments/{tenant}/{object}": ["GetAssignment"],
    "PUT /v1/teams-phone/assignments/{tenant}/{object}": ["PutAssignment"],
    "DELETE /v1/teams-phone/assignments/{tenant}/{object}": ["DeleteAssignment"],
    "DELETE /v1/token": ["RevokeAccessTokens"],
    "POST /v1/identities/{id}/revoke": ["RevokeAccessTokens"],
    "DELETE /v1/identity": ["DeleteIdentity"],
    "DELETE /v1/identities/{id}": ["DeleteIdentity"],
}

# Those of guests, whose identities belong in a resource of their own.
ASKED_FOR_GUESTS = {
    "POST /v1/guest/token": ["IssueAccessToken", "CreateIdentityWithToken"],
    "POST /v1/invitations/{id}/revoke": ["RevokeAccessTokens"],
}

# Other requests to ACS per second: the events, as the template's comment says, and the cleanup.
EVENTS = 8
OTHERS = {
    "RevokeAccessTokens": EVENTS,
    "DeleteIdentity": rust.constant("shared/identity-core/src/operations/delete_stale_identities/request.rs", "HALF_OF_ACS"),
}

# For these operations the record is changed before ACS is called, so requests that ACS refuses in a
# burst are repeated.
REPEATED = {"RevokeAccessTokens", "DeleteIdentity"}


def route_settings(stack: Stack) -> dict[str, dict]:
    [stage] = stack.of_type("AWS::ApiGatewayV2::Stage").values()
    return stage.get("RouteSettings", {})


def acs_limits() -> dict[str, int]:
    """The limits of ACS in 30 s, by operation, as the emulator has them."""
    text = rust.code(ROOT / "shared/acs-emulator/src/state/limits.rs")
    [arms] = re.findall(r"fn limit\(.*?match operation \{(.*?)^\}", text, re.M | re.S)
    found = re.findall(r"((?:\s*\|?\s*Operation::\w+)+) => Some\((\d+)\)", arms)
    return {name: int(most) for names, most in found for name in re.findall(r"Operation::(\w+)", names)}


def throttle(route: str, **settings: int | dict) -> Change:
    """A route's separate settings; empty if the route has none."""

    def make(template: dict) -> None:
        routes = template["Resources"]["ApiStage"]["Properties"]["RouteSettings"]
        routes[route] = {**routes[route], **settings}
        if not settings:
            del routes[route]

    return Change(f"{route}: {settings}", make)


@rule(
    throttle("GET /v1/token"),
    throttle("POST /v1/token", ThrottlingRateLimit={"Ref": "TokensPerSecond"}),
    throttle("GET /v1/token", ThrottlingBurstLimit=20),
    put("Mappings/Halves/1/Half", 1),
    put("Mappings/Halves/17/Half", 9),
    drop("Mappings/Halves/29"),
    put("Parameters/TokensPerSecond/AllowedValues", [*range(1, 31), 60]),
    put("Parameters/TokensPerSecond/AllowedValues/30", 31),
    put("Parameters/TokensPerSecond/Default", 20),
    put("Parameters/TokenMethods/Default", "POST"),
)
def t07_token_calls_are_30_per_second_and_resource_with_every_method(stack: Stack) -> Iterator[str]:
    parameter = stack.source["Parameters"]["TokensPerSecond"]
    # Up to 30 for one resource, and up to eight resources.
    allowed = [*range(1, 31), *range(40, 241, 10)]
    if (parameter["AllowedValues"], parameter["Default"]) != (allowed, 30):
        yield f"unexpected bounds of TokensPerSecond: {parameter}"
    if stack.source["Parameters"]["TokenMethods"]["Default"] != "both":
        yield "an app that calls by the other method gets no token"
    halves = {int(many): half["Half"] for many, half in stack.source["Mappings"]["Halves"].items()}
    if halves != {many: many / 2 for many in allowed}:
        yield f"unexpected mapping Halves: {halves}"
    for many, methods in [(30, "both"), (1, "both"), (240, "both"), (30, "POST"), (240, "GET")]:
        settings = route_settings(Stack(stack.source, TokensPerSecond=many, TokenMethods=methods))
        for method in ["GET", "POST"]:
            own = settings.get(f"{method} /v1/token", {"ThrottlingRateLimit": math.inf, "ThrottlingBurstLimit": math.inf})
            share = {"both": 0.5, method: 1}.get(methods, 0)
            if (own["ThrottlingRateLimit"], own["ThrottlingBurstLimit"]) != (share * many, share * 20):
                yield f"with TokensPerSecond {many} and TokenMethods {methods}, the limit of {method} is {own}"


@rule(
    drop("Resources/ApiStage/Properties/RouteSettings"),
    throttle("DELETE /v1/identity"),
    throttle("POST /v1/token/teams", ThrottlingRateLimit=17),
    throttle("POST /v1/identities", ThrottlingBurstLimit=21),
    throttle("POST /v1/identities/{id}/token", ThrottlingRateLimit=3),
    throttle("DELETE /v1/token", ThrottlingRateLimit=7),
    throttle("DELETE /v1/identities/{id}", ThrottlingRateLimit=5),
    put("Resources/GetIdentity/Properties/CodeUri", "../target/lambda/delete-identity/"),
    throttle("POST /v1/guest/token").with_parameters(InviteScope="invite"),
    put("Resources/ApiStage/Properties/RouteSettings/POST ~1v1~1guest~1token", {
        "ThrottlingRateLimit": 32, "ThrottlingBurstLimit": 60,
    }).with_parameters(InviteScope="invite"),
    put("Resources/ApiStage/Properties/RouteSettings/POST ~1v1~1guest~1token", {
        "ThrottlingRateLimit": 30, "ThrottlingBurstLimit": 150,
    }).with_parameters(InviteScope="invite"),
    put("Parameters/GuestRequestsPerSecond/Default", 33).with_parameters(InviteScope="invite"),
)
def t07_all_together_ask_acs_for_no_more_than_it_allows(stack: Stack) -> Iterator[str]:
    for (method, path), route in stack.routes().items():
        asks = "acs-secret" in rust.dependencies(stack.crate_of(route.function))
        if asks != (f"{method} {path}" in ASKED | ASKED_FOR_GUESTS):
            yield f"{method} {path} sends requests to ACS: {asks}; update ASKED in this test"
    settings = route_settings(stack)
    of_guests = ASKED_FOR_GUESTS if stack.parameters["InviteScope"] else {}
    if set(settings) != set(ASKED | of_guests):
        yield f"of the routes that call ACS, {sorted(set(settings) ^ set(ASKED | of_guests))} have no throttle of their own"
        return
    # The limits of ACS are those of one resource.
    for asked_routes, (operation, limit) in itertools.product([ASKED, of_guests], acs_limits().items()):
        routes = [settings[route] for route, asked in asked_routes.items() if operation in asked]
        most = 30 * (sum(one["ThrottlingRateLimit"] for one in routes) + OTHERS.get(operation, 0))
        if operation not in REPEATED:
            most += sum(one["ThrottlingBurstLimit"] for one in routes)
        if most > limit:
            yield f"up to {most} requests to {operation} in 30 s, but ACS allows {limit}"


@rule(put("Resources/RevokeOnEvent/Properties/Events/Queue/Properties/ScalingConfig/MaximumConcurrency", 5))
def t07_all_batches_of_events_together_keep_to_the_share_of_events(stack: Stack) -> Iterator[str]:
    each = rust.constant("functions/revoke-on-event/src/main.rs", "EVENTS_PER_SECOND")
    for name, mapping in stack.of_type("AWS::Lambda::EventSourceMapping").items():
        batches = mapping["ScalingConfig"]["MaximumConcurrency"]
        if each is None or batches * each > EVENTS:
            yield f"{name} runs {batches} concurrent batches with {each} events per second each, which is too much for ACS"


@rule(
    drop("Resources/RevokeOnEvent/Properties/ReservedConcurrentExecutions"),
    put("Resources/RevokeOnEvent/Properties/ReservedConcurrentExecutions", 4),
    put("Resources/RevokeOnEvent/Properties/Events/Queue/Properties/ScalingConfig/MaximumConcurrency", 5),
    put("Resources/DeleteStaleIdentities/Properties/ReservedConcurrentExecutions", 1),
    put("Resources/IssueAccessToken/Properties/ReservedConcurrentExecutions", 50),
    put("Resources/ExchangeGuestPass/Properties/ReservedConcurrentExecutions", 20).with_parameters(InviteScope="invite"),
    put("Parameters/ReservedConcurrency/Default", "no"),
)
def t07_no_flood_of_calls_takes_the_place_of_events(stack: Stack) -> Iterator[str]:
    """Lambda keeps 100 for all other functions of an account, so the README says what total is
    needed. An account with only ten cannot reserve any."""
    reserved = reservations(stack)
    for mapping in stack.of_type("AWS::Lambda::EventSourceMapping").values():
        function, batches = function_of(mapping), mapping.get("ScalingConfig", {}).get("MaximumConcurrency")
        # With fewer, a batch without a free execution counts as a failed delivery.
        if reserved.get(function) != batches:
            yield f"{function} has {batches} concurrent batches, but {reserved.get(function)} reserved executions"
    needed = 100 + sum(reserved.values())
    texts = [(ROOT / "infra/README.md").read_text(), stack.source["Parameters"]["ReservedConcurrency"]["Description"]]
    if not all(re.search(rf"(less|fewer) than {needed}\b", text) for text in texts):
        yield f"the documentation does not say that an account needs a quota of {needed}"
    without = reservations(Stack(stack.source, **{**stack.given, "ReservedConcurrency": "no"}))
    if without:
        yield f"ReservedConcurrency=no must reserve nothing, but reserves {without}"


def reservations(stack: Stack) -> dict[str, int]:
    name = "ReservedConcurrentExecutions"
    return {function: one[name] for function, one in stack.functions().items() if name in one}


@rule(drop("Resources/RevokeOnEvent/Properties/Events/Queue/Properties/ScalingConfig"))
def t07_event_batches_leave_most_of_the_acs_quota_to_callers(stack: Stack) -> Iterator[str]:
    for name, mapping in stack.of_type("AWS::Lambda::EventSourceMapping").items():
        if not 2 <= mapping.get("ScalingConfig", {}).get("MaximumConcurrency", 1000) <= 10:
            yield f"{name} has no MaximumConcurrency between 2 and 10"


@rule(
    drop("Resources/Logs/Properties/RetentionInDays"),
    drop("Globals/Function/LoggingConfig"),
    put("Resources/GetIdentity/Properties/LoggingConfig", {"LogGroup": "/aws/lambda/another"}),
)
def t07_logs_end(stack: Stack) -> Iterator[str]:
    groups = stack.of_type("AWS::Logs::LogGroup")
    yield from (f"{name} has no retention, so its lines are never deleted" for name, group in groups.items() if "RetentionInDays" not in group)
    for function, properties in stack.functions().items():
        group = properties.get("LoggingConfig", {}).get("LogGroup")
        if group not in groups:
            yield f"{function} logs to {group}, whose lines are never deleted"


@rule(
    drop("Globals/Function/Timeout"),
    put("Resources/ListIdentities/Properties/MemorySize", 10240),
    put("Resources/ListIdentities/Properties/Tracing", "PassThrough"),
    put("Resources/ListIdentities/Properties/DeploymentPreference", {"Type": "AllAtOnce"}),
)
def t07_every_function_has_a_size_a_time_traces_and_a_careful_deployment(stack: Stack) -> Iterator[str]:
    groups = stack.of_type("AWS::CodeDeploy::DeploymentGroup")
    for function, properties in stack.functions().items():
        if not 128 <= properties.get("MemorySize", 0) <= 512:
            yield f"{function} has {properties.get('MemorySize')} MB"
        if "Timeout" not in properties:
            yield f"{function} has no explicit timeout"
        if properties.get("TracingConfig") != {"Mode": "Active"}:
            yield f"{function} is not traced"
        group = groups.get(f"{function}DeploymentGroup", {})
        if "Canary" not in str(group.get("DeploymentConfigName")) or not group.get("AlarmConfiguration", {}).get("Alarms"):
            yield f"unexpected DeploymentConfigName of {function}: {group.get('DeploymentConfigName')}"


def metrics_of(alarm: dict) -> set[tuple[str, str, str]]:
    """The namespace, the name and the first dimension's value of all metrics that alarms use."""
    metrics = [one["MetricStat"]["Metric"] for one in alarm.get("Metrics", []) if "MetricStat" in one]
    if "MetricName" in alarm:
        metrics.append(alarm)
    return {
        (one["Namespace"], one["MetricName"], str(one.get("Dimensions", [{}])[0].get("Value", "")))
        for one in metrics
    }


@rule(
    drop("Resources/EventsDead"),
    drop("Resources/CleanupFailed"),
    put("Resources/CleanupFailed/Properties/Dimensions/0/Value", {"Fn::GetAtt": "IdentityEvents.QueueName"}),
    drop("Resources/IdentitiesAbandoned"),
    drop("Resources/IdentitiesStuck"),
    drop("Resources/IdentitiesForeign"),
    drop("Resources/CleanupBraked"),
    put("Resources/SlowTokens/Properties/Dimensions/0/Value", "another"),
    drop("Resources/EventsUndelivered"),
    drop("Resources/FunctionsFailing/Properties/Metrics/4"),
    drop("Resources/FunctionsThrottled/Properties/Metrics/4"),
    drop("Resources/TablesThrottled"),
    drop("Resources/CallersThrottled"),
    drop("Resources/AvailabilityFalls"),
    drop("Resources/AvailabilityFallsSlowly"),
)
def t07_every_error_that_needs_an_operator_has_an_alarm(stack: Stack) -> Iterator[str]:
    seen = {metric for alarm in stack.of_type("AWS::CloudWatch::Alarm").values() for metric in metrics_of(alarm)}
    wanted = {("AWS/ApiGateway", "5xx", "HttpApi"), ("AWS/ApiGateway", "Latency", "HttpApi")}
    for queue in dead_letter_queues(stack):
        wanted.add(("AWS/SQS", "ApproximateNumberOfMessagesVisible", f"{queue}.QueueName"))
    wanted |= {("AWS/Lambda", metric, function) for metric in ["Errors", "Throttles"] for function in stack.functions()}
    wanted |= {("AWS/DynamoDB", "WriteThrottleEvents", table) for table in ["Identities", "AuditLog"]}
    for ours in [
        "IdentitiesAbandoned", "IdentitiesStuck", "IdentitiesForeign", "ResourcesUnknown", "CleanupBraked", "EventsFailed", "AcsThrottled", "AcsFailed",
        "RequestsThrottled", "InternalErrors",
    ]:
        wanted.add((OURS, ours, ""))
    yield from (f"no alarm uses the metric {' '.join(metric)}" for metric in sorted(wanted - seen))
    # Of an availability of 99.9 %, in 30 days: 2 % of the errors in an hour, 5 % in six.
    burns = {3600: 1.44, 21600: 0.6}
    for name, alarm in stack.of_type("AWS::CloudWatch::Alarm").items():
        if ("AWS/ApiGateway", "5xx", "HttpApi") in metrics_of(alarm):
            period = alarm["Metrics"][1]["MetricStat"]["Period"]
            if burns.pop(period, None) != alarm["Threshold"]:
                yield f"{name} has an unexpected threshold for {period} s"
    yield from (f"no alarm compares the availability of {period} s" for period in burns)


def lambda_errors(number: int) -> dict[str, Any]:
    """A metric of an alarm that uses several."""
    metric = {"Namespace": "AWS/Lambda", "MetricName": "Errors"}
    return {"Id": f"m{number}", "ReturnData": False, "MetricStat": {"Stat": "Sum", "Period": 300, "Metric": metric}}


@rule(put("Resources/FunctionsFailing/Properties/Metrics", [lambda_errors(number) for number in range(11)]))
def t07_an_alarm_uses_ten_metrics_at_most(stack: Stack) -> Iterator[str]:
    # A hard limit of CloudWatch for alarms with metric math: more would fail the deployment.
    for name, alarm in stack.of_type("AWS::CloudWatch::Alarm").items():
        number = sum("MetricStat" in one for one in alarm.get("Metrics", []))
        if number > 10:
            yield f"{name} uses {number} metrics"


@rule(
    drop("Resources/EventsDead/Properties/AlarmActions"),
    put("Resources/EventsDead/Properties/AlarmActions", []),
    drop("Resources/EventsDead/Properties/TreatMissingData"),
    put("Resources/EventsDead/Properties/ActionsEnabled", False),
    drop("Resources/EventsDead/Properties/OKActions"),
)
def t07_each_alarm_tells_the_topic(stack: Stack) -> Iterator[str]:
    for name, alarm in stack.of_type("AWS::CloudWatch::Alarm").items():
        if alarm.get("AlarmActions") != ["Alarms"] or not alarm.get("ActionsEnabled", True):
            yield f"unexpected AlarmActions of {name}: {alarm.get('AlarmActions')}"
        if alarm.get("OKActions") != ["Alarms"]:
            yield f"{name} does not tell that it is over"
        # A service that is not used at night has no data, so each alarm must define how it treats
        # missing data.
        if "TreatMissingData" not in alarm or "AlarmDescription" not in alarm:
            yield f"{name} lacks AlarmDescription or TreatMissingData"


@rule(put("Resources/CleanupBraked/Properties/Period", 300), put("Resources/IdentitiesStuck/Properties/Period", 60))
def t07_what_a_run_says_once_an_hour_is_one_alarm_while_it_lasts(stack: Stack) -> Iterator[str]:
    of_runs = {"CleanupBraked", "IdentitiesStuck", "IdentitiesAbandoned", "StaleIdentities"}
    for name, alarm in stack.of_type("AWS::CloudWatch::Alarm").items():
        if alarm.get("MetricName") in of_runs and alarm["Period"] < 3600:
            yield f"the period of {name} is {alarm['Period']} s, but a run is once an hour"


@rule(put("Resources/AlarmsPolicy/Properties/PolicyDocument/Statement/0/Principal", "*"))
def t07_only_alarms_of_this_account_tell_the_topic(stack: Stack) -> Iterator[str]:
    [policy] = stack.of_type("AWS::SNS::TopicPolicy").values()
    for statement in policy["PolicyDocument"]["Statement"]:
        account = statement.get("Condition", {}).get("StringEquals", {}).get("aws:SourceAccount")
        if statement["Principal"] != {"Service": "cloudwatch.amazonaws.com"} or account != "AWS::AccountId":
            yield f"unexpected principal {statement['Principal']} with the condition {statement.get('Condition')}"


@rule(
    drop("Resources/Alarms/Properties/KmsMasterKeyId"),
    put("Resources/Alarms/Properties/KmsMasterKeyId", "alias/aws/sns"),
    drop("Resources/AlarmKey/Properties/KeyPolicy/Statement/1"),
    drop("Resources/AlarmKey/Properties/KeyPolicy/Statement/1/Condition"),
    put("Resources/AlarmKey/Properties/EnableKeyRotation", False),
)
def t07_the_topic_is_encrypted_with_a_key_that_alarms_can_use(stack: Stack) -> Iterator[str]:
    """CloudWatch cannot use the key that AWS manages for SNS."""
    if stack.of_type("AWS::SNS::Topic")["Alarms"].get("KmsMasterKeyId") != "AlarmKey.Arn":
        yield "the topic of the alarms has no key, or one that alarms cannot use"
    key = stack.of_type("AWS::KMS::Key")["AlarmKey"]
    expected = {
        "Principal": {"Service": "cloudwatch.amazonaws.com"},
        "Action": ["kms:Decrypt", "kms:GenerateDataKey*"],
        "Condition": {"StringEquals": {"aws:SourceAccount": "AWS::AccountId"}},
    }
    used = [one for one in key["KeyPolicy"]["Statement"] if "Service" in one["Principal"]]
    if [{name: one.get(name) for name in expected} for one in used] != [expected] or not key["EnableKeyRotation"]:
        yield f"unexpected policy of the key of the alarms: {used}"


@rule(
    put("Resources/CleanupMissing/Properties/EvaluationPeriods", 1),
    put("Parameters/CleanupMissingHours/Default", 1),
)
def the_alarm_about_a_missing_cleanup_follows_its_schedule(stack: Stack) -> Iterator[str]:
    alarm = stack.of_type("AWS::CloudWatch::Alarm")["CleanupMissing"]
    hours = stack.parameters["CleanupMissingHours"]
    if (alarm["Period"], alarm["EvaluationPeriods"]) != (3600, hours) or hours < 2:
        yield f"CleanupMissing waits for {alarm['EvaluationPeriods']} times {alarm['Period']} s, and not for {hours} hours"


@rule(
    put("Parameters/LogLevel/AllowedValues", ["INFO", "WARN"]),
    put("Globals/Function/LoggingConfig/ApplicationLogLevel", "WARN"),
    put("Globals/Function/LoggingConfig/LogFormat", "Text"),
    drop("Globals/Function/Environment/Variables/RUST_LOG"),
)
def no_log_level_drops_the_lines_of_metrics(stack: Stack) -> Iterator[str]:
    """Lambda treats a line without a level, as those of metrics, as INFO, and drops it at any level above."""
    if not set(stack.source["Parameters"]["LogLevel"]["AllowedValues"]) <= {"INFO", "DEBUG", "TRACE"}:
        yield "a value of LogLevel drops the lines of metrics"
    for name, one in stack.functions().items():
        config = one["LoggingConfig"]
        level = stack.parameters["LogLevel"]
        if (config["LogFormat"], config["ApplicationLogLevel"]) != ("JSON", level):
            yield f"{name} has another log level: {config}"
        if one["Environment"]["Variables"].get("RUST_LOG") != level:
            yield f"{name} writes other lines than Lambda keeps"
