"""Checks all parameters, and writes those in SET to the settings, where SAM stored them at the first deployment. `make
deploy` gives it a copy of samconfig.toml, which replaces the file once SAM has deployed it.

    SET="CleanupMode=apply CleanupSchedule='rate(1 day)'"
"""

import json
import os
import re
import shlex
import sys
import tomllib
from collections.abc import Collection
from pathlib import Path
from typing import Any

import tomlkit
import yaml
from samtranslator.yaml_helper import intrinsics_multi_constructor

import json_values
import schedules
from checks import combinations

CONFIG = Path(os.environ["SAM_CONFIG_FILE"])
TEMPLATE = Path(__file__).resolve().parents[1] / "template.yaml"

# SAM's format of one parameter in the text of all parameters.
OVERRIDE = re.compile(r"""(\w+)=("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|(?:\\.|[^\s"\\])*)(?=\s|\Z)""")

# SAM has no escape for a backslash: before these characters, it would be lost or would move the end
# of the value.
UNSTORABLE = re.compile(r"""\\(?:[\s"']|\Z)""")

# The default of the template.
CLEANUP_MISSING_HOURS = 24

QUOTING = "put a value with spaces or quotes in its own quotes, for example SET=\"Policy='{…}'\""


def main() -> None:
    document = tomlkit.parse(CONFIG.read_text())
    section = document.get("default", {}).get("deploy", {}).get("parameters")
    if section is None:
        refuse(f"{CONFIG.name} has no section [default.deploy.parameters]; other environments than `default` are not supported")
    changes = requested_parameters(os.environ.get("SET", ""))
    values = stored_parameters(section.get("parameter_overrides", "")) | changes
    for name, value in values.items():
        check_value(name, value)
    check_together(values, changes | parameters_of_file())
    if changes:
        section["parameter_overrides"] = " ".join(f"{name}={quoted(value)}" for name, value in values.items())
        CONFIG.write_text(tomlkit.dumps(document))


def parameters_of_file() -> dict[str, Any]:
    """The parameters in the file of CONFIG. The settings that are made from it have all others, too."""
    config = os.environ.get("CONFIG")
    return tomllib.loads(Path(config).read_text()).get("parameters", {}) if config else {}


def stored_parameters(overrides) -> dict[str, str]:
    """The parameters in the file: text, as SAM writes it, or a list or a table, which SAM accepts, too."""
    if isinstance(overrides, dict):
        return {name: str(value) for name, value in overrides.items()}
    if isinstance(overrides, list):
        overrides = " ".join(item if item.endswith('"') else quoted_value(item) for item in overrides)
    if rest := OVERRIDE.sub("", overrides).strip():
        refuse(f"{CONFIG.name} has parameter_overrides that cannot be read, near {rest[:40]!r}: put each value in quotes")
    return {name: unquoted(value) for name, value in OVERRIDE.findall(overrides)}


def quoted_value(override: str) -> str:
    name, _, value = override.partition("=")
    return f"{name}={quoted(value)}"


def quoted(value: str) -> str:
    escaped = value.replace('"', '\\"')
    return f'"{escaped}"'


def unquoted(value: str) -> str:
    inner = value[1:-1] if value.startswith(('"', "'")) else value
    return re.sub(r"""\\([ "'])""", r"\1", inner)


def requested_parameters(text: str) -> dict[str, str]:
    """The parameters in SET, if they are valid."""
    try:
        changes = dict(word.partition("=")[::2] for word in shlex.split(text))
    except ValueError as error:
        refuse(f"invalid SET: {error}; {QUOTING}")
    for name, value in changes.items():
        if name not in PARAMETERS:
            refuse(f"unknown parameter {name!r}: must be one of {', '.join(PARAMETERS)}; {QUOTING}")
        if name == "Architecture":
            refuse("Architecture cannot be changed with SET: run `make build ARCH=…`, then edit infra/samconfig.toml")
    return changes


def check_value(name: str, value: str) -> None:
    """Refuses an invalid value. CloudFormation checks the patterns of the template."""
    try:
        if UNSTORABLE.search(value):
            raise ValueError("SAM cannot store a backslash at the end of a value, or before a quote or a space")
        check_declaration(PARAMETERS.get(name, ""), value)
        if check := json_values.CHECKS.get(name):
            check(value)
    except ValueError as error:
        shown = value if len(value) <= 100 else f"{value[:100]}…"
        refuse(f"invalid value {shown!r} of {name}: {error}; {QUOTING}")


def check_together(values: dict[str, str], given: Collection[str]) -> None:
    """Refuses valid values that do not fit together. `given` has the parameters that the user has just given."""
    check_cleanup(values, given)
    check_rate(values)
    check_guests(values)
    if values.get("DefaultEndpoint") == "no" and not values.get("DomainName"):
        refuse("with DefaultEndpoint=no and without DomainName, the API would have no address: set DomainName, or DefaultEndpoint to yes")
    try:
        combinations.check(values, read_template())
        unlisted = json_values.check_resources(values.get("Policy", ""), values.get("AcsPlacement", ""))
    except ValueError as error:
        refuse(str(error))
    for name in unlisted:
        print(f"Policy names the resource {name!r}, which AcsPlacement does not list: functions only start if the secret has its connection string (`make secret RESOURCE={name}`)")


def check_cleanup(values: dict[str, str], given: Collection[str]) -> None:
    """Refuses a schedule whose runs are so rare that the alarm CleanupMissing would be raised between them."""
    schedule, hours = values.get("CleanupSchedule", "rate(1 hour)"), int(values.get("CleanupMissingHours", CLEANUP_MISSING_HOURS))
    interval = schedules.longest_interval(schedule)
    if interval and hours < 2 * interval:
        refuse(f"CleanupMissingHours={hours} is less than two intervals of CleanupSchedule={schedule}, of up to {interval:.3g} hours: the alarm CleanupMissing would be raised between two runs. Set both")
    # SAM stores all parameters, so a stored default does not show that the user chose it.
    if interval is None and hours == CLEANUP_MISSING_HOURS and "CleanupMissingHours" not in given:
        refuse(f"set CleanupMissingHours, too, to at least twice the longest interval of CleanupSchedule={schedule}, which `make deploy` cannot compute: otherwise, the alarm CleanupMissing can be raised between two runs")


def check_rate(values: dict[str, str]) -> None:
    """Refuses more token requests than ACS allows: all callers would get fewer tokens, not more."""
    rate, shares = int(values.get("TokensPerSecond", 30)), json.loads(values.get("AcsPlacement") or "{}")
    weights = [share.get("weight") or 1 for share in shares.values() if share.get("state") != "draining"] or [1]
    # The resource with the largest weight gets the largest part of the requests, of which it may get 30 a second. Above 30,
    # the parameter is a multiple of 10.
    most = min(30 * sum(weights) // max(weights) // 10 * 10, 240)
    if rate > most:
        refuse(f"TokensPerSecond={rate} is too much: ACS allows 30 for each resource, and one open resource of AcsPlacement gets {max(weights)} of {sum(weights)} parts of the new users. Use at most {most}, or add a resource (infra/README.md, Several resources)")


def check_guests(values: dict[str, str]) -> None:
    """Refuses guests who are only half switched on: nothing would say why they get no tokens."""
    is_on, may_come = bool(values.get("InviteScope")), bool(json.loads(values.get("Policy") or "{}").get("guests") is not None)
    if may_come and not is_on:
        refuse("Policy has the member guests, but InviteScope is empty, so that the routes of guests do not exist. Set both, for example InviteScope to guestpass.invite")
    if is_on and not may_come:
        refuse("InviteScope is set, but Policy has no member guests, so that each route of guests answers 404. Set both, for example with {\"guests\": {}} in Policy")


def check_declaration(declaration: str, value: str) -> None:
    # A value that YAML would read as a boolean is quoted in the template.
    allowed = re.search(r"AllowedValues: \[(.*)\]", declaration)
    if allowed and value not in (values := allowed[1].replace('"', "").split(", ")):
        raise ValueError(f"must be one of {', '.join(values)}")
    if "Type: Number" in declaration and not allowed:
        least, most = (re.search(rf"{bound}: (\d+)", declaration) for bound in ["MinValue", "MaxValue"])
        if not re.fullmatch(r"\d{1,9}", value) or int(value) < int(least[1]) or (most and int(value) > int(most[1])):
            raise ValueError(f"must be a whole number of at least {least[1]}" + (f", at most {most[1]}" if most else ""))
    longest = re.search(r"MaxLength: (\d+)", declaration)
    if longest and len(value.encode()) > int(longest[1]):
        raise ValueError(f"is too long: {len(value.encode())} bytes, at most {longest[1]} are allowed")


class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """The safe loader, in C if PyYAML has it, which also reads the short forms of CloudFormation's functions."""


Loader.add_multi_constructor("!", intrinsics_multi_constructor)


def read_template(path: Path = TEMPLATE) -> dict[str, Any]:
    """The whole template. SAM's own function takes half a second longer."""
    return yaml.load(path.read_text(), Loader)


def declared_parameters() -> dict[str, str]:
    """The template's declaration of each parameter."""
    section = TEMPLATE.read_text().split("\nParameters:\n", 1)[1].split("\nConditions:\n", 1)[0]
    return dict(re.findall(r"^  (\w+):\n((?:    .*\n)+)", section, re.MULTILINE))


def refuse(why: str) -> None:
    sys.exit(f"deploy: {why}")


PARAMETERS = declared_parameters()

if __name__ == "__main__":
    main()
