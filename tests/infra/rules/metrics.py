"""The metrics that the code counts, those that it declares, and those in the template agree."""

import json
import re
from collections.abc import Iterator

import rust
from bounds import OURS, metrics_of
from expanded import Stack
from rule import drop, put, rule

# These are counted for each request, by operation and status, and not by a field `metric.…`.
REQUESTS = "APIRequestAuthentication"


def dashboard(stack: Stack) -> list[dict]:
    [one] = stack.of_type("AWS::CloudWatch::Dashboard").values()
    return json.loads(one["DashboardBody"])["widgets"]


def shown(stack: Stack) -> set[str]:
    """Our own metrics that an alarm uses or the dashboard shows."""
    names = {
        name
        for alarm in stack.of_type("AWS::CloudWatch::Alarm").values()
        for namespace, name, _ in metrics_of(alarm)
        if namespace == OURS
    }
    for widget in dashboard(stack):
        for metric in widget["properties"]["metrics"]:
            if metric[0] == OURS:
                names.add(metric[1])
            elif isinstance(metric[0], dict) and f'"{OURS}"' in metric[0]["expression"]:
                names |= set(re.findall(r'MetricName="(\w+)"', metric[0]["expression"]))
    return names


def filtered(stack: Stack) -> set[str]:
    """Our own metrics that CloudWatch Logs counts in the access log."""
    filters = stack.of_type("AWS::Logs::MetricFilter").values()
    return {one["MetricTransformations"][0]["MetricName"] for one in filters}


FORMAT = "Resources/ApiStage/Properties/AccessLogSettings/Format"
THROTTLED = "Resources/RequestsThrottled/Properties"


@rule(
    put("Resources/InternalErrors/Properties/FilterPattern", '{ $.Status = "500" }'),
    put("Resources/InternalErrors/Properties/LogGroupName", {"Ref": "Logs"}),
    put("Resources/InternalErrors/Properties/FilterPattern", "500"),
    put(f"{THROTTLED}/FilterPattern", '{ $.status = "429" && $.requestId = "-" }'),
    put(f"{THROTTLED}/FilterPattern", '{ $.status = "429" || $.lambdaRequestId = "-" }'),
    put(f"{THROTTLED}/FilterPattern", '{ $.status = "429" }'),
    put(FORMAT, '{"status":"$context.status","lambda":"$context.integration.requestId"}'),
    put(FORMAT, '{"status":"$context.integration.status","lambdaRequestId":"$context.integration.requestId"}'),
    put(FORMAT, '{"status":"$context.status","lambdaRequestId":"$context.requestId"}'),
)
def the_filters_count_lines_that_the_access_log_has(stack: Stack) -> Iterator[str]:
    """A filter whose key no line has counts nothing, and CloudWatch does not say so."""
    [stage] = stack.of_type("AWS::ApiGatewayV2::Stage").values()
    log, line = stage["AccessLogSettings"]["DestinationArn"], json.loads(stage["AccessLogSettings"]["Format"])
    filters = stack.of_type("AWS::Logs::MetricFilter")
    for name, one in filters.items():
        keys = re.findall(r"\$\.(\w+)", one["FilterPattern"])
        if f"{one['LogGroupName']}.Arn" != log:
            yield f"{name} filters {one['LogGroupName']}, and not the access log"
        if not keys or not set(keys) <= set(line):
            yield f"{name} uses keys that no line of the access log has: {one['FilterPattern']}"
    # API Gateway's own 429 has no request of a function. The 429 of one user's rate limit comes from a function.
    if filters["RequestsThrottled"]["FilterPattern"] != '{ $.status = "429" && $.lambdaRequestId = "-" }':
        yield "RequestsThrottled counts other responses than API Gateway's own 429"
    meant = {"status": "$context.status", "lambdaRequestId": "$context.integration.requestId"}
    yield from (f"the access log has another value for {key}: {line.get(key)}" for key in meant if line.get(key) != meant[key])


def body(change) -> dict:
    return {"Fn::Sub": json.dumps({"widgets": change})}


@rule(
    put("Resources/CleanupBraked/Properties/MetricName", "CleanupBreaked"),
    put("Resources/Dashboard/Properties/DashboardBody", body([])),
)
def each_metric_of_ours_is_counted_declared_and_shown(stack: Stack) -> Iterator[str]:
    declared, counted, seen = rust.metrics_declared(), rust.metrics_counted(), shown(stack) - filtered(stack)
    yield from (f"{name} is counted and not declared" for name in sorted(counted - declared))
    yield from (f"{name} is declared and never counted" for name in sorted(declared - counted))
    yield from (f"{name} is counted and neither on the dashboard nor in an alarm" for name in sorted((declared | {REQUESTS}) - seen))
    yield from (f"{name} is shown and never counted" for name in sorted(seen - declared - {REQUESTS}))


@rule(
    put("Resources/Dashboard/Properties/DashboardBody", body([
        {"type": "metric", "x": 20, "y": 0, "width": 8, "height": 6,
         "properties": {"title": "t", "region": "x", "metrics": []}},
    ])),
)
def the_figures_of_the_dashboard_fit_and_have_titles(stack: Stack) -> Iterator[str]:
    taken: set[tuple[int, int]] = set()
    for widget in dashboard(stack):
        x, y, width, height = (widget[name] for name in ["x", "y", "width", "height"])
        place = {(x + dx, y + dy) for dx in range(width) for dy in range(height)}
        if x + width > 24 or place & taken:
            yield f"{widget['properties']['title']} exceeds the width or overlaps another figure"
        taken |= place
        if not widget["properties"].get("title") or not widget["properties"]["metrics"]:
            yield f"{widget} shows nothing"


@rule(
    put("Resources/CutOffToday/Properties/QueryString", 'filter message = "nothing revoked in ACS"'),
    put("Resources/CutOffToday/Properties/QueryString", "stats count(*) by `acs.name`"),
    put("Resources/GuestsOfAnInvitation/Properties/QueryString", 'filter message = "guest admitted"').with_parameters(InviteScope="invite"),
    put("Resources/GuestsOfAnInvitation/Properties/QueryString", 'filter `invitation.handle` = "ID"').with_parameters(InviteScope="invite"),
)
def the_saved_queries_search_for_lines_and_fields_that_are_logged(stack: Stack) -> Iterator[str]:
    sources = [*(rust.ROOT / "shared").glob("*/src/**/*.rs"), *(rust.ROOT / "functions").glob("*/src/**/*.rs")]
    text = "".join(rust.code(path) for path in sources)
    for name, query in stack.of_type("AWS::Logs::QueryDefinition").items():
        for message in re.findall(r'(?<=message = ")[^"]+|(?<=")[a-z ]+ in ACS(?=")', query["QueryString"]):
            if f'"{message}"' not in text:
                yield f"{name} searches for {message!r}, which no code logs"
        for field in re.findall("`([^`]+)`", query["QueryString"]):
            if field != "fields.message" and not re.search(rf"(?<![\w.]){re.escape(field)} = ", text):
                yield f"{name} uses the field {field!r}, which no code logs"


@rule(put("Resources/RefusedAndWhy/Properties/LogGroupNames", ["another"]), drop("Resources/CutOffToday"))
def the_saved_queries_use_the_log_group_of_the_stack(stack: Stack) -> Iterator[str]:
    queries = stack.of_type("AWS::Logs::QueryDefinition")
    names = {query["Name"].rsplit("/", 1)[-1] for query in queries.values()}
    for name in ["history of an identity", "users who were cut off today", "app versions that request chat"]:
        if name not in names:
            yield f"the saved query {name!r} is missing"
    yield from (f"unexpected log group of {name}: {one['LogGroupNames']}" for name, one in queries.items() if one["LogGroupNames"] != ["Logs"])
