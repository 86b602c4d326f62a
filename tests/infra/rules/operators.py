"""The operators' documentation agrees with the template."""

import re
from collections.abc import Iterator

from expanded import ROOT, Stack
from rule import drop, put, rule

README = ROOT / "infra/README.md"


@rule(
    drop("Resources/SlowTokens"),
    put("Resources/Another", {"Type": "AWS::CloudWatch::Alarm", "Properties": {"MetricName": "x"}}),
)
def the_readme_says_what_each_alarm_means(stack: Stack) -> Iterator[str]:
    section = README.read_text().split("## What each alarm means", 1)[1].split("\n## ", 1)[0]
    explained = set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))
    alarms = set(stack.of_type("AWS::CloudWatch::Alarm"))
    yield from (f"{name} is not explained" for name in sorted(alarms - explained))
    # Some exist only with a condition.
    known = {name for name, one in stack.source["Resources"].items() if one["Type"] == "AWS::CloudWatch::Alarm"}
    yield from (f"{name} is explained, but not an alarm of the template" for name in sorted(explained - known))


@rule(drop("Parameters/AlarmEmail"), drop("Outputs/TokenUrl"))
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
