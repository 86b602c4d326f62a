"""Writes the parameters in SET to samconfig.toml, where SAM stored them at the first deployment, and
prints a digest of all parameters in that file.

    SET="CleanupMode=apply CleanupSchedule='rate(1 day)'"
"""

import hashlib
import json
import os
import re
import shlex
import sys
from pathlib import Path

import tomlkit

CONFIG = Path(os.environ["SAM_CONFIG_FILE"])
TEMPLATE = Path(__file__).resolve().parents[1] / "template.yaml"

# SAM's format of one parameter in the text of all parameters: the only escape is `\"`.
OVERRIDE = re.compile(r'(\w+)=(?:"((?:\\"|[^"])*)"|(\S*))')

QUOTING = "put a value with spaces or quotes in its own quotes, for example SET=\"Policy='{…}'\""


def main() -> None:
    document = tomlkit.parse(CONFIG.read_text())
    section = document.get("default", {}).get("deploy", {}).get("parameters")
    if section is None:
        refuse(f"{CONFIG.name} has no section [default.deploy.parameters]; other environments than `default` are not supported")
    values = stored_parameters(section.get("parameter_overrides", ""))
    changes = requested_parameters(os.environ.get("SET", ""))
    if changes:
        values |= changes
        section["parameter_overrides"] = " ".join(f"{name}={quoted(value)}" for name, value in values.items())
        CONFIG.write_text(tomlkit.dumps(document))
    text = "\n".join(f"{name}={value}" for name, value in sorted(values.items()))
    print(hashlib.sha256(text.encode()).hexdigest()[:16])


def stored_parameters(overrides) -> dict[str, str]:
    """The parameters in the file: text, as SAM writes it, or a list or a table, which SAM accepts, too."""
    if isinstance(overrides, dict):
        return {name: str(value) for name, value in overrides.items()}
    if isinstance(overrides, list):
        overrides = " ".join(item if item.endswith('"') else quoted_value(item) for item in overrides)
    found = OVERRIDE.findall(overrides)
    return {name: in_quotes.replace('\\"', '"') or bare for name, in_quotes, bare in found}


def quoted_value(override: str) -> str:
    name, _, value = override.partition("=")
    return f"{name}={quoted(value)}"


def quoted(value: str) -> str:
    escaped = value.replace('"', '\\"')
    return f'"{escaped}"'


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
        allowed = re.search(r"AllowedValues: \[(.*)\]", PARAMETERS[name])
        # A value that YAML would read as a boolean is quoted in the template.
        values = allowed[1].replace('"', "").split(", ") if allowed else [value]
        if value not in values:
            refuse(f"invalid value {value!r} of {name}: must be one of {', '.join(values)}")
        longest = re.search(r"MaxLength: (\d+)", PARAMETERS[name])
        if longest and len(value.encode()) > int(longest[1]):
            refuse(f"{name} is too long: {len(value.encode())} bytes, at most {longest[1]} are allowed")
        if '\\"' in value:
            refuse(f'invalid value of {name}: SAM cannot store the characters \\" in a value')
        if name == "Policy" and not is_object(value):
            refuse(f"invalid Policy {value!r}: must be a JSON object; {QUOTING}")
        # An empty value closes the administrators' routes.
        if name == "AdminCondition" and value and not is_condition(value):
            refuse(f"invalid AdminCondition {value!r}: must be a JSON object of claims, each with text, a whole number, true or false; {QUOTING}")
    return changes


def is_condition(text: str) -> bool:
    """Whether it names at least one claim: `{}` would admit every caller with the scope."""
    return is_object(text) and bool(json.loads(text)) and all(isinstance(one, str | int) for one in json.loads(text).values())


def is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def parameters() -> dict[str, str]:
    """The template's declaration of each parameter."""
    section = TEMPLATE.read_text().split("\nParameters:\n", 1)[1].split("\nConditions:\n", 1)[0]
    return dict(re.findall(r"^  (\w+):\n((?:    .*\n)+)", section, re.MULTILINE))


def refuse(why: str) -> None:
    sys.exit(f"deploy: {why}")


PARAMETERS = parameters()

if __name__ == "__main__":
    main()
