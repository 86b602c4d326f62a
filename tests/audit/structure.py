#!/usr/bin/env python3
"""Looks for circles between the modules of a crate, for long files and for full folders.

A module uses another one if one of its paths leads to an item that the other one defines. A
re-export is not a use: a path through it leads to the definition. exceptions.toml lists the
permitted files and folders.
"""

import re
import sys
import tomllib
from collections import Counter
from pathlib import Path, PurePosixPath

from rust_source import ROOT, is_test, tracked, without_comments, without_tests

MOST_LINES, MOST_TEST_LINES, MOST_FILES = 350, 400, 12

USE = re.compile(r"(?:^|(?<=[;{}]))\s*(pub(?:\([^)]*\))?\s+)?use\s+([\w:{}*,\s]+);", re.MULTILINE)
PATH = re.compile(r"(?<![\w:])[a-z]\w*(?:::\w+)+")
ITEM = r"\b(?:fn|struct|enum|trait|type|const|static|union|macro_rules!)\s+{}\b"


class Module:
    """The code of a module, split into its re-exports and the paths that it uses."""

    def __init__(self, code: str):
        self.code = code
        self.reexports: dict[str, list[str]] = {}
        self.globs: list[list[str]] = []
        self.paths: list[list[str]] = []
        for match in USE.finditer(code):
            for path, name in flat(re.sub(r"\s+", "", match[2].replace(" as ", "@"))):
                if not match[1]:
                    self.paths.append(path)
                elif name == "*":
                    self.globs.append(path[:-1])
                else:
                    self.reexports[name] = path
        self.paths += [match[0].split("::") for match in PATH.finditer(USE.sub("", code))]


def flat(tree: str) -> list[tuple[list[str], str]]:
    """The paths of a use tree, each with the name by which it is used."""
    if "{" not in tree:
        path, _, alias = tree.partition("@")
        segments = path.split("::")
        return [(segments, alias or segments[-1])]
    start, inner = tree.split("{", 1)
    parts, depth, part = [], 0, ""
    for character in inner[: inner.rindex("}")]:
        depth += (character == "{") - (character == "}")
        if character == "," and depth == 0:
            parts.append(part)
            part = ""
        else:
            part += character
    return [path for one in [*parts, part] if one for path in flat(start + one)]


def target(modules: dict[str, Module], at: str, path: list[str], depth: int = 0) -> str | None:
    """The module that defines what a path in the module `at` leads to."""
    first, *rest = path
    if first == "crate":
        at = ""
    elif first == "super":
        at = at.rpartition("::")[0]
    elif first != "self":
        if f"{at}::{first}".lstrip(":") not in modules:
            return None
        rest = path
    for number, segment in enumerate(rest):
        child = f"{at}::{segment}".lstrip(":")
        if segment == "super":
            at = at.rpartition("::")[0]
        elif child in modules:
            at = child
        elif depth < 8 and segment in modules[at].reexports:
            onward = modules[at].reexports[segment] + rest[number + 1 :]
            return target(modules, at, onward, depth + 1) or at
        else:
            for glob in modules[at].globs:
                other = target(modules, at, glob, depth + 1)
                if other and re.search(ITEM.format(segment), modules[other].code):
                    return other
            break
    return at


def uses(modules: dict[str, Module]) -> dict[str, set[str]]:
    """The modules that each module uses."""
    return {
        name: {other for path in module.paths if (other := target(modules, name, path)) is not None} - {name}
        for name, module in modules.items()
    }


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """The sets of modules that all lead to each other."""
    def reach(start: str) -> set[str]:
        seen, left = set(), [start]
        while left:
            for other in graph[left.pop()] - seen:
                seen.add(other)
                left.append(other)
        return seen

    reached = {name: reach(name) for name in graph}
    sets = {frozenset(other for other in reached[name] if name in reached[other]) for name in graph}
    return sorted(sorted(circle) for circle in sets if len(circle) > 1)


def crates() -> dict[str, dict[str, Module]]:
    """The modules of each crate. A crate with binaries only has its modules below `main.rs`."""
    found: dict[str, dict[str, Module]] = {}
    for path in tracked("functions/*/src/*.rs", "shared/*/src/*.rs"):
        if is_test(path):
            continue
        crate, _, file = path.partition("/src/")
        parts = list(PurePosixPath(file).with_suffix("").parts)
        if parts[-1] in ("mod", "lib") or (parts == ["main"] and f"{crate}/src/lib.rs" not in tracked(crate)):
            parts.pop()
        elif parts == ["main"]:
            continue
        found.setdefault(crate, {})["::".join(parts)] = Module(without_tests(without_comments((ROOT / path).read_text())))
    return found


def excess(paths: list[str], permitted: dict[str, str]) -> list[str]:
    """The files that are too long and the folders that have too many files."""
    wrong = {}
    for path in paths:
        lines, most = (ROOT / path).read_text().count("\n"), MOST_TEST_LINES if is_test(path) else MOST_LINES
        if lines > most:
            wrong[path] = f"{path} has {lines} lines: at most {most}"
    for folder, files in Counter(str(PurePosixPath(path).parent) for path in paths).items():
        if files > MOST_FILES:
            wrong[folder] = f"{folder} has {files} files: at most {MOST_FILES}"
    unused = [path for path in permitted if path not in wrong]
    return [text for path, text in sorted(wrong.items()) if path not in permitted] + [
        f"exceptions.toml permits {path}, which is within the limits" for path in unused
    ]


def main() -> int:
    listed = tomllib.loads((Path(__file__).parent / "exceptions.toml").read_text()).get("path", [])
    wrong = excess(tracked("*.rs", "*.py", "*.mjs"), {entry["path"]: entry["reason"] for entry in listed})
    for crate, modules in crates().items():
        graph = uses(modules)
        for circle in circles(graph):
            arrows = [f"{one} -> {other}" for one in circle for other in sorted(graph[one]) if other in circle]
            names = [name or "the root" for name in circle]
            wrong.append(f"{crate}: {', '.join(names)} use each other: {'; '.join(arrows)}")
    for line in wrong:
        print(line, file=sys.stderr)
    if not wrong:
        print("structure: no circles, no file too long, no folder too full")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
