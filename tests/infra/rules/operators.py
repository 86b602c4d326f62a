"""The operators' documentation agrees with the template."""

import re
from collections.abc import Iterator

from bounds import OURS, route_settings, throttle
from expanded import ROOT, Stack, openapi
from rule import drop, put, rule

README = ROOT / "infra/README.md"


def rows_of_alarms() -> dict[str, list[str]]:
    """The row of each alarm in the README: what happened, what users notice, and what to do first."""
    section = README.read_text().split("## What each alarm means", 1)[1].split("\n## ", 1)[0]
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", section, re.MULTILINE)
    return {name: [cell.strip() for cell in text.split(" | ")] for name, text in rows}


@rule(
    drop("Resources/SlowTokens"),
    put("Resources/Another", {"Type": "AWS::CloudWatch::Alarm", "Properties": {"MetricName": "x"}}),
)
def the_readme_says_what_each_alarm_means(stack: Stack) -> Iterator[str]:
    rows = rows_of_alarms()
    explained = set(rows)
    alarms = set(stack.of_type("AWS::CloudWatch::Alarm"))
    yield from (f"{name} is not explained" for name in sorted(alarms - explained))
    # Some exist only with a condition.
    known = {name for name, one in stack.source["Resources"].items() if one["Type"] == "AWS::CloudWatch::Alarm"}
    yield from (f"{name} is explained, but not an alarm of the template" for name in sorted(explained - known))
    yield from (f"a cell of {name} is missing" for name, cells in rows.items() if len(cells) != 3 or not all(cells))


WORDS = {1: "one", 2: "two", 3: "three", 5: "five", 6: "six", 10: "ten"}


def word(number: float) -> str:
    return WORDS.get(number, f"{number:g}")


def time_of(alarm: dict) -> str:
    """How long an alarm waits, as its texts say it; empty if it tells each occurrence."""
    metrics = [one["MetricStat"] for one in alarm.get("Metrics", []) if "MetricStat" in one] or [alarm]
    [period] = {one["Period"] for one in metrics}
    periods, needed = alarm["EvaluationPeriods"], alarm.get("DatapointsToAlarm")
    if alarm["ComparisonOperator"] == "LessThanThreshold":
        return "CleanupMissingHours" if periods > 1 else "For an hour"
    if alarm["Threshold"] == 0 and (periods == 1 or needed == 1):
        return ""
    if needed:
        return f"In {word(needed)} of {word(periods)} minutes"
    if periods == 1:
        return {300: "In five minutes", 3600: "In the last hour", 21600: "In the last six hours"}[period]
    if alarm.get("Namespace") == OURS and alarm["Threshold"] > 0:
        return f"in {word(period / 60)} minutes, twice" if periods == 2 else "?"
    return f"For {word(periods * period / 60)} minutes"


def limit_of(alarm: dict) -> str:
    """The figure that an alarm compares with, as its texts say it."""
    limit = alarm["Threshold"]
    if alarm["ComparisonOperator"] == "LessThanThreshold" or limit == 0:
        return ""
    if any("100 *" in one.get("Expression", "") for one in alarm.get("Metrics", [])):
        return f"more than {round(limit, 1):g} %"
    if "Metrics" in alarm:
        return f"{word(limit + 1)} times"
    return {"Latency": f"{limit / 1000:g} s", "ApproximateAgeOfOldestMessage": f"more than {word(limit / 60)} minutes"}.get(
        alarm["MetricName"], f"more than {word(limit)}"
    )


def floor_of(alarm: dict) -> int | None:
    """The number of errors up to which an alarm about a share of the requests is not raised; None for other alarms."""
    shares = [one["Expression"] for one in alarm.get("Metrics", []) if "100 *" in one.get("Expression", "")]
    found = [re.fullmatch(r"IF\((\w+) > (\d+), 100 \* \1 / calls, 0\)", one) for one in shares]
    # Another form of the expression has a floor that no text can agree with.
    return int(found[0][2] if found[0] else -1) if found else None


def share(floor: int) -> str:
    """The expression of ServerErrors, or of AvailabilityFalls, with another floor."""
    return f"IF(errors > {floor}, 100 * errors / calls, 0)"


@rule(
    put("Resources/ServerErrors/Properties/Metrics/0/Expression", share(0)),
    put("Resources/ServerErrors/Properties/Metrics/0/Expression", "100 * errors / calls"),
    put("Resources/AvailabilityFalls/Properties/Metrics/0/Expression", share(20)),
    put("Resources/AvailabilityFallsSlowly/Properties/Metrics/0/Expression", share(100)),
    put("Resources/CallersThrottled/Properties/Metrics/0/Expression", "IF(refused > 10, 100 * refused / calls, 0)"),
    put("Resources/EventsFailing/Properties/EvaluationPeriods", 2),
    put("Resources/TablesThrottled/Properties/EvaluationPeriods", 3),
    put("Resources/FunctionsFailing/Properties/DatapointsToAlarm", 3),
    put("Resources/AcsFails/Properties/Threshold", 20),
    put("Resources/ServerErrors/Properties/Threshold", 5),
    put("Resources/SlowTokens/Properties/Threshold", 5000),
    put("Resources/SlowTokens/Properties/Period", 60),
    put("Resources/EventsWaiting/Properties/Threshold", 600),
    put("Resources/HandlesUnknown/Properties/Threshold", 1000).with_parameters(InviteScope="invite"),
    put("Resources/GuestFunctionsFailing/Properties/Threshold", 5).with_parameters(InviteScope="invite"),
)
def the_texts_of_an_alarm_say_when_it_is_raised(stack: Stack) -> Iterator[str]:
    rows = rows_of_alarms()
    for name, alarm in stack.of_type("AWS::CloudWatch::Alarm").items():
        for where, text in [("AlarmDescription", alarm["AlarmDescription"]), ("row", rows[name][0])]:
            floor = floor_of(alarm)
            for figure in [time_of(alarm), limit_of(alarm), "" if floor is None else f"and more than {word(floor)}"]:
                if figure not in text:
                    yield f"the {where} of {name} does not say {figure!r}"


@rule(put("Resources/IdentitiesForeign/Properties/AlarmDescription", "Run `make secret`"))
def an_alarm_says_which_connection_string_to_replace(stack: Stack) -> Iterator[str]:
    """Without RESOURCE, `make secret` replaces that of main, which can be the wrong one."""
    rows = rows_of_alarms()
    for name, alarm in stack.of_type("AWS::CloudWatch::Alarm").items():
        for text in [alarm["AlarmDescription"], *rows[name]]:
            if re.search("make secret(?! RESOURCE=NAME)", text):
                yield f"a text of {name} does not say for which resource: {text}"


@rule(
    put("Resources/ResourcesUnknown/Properties/AlarmDescription", "Add the connection string to the secret"),
    put("Resources/IdentitiesForeign/Properties/AlarmDescription", "Put its connection string into the secret, and deploy with another LogLevel"),
)
def an_alarm_says_how_processes_that_run_get_a_connection_string(stack: Stack) -> Iterator[str]:
    """They read the secret when they start. Their 500s can keep ServerErrors active, which rolls a canary back."""
    rows = rows_of_alarms()
    for name, alarm in stack.of_type("AWS::CloudWatch::Alarm").items():
        for text in [alarm["AlarmDescription"], *rows[name]]:
            if re.search("connection string [^.]*to the secret", text) and not re.search("another `?LogLevel.*DeploymentType=AllAtOnce", text):
                yield f"a text of {name} does not say how to deploy the connection string: {text}"


@rule(
    throttle("POST /v1/token/teams-phone"),
    throttle("PUT /v1/teams-phone/assignments/{tenant}/{object}", ThrottlingRateLimit=5),
    throttle("DELETE /v1/token", ThrottlingBurstLimit=20),
    throttle("POST /v1/token", ThrottlingBurstLimit=20),
    put("Resources/ApiStage/Properties/RouteSettings/GET ~1v1~1identity", {"ThrottlingRateLimit": 5, "ThrottlingBurstLimit": 20}),
    put("Resources/ApiStage/Properties/DefaultRouteSettings/ThrottlingBurstLimit", 200),
)
def the_table_of_rate_limits_has_those_of_each_route(stack: Stack) -> Iterator[str]:
    [stage] = stack.of_type("AWS::ApiGatewayV2::Stage").values()
    served = {f"{method} {path}" for method, path in stack.routes()}
    limits = {route: route_settings(stack).get(route, stage["DefaultRouteSettings"]) for route in served}
    section = README.read_text().split("## Rate limits", 1)[1].split("\n## ", 1)[0]
    rest = set(served)
    for cell, rate_text, burst in re.findall(r"^\| (.*) \| (.*) \| (\d+) \|$", section, re.MULTILINE):
        named = rest if cell == "each other route" else routes_named_in(cell)
        # Some exist only with a condition.
        found = [(limits[route]["ThrottlingRateLimit"], limits[route]["ThrottlingBurstLimit"]) for route in named & served]
        if cell.endswith(" together"):
            found = [tuple(map(sum, zip(*found)))]
        parameter = re.match(r"`(\w+)`", rate_text)
        rate = stack.parameters[parameter[1]] if parameter else int(rate_text)
        if set(found) - {(rate, int(burst))}:
            yield f"the README has other limits of {cell}: the template has {sorted(set(found))}"
        rest -= named
    if rest:
        yield f"the table of rate limits lacks {sorted(rest)}"


def routes_named_in(cell: str) -> set[str]:
    """The routes of a row: those with these methods of an administrator, or each in its own quotes, of which one can
    have only a method, with the path of the next."""
    words = re.findall("`([^`]+)`", cell)
    if cell.startswith("each administrator route with "):
        paths = openapi()["paths"].items()
        routes = {(method.upper(), path): one for path, item in paths for method, one in item.items() if method in METHODS}
        return {f"{method} {path}" for (method, path), one in routes.items() if method in words and ADMIN in one["security"]}
    paths = [word.split()[1] if " " in word else None for word in words]
    return {f"{word.split()[0]} {path or paths[at + 1]}" for at, (word, path) in enumerate(zip(words, paths))}


METHODS, ADMIN = {"get", "post", "put", "patch", "delete"}, {"oidc": ["guestpass.admin"]}


@rule(drop("Parameters/AlarmEmail"), drop("Outputs/TokenUrl"), drop("Resources/RefusedAndWhy"))
def what_the_readme_names_is_there(stack: Stack) -> Iterator[str]:
    text = README.read_text()
    known = {*stack.source["Parameters"], *stack.source["Outputs"], *stack.expanded["Resources"]}
    for name in [
        "AcsSecretArn", "AdminCondition", "AlarmEmail", "AllowedHeaders", "AllowedOrigins", "AuditRetentionDays",
        "AuditTableName", "CallerHashKey", "CleanupMode", "EventBusName", "EventSenderAccounts", "ExistingTableName", "IssuedEarlySeconds",
        "PartnerEventBus", "RequestsPerSecond", "ReservedConcurrency", "TokenMethods", "TokensPerSecond", "TokenUrl",
    ]:
        if name not in text or name not in known:
            yield f"{name} is not in the template or not explained"
    queries = {one["Name"].rsplit("/", 1)[1] for one in stack.of_type("AWS::Logs::QueryDefinition").values()}
    alarms = stack.of_type("AWS::CloudWatch::Alarm")
    named = re.findall(r"saved query \*([^*]+)\*", "".join("".join(cells) for name, cells in rows_of_alarms().items() if name in alarms))
    named += re.findall(r"saved query '([^']+)'", str([one["AlarmDescription"] for one in alarms.values()]))
    yield from (f"unknown saved query {one!r}" for one in sorted({*named} - queries))
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    yield from (f"unknown target `make {one}`" for one in re.findall(r"`make ([a-z-]+)", text) if one not in targets)


@rule(drop("Parameters/RetentionDays/Description"), drop("Outputs/TokenUrl/Description"))
def each_parameter_and_output_says_what_it_is(stack: Stack) -> Iterator[str]:
    for kind in ["Parameters", "Outputs"]:
        for name, one in stack.source[kind].items():
            if not one.get("Description"):
                yield f"{name} has no description"


@rule(put("Outputs/Audience", {"Description": "d", "Value": "v"}))
def sam_can_tell_the_outputs_from_the_parameters(stack: Stack) -> Iterator[str]:
    """SAM's command line treats an output's name as a reference, and fails on a list."""
    for name in stack.source["Outputs"]:
        if stack.source["Parameters"].get(name, {}).get("Type") == "CommaDelimitedList":
            yield f"the output {name} has the name of a parameter that is a list"
