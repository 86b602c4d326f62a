#!/usr/bin/env python3
"""Looks for public types with the same name in two places, and for names that say too little.

A reader who sees a name must know which type it is. exceptions.toml lists the permitted names.
"""

import re
import sys
import tomllib
from collections import defaultdict
from pathlib import Path

from rust_source import ROOT, tracked, without_comments

TOO_SHORT = set(
    "Answer World Run Order Place Whose Wanted Grounds LastWill Dice Pass Failure Job Stack".split()
)
TYPE = re.compile(r"^\s*pub(?:\([a-z: ]+\))?\s+(?:unsafe )?(?:struct|enum|trait|type|union)\s+([A-Z]\w*)")


def types(files: dict[str, str]) -> dict[str, list[str]]:
    """Each public type with the places where it is defined."""
    found = defaultdict(list)
    for path, text in files.items():
        for number, line in enumerate(without_comments(text).split("\n"), 1):
            if match := TYPE.match(line):
                found[match[1]].append(f"{path}:{number}")
    return found


def problems(found: dict[str, list[str]], exceptions: dict[str, str]) -> list[str]:
    wrong = []
    for name, places in sorted(found.items()):
        if len(places) > 1 and name not in exceptions:
            wrong.append(f"{name} is the name of {len(places)} types: {', '.join(places)}")
        if name in TOO_SHORT:
            wrong.append(f"{name} says too little: {', '.join(places)}")
    unused = [name for name in exceptions if len(found.get(name, [])) < 2]
    return wrong + [f"exceptions.toml permits {name}, which is not used twice" for name in unused]


def main() -> int:
    listed = tomllib.loads((Path(__file__).parent / "exceptions.toml").read_text()).get("name", [])
    exceptions = {entry["name"]: entry["reason"] for entry in listed}
    found = types({path: (ROOT / path).read_text() for path in tracked("*.rs")})
    wrong = problems(found, exceptions)
    for line in wrong:
        print(line, file=sys.stderr)
    if not wrong:
        print(f"names: {len(found)} types, each with a name of its own")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
