"""T07: costs and floods are bounded, and somebody is told."""

from collections.abc import Iterator

from expanded import Stack
from queues import dead_letter_queues
from rule import drop, put, rule

# The namespace of a stack's own metrics.
OURS = "Guestpass/AWS::StackName"


@rule(
    drop("Resources/Api/Properties/DefaultRouteSettings"),
    drop("Resources/Api/Properties/DefaultRouteSettings/ThrottlingRateLimit"),
    put("Resources/Api/Properties/DefaultRouteSettings/ThrottlingRateLimit", 10000),
    put("Resources/Api/Properties/DefaultRouteSettings/ThrottlingBurstLimit", 5000),
)
def t07_the_api_is_throttled(stack: Stack) -> Iterator[str]:
    for name, stage in stack.of_type("AWS::ApiGatewayV2::Stage").items():
        settings = stage.get("DefaultRouteSettings", {})
        if settings.get("ThrottlingRateLimit") != stack.parameters["RequestsPerSecond"]:
            yield f"{name} lets {settings.get('ThrottlingRateLimit')} a second through"
        # ACS allows 500 identities in 30 s.
        if not 0 < settings.get("ThrottlingBurstLimit", 0) <= 500:
            yield f"{name} lets {settings.get('ThrottlingBurstLimit')} through at once"


@rule(drop("Resources/RevokeOnEvent/Properties/Events/Queue/Properties/ScalingConfig"))
def t07_what_nobody_waits_for_leaves_acs_to_those_who_wait(stack: Stack) -> Iterator[str]:
    for name, mapping in stack.of_type("AWS::Lambda::EventSourceMapping").items():
        if not 2 <= mapping.get("ScalingConfig", {}).get("MaximumConcurrency", 1000) <= 10:
            yield f"{name} runs as often at once as there are messages"


@rule(
    drop("Resources/Logs/Properties/RetentionInDays"),
    drop("Globals/Function/LoggingConfig"),
    put("Resources/GetIdentity/Properties/LoggingConfig", {"LogGroup": "/aws/lambda/another"}),
)
def t07_logs_end(stack: Stack) -> Iterator[str]:
    groups = stack.of_type("AWS::Logs::LogGroup")
    yield from (f"{name} is kept for ever" for name, group in groups.items() if "RetentionInDays" not in group)
    for function, properties in stack.functions().items():
        group = properties.get("LoggingConfig", {}).get("LogGroup")
        if group not in groups:
            yield f"{function} logs to {group}, which Lambda keeps for ever"


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
            yield f"{function} has no timeout of ours"
        if properties.get("TracingConfig") != {"Mode": "Active"}:
            yield f"{function} is not traced"
        group = groups.get(f"{function}DeploymentGroup", {})
        if "Canary" not in str(group.get("DeploymentConfigName")) or not group.get("AlarmConfiguration", {}).get("Alarms"):
            yield f"{function} is deployed by {group.get('DeploymentConfigName')}"


def metrics_of(alarm: dict) -> set[tuple[str, str, str]]:
    """The namespace, the name and the first dimension's value of all that an alarm looks at."""
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
)
def t07_there_is_an_alarm_for_what_somebody_must_look_at(stack: Stack) -> Iterator[str]:
    seen = {metric for alarm in stack.of_type("AWS::CloudWatch::Alarm").values() for metric in metrics_of(alarm)}
    wanted = {("AWS/ApiGateway", "5xx", "Api"), ("AWS/ApiGateway", "Latency", "Api")}
    for queue in dead_letter_queues(stack):
        wanted.add(("AWS/SQS", "ApproximateNumberOfMessagesVisible", f"{queue}.QueueName"))
    wanted |= {("AWS/Lambda", "Errors", function) for function in stack.functions()}
    for ours in [
        "IdentitiesAbandoned", "IdentitiesStuck", "IdentitiesForeign", "CleanupBraked", "EventsFailed", "AcsThrottled", "AcsFailed",
    ]:
        wanted.add((OURS, ours, ""))
    yield from (f"no alarm looks at {' '.join(metric)}" for metric in sorted(wanted - seen))


@rule(
    drop("Resources/EventsDead/Properties/AlarmActions"),
    put("Resources/EventsDead/Properties/AlarmActions", []),
    drop("Resources/EventsDead/Properties/TreatMissingData"),
    put("Resources/EventsDead/Properties/ActionsEnabled", False),
)
def t07_each_alarm_tells_the_topic(stack: Stack) -> Iterator[str]:
    for name, alarm in stack.of_type("AWS::CloudWatch::Alarm").items():
        if alarm.get("AlarmActions") != ["Alarms"] or not alarm.get("ActionsEnabled", True):
            yield f"{name} tells {alarm.get('AlarmActions')}"
        # A service that nobody uses at night sends no figures; that is no alarm, or all of it.
        if "TreatMissingData" not in alarm or "AlarmDescription" not in alarm:
            yield f"{name} does not say what it means"


@rule(put("Resources/CleanupBraked/Properties/Period", 300), put("Resources/IdentitiesStuck/Properties/Period", 60))
def t07_what_a_run_says_once_an_hour_is_one_alarm_while_it_lasts(stack: Stack) -> Iterator[str]:
    of_runs = {"CleanupBraked", "IdentitiesStuck", "IdentitiesAbandoned", "StaleIdentities"}
    for name, alarm in stack.of_type("AWS::CloudWatch::Alarm").items():
        if alarm.get("MetricName") in of_runs and alarm["Period"] < 3600:
            yield f"{name} looks at {alarm['Period']} s, and a run is once an hour"


@rule(put("Resources/AlarmsPolicy/Properties/PolicyDocument/Statement/0/Principal", "*"))
def t07_only_alarms_of_this_account_tell_the_topic(stack: Stack) -> Iterator[str]:
    [policy] = stack.of_type("AWS::SNS::TopicPolicy").values()
    for statement in policy["PolicyDocument"]["Statement"]:
        account = statement.get("Condition", {}).get("StringEquals", {}).get("aws:SourceAccount")
        if statement["Principal"] != {"Service": "cloudwatch.amazonaws.com"} or account != "AWS::AccountId":
            yield f"{statement['Principal']} may, if {statement.get('Condition')}"
