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

# Programs that fetch what no hash in this repository fixes. Each present use, as `commands` returns it, and why it is safe.
FETCHES = re.compile(r"\b(apt-get|curl|wget)\b")
PERMITTED = {
    ".github/actions/setup-acs-emulator/start": [
        # The lines after it compare the SHA-256 of the archive with that of the workflow.
        "curl --fail --silent --show-error --location --retry 3 --output $archive $url",
    ],
    "tests/clients/run": [
        # Debian signs its packages. SECURITY.md names this exception.
        "command -v apt-get",
        "local apt=(apt-get -o Acquire::Retries=1 -o Acquire::http::Timeout=30 -o Acquire::https::Timeout=30)",
        # These are messages.
        "(Debian: apt-get install default-jre-headless)",
        "(Debian: apt-get install chromium)",
    ],
    "tests/packages/insecure-hosts": [
        # Requests to the stack on this machine, which install nothing.
        "as_client curl -fsS http://127.0.0.1:3007",
        "as_client curl -fsS http://127.0.0.1:3002/token",
        "as_client curl -sS http://127.0.0.1:3000/v1/token",
    ],
}

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


def is_script(path: str, text: str) -> bool:
    """Whether a file has commands that run on a machine of a developer or of CI, and is not only about them."""
    name = path.rsplit("/", 1)[-1]
    in_github = path.startswith(".github/") and not name.endswith(".md")
    return in_github or text.startswith("#!") or name.endswith((".sh", ".py", ".mk", "Makefile", "Dockerfile"))


def unknown_fetches(path: str, text: str) -> list[str]:
    """The commands that fetch something and are not in PERMITTED, and those of PERMITTED that are not there."""
    wrong, unused = [], set(PERMITTED.get(path, []))
    for number, command in commands(text):
        found = {one for one in PERMITTED.get(path, []) if one in command}
        unused -= found
        for one in found:
            command = command.replace(one, "")
        if not command.startswith("#") and (fetch := FETCHES.search(command)):
            wrong.append(f"{path}:{number}: {fetch[0]} fetches what no hash fixes: use a package with a hash, or add the reason to PERMITTED")
    return wrong + [f"{path}: PERMITTED has a command that is not there: {one}" for one in sorted(unused)]


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
            if is_script(path, text):
                wrong += unknown_fetches(path, text)
        if path.startswith((".github/workflows/", ".github/actions/")):
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
