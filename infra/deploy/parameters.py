"""Puts the parameters that SET names into samconfig.toml, and prints a digest of all that are
there. SAM asks for them once, and keeps the answers; this is how one is changed.

    SET="CleanupMode=apply RetentionDays=30"
"""

import hashlib
import os
import re
import shlex
import sys
from pathlib import Path

import tomlkit

CONFIG = Path(os.environ["SAM_CONFIG_FILE"])
TEMPLATE = Path(__file__).resolve().parents[1] / "template.yaml"


def main() -> None:
    document = tomlkit.parse(CONFIG.read_text())
    section = document["default"]["deploy"]["parameters"]
    before = section.get("parameter_overrides", "")
    values = split(before if isinstance(before, str) else " ".join(map(quoted_again, before)))
    changes = shlex.split(os.environ.get("SET", ""))
    for change in changes:
        name, separator, value = change.partition("=")
        if not separator or name not in known():
            sys.exit(f"deploy: there is no parameter {name!r}; there are {', '.join(known())}")
        values[name] = value
    if changes:
        section["parameter_overrides"] = " ".join(f"{name}={quoted(value)}" for name, value in values.items())
        CONFIG.write_text(tomlkit.dumps(document))
    text = "\n".join(f"{name}={value}" for name, value in sorted(values.items()))
    print(hashlib.sha256(text.encode()).hexdigest()[:16])


def split(text: str) -> dict[str, str]:
    """`Name="value" …`, as SAM writes it."""
    return dict(word.partition("=")[::2] for word in shlex.split(text))


def quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def quoted_again(override: str) -> str:
    """An item of a list, which SAM takes as well, as a word of the text."""
    name, _, value = override.partition("=")
    return override if value.startswith('"') else f"{name}={quoted(value)}"


def known() -> list[str]:
    section = TEMPLATE.read_text().split("\nParameters:\n", 1)[1].split("\nConditions:\n", 1)[0]
    return re.findall(r"^  (\w+):$", section, re.MULTILINE)


if __name__ == "__main__":
    main()
