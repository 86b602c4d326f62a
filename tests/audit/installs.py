"""Checks that no file installs software whose content is not fixed by a hash in this repository."""

import json
import re
import subprocess
import sys
from pathlib import Path

# The only file that may use `cargo install`: it compares the hash of the crate.
INSTALL_CRATE = "tests/audit/install-crate"

# Files of this check describe what they look for.
OWN_FILES = {"tests/audit/installs.py", "tests/audit/test_audit.py"}

# A command, what it must contain (nothing does if this is None), and what to write in its place.
RULES = [
    (r"\bpip3? (install|download)\b", r"--require-hashes\b", "add --require-hashes"),
    (r"\bnpm (install|i|add|exec)\b|\bnpx\b", None, "use `npm ci` with a package-lock.json"),
    (r"\bcargo (\+\S+ )?install\b", None, f"use {INSTALL_CRATE}"),
    (r"\b(pipx|uvx|pnpm|yarn|uv pip install|uv tool)\b", None, "use pip with --require-hashes, or `npm ci`"),
]

# An action of another repository, and the commit to which it must be fixed.
ACTION = re.compile(r"^\s*(?:- )?uses:\s*(?!\./)(\S+)", re.MULTILINE)
COMMIT = re.compile(r"@[0-9a-f]{40}$")


def commands(text: str) -> list[tuple[int, str]]:
    """The lines of a file, each with the lines that continue it. The words of a list of arguments in Python
    count as one command."""
    joined, found, start = "", [], 1
    for number, line in enumerate(text.splitlines(), 1):
        start = start if joined else number
        joined += " " + line.removesuffix("\\").strip()
        if not line.endswith("\\"):
            found.append((start, " ".join(re.sub(r"[\"',]+", " ", joined).split())))
            joined = ""
    return found


def unhashed_commands(path: str, text: str) -> list[str]:
    wrong = []
    for number, command in commands(text):
        for pattern, needed, advice in RULES:
            if not re.search(pattern, command) or (needed and re.search(needed, command)):
                continue
            if path != INSTALL_CRATE or "cargo" not in pattern:
                wrong.append(f"{path}:{number}: installs software without a hash: {advice}")
    return wrong


def unhashed_requirements(path: str, text: str) -> list[str]:
    """The requirements of pip without a hash."""
    lines = [command for _, command in commands(text) if not command.startswith("#")]
    return [f"{path}: no hash for {line.split()[0]}" for line in lines if line and "--hash=sha256:" not in line]


def unhashed_packages(path: str, text: str) -> list[str]:
    """The packages of a package-lock.json without a hash. Its own entry has the empty name."""
    packages = json.loads(text)["packages"]
    return [f"{path}: no integrity for {name}" for name, one in packages.items() if name and "integrity" not in one]


def moving_actions(path: str, text: str) -> list[str]:
    return [f"{path}: {name} is not fixed to a commit" for name in ACTION.findall(text) if not COMMIT.search(name)]


def problems(files: dict[str, str]) -> list[str]:
    wrong = []
    for path, text in files.items():
        name = path.rsplit("/", 1)[-1]
        if name == "package-lock.json":
            wrong += unhashed_packages(path, text)
        elif name in {"requirements.txt", "sdist.txt"}:
            wrong += unhashed_requirements(path, text)
        elif path not in OWN_FILES and not name.endswith((".lock", ".in")):
            wrong += unhashed_commands(path, text)
        if path.startswith(".github/workflows/"):
            wrong += moving_actions(path, text)
    return wrong


def main() -> int:
    root = Path(__file__).resolve().parents[2]
    command = ["git", "ls-files", "-co", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout
    paths = [path for path in listed.split("\0") if path and (root / path).is_file()]
    wrong = problems({path: (root / path).read_text(encoding="utf-8", errors="replace") for path in paths})
    print("\n".join(wrong) if wrong else "installs: every tool and every package has a hash", file=sys.stderr if wrong else sys.stdout)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
