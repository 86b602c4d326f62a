"""Installs cargo-mutants and runs it in a copy of the tree."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

VERSION = "27.1.0"
SHA256 = "07072e7bcdeb425d5e5fdbfd9f15a2c749e23cb2edf5ef40aee5876760ae1cf9"
OUTCOMES = {"CaughtMutant": "caught", "MissedMutant": "missed", "Timeout": "timeout", "Unviable": "unviable"}
# Exit codes: all caught, some missed, some timed out.
FINISHED = {0, 2, 3}
BASELINE_FAILED = 4


class Failed(Exception):
    """cargo-mutants could not be installed or run."""


@dataclass
class Result:
    """The outcomes of the mutants of one package."""

    outcomes: dict[str, list[str]] = field(default_factory=lambda: {outcome: [] for outcome in OUTCOMES.values()})
    seconds: float = 0

    def count(self) -> int:
        return sum(len(names) for names in self.outcomes.values())


class CargoMutants:
    """Runs cargo-mutants in a copy of the tree below `kept`, with a build directory of its own.

    Both are kept, so that the next run builds only what has changed since. The build directory of
    `make unit` cannot be shared: cargo would use a mutated crate as the original, because the two
    have the same name and the original's files are older.
    """

    def __init__(self, root: Path, kept: Path):
        self.root, self.kept, self.tree = root, kept, kept / "tree"
        self.program = kept / "bin" / "cargo-mutants"
        self.environment = os.environ | {
            "CARGO_TARGET_DIR": str(kept / "build"),
            "CARGO_TERM_COLOR": "never",
            # The same crate is compiled again for each mutant.
            "CARGO_INCREMENTAL": "1",
            # No backtrace when cargo-mutants is stopped.
            "RUST_LIB_BACKTRACE": "0",
            # The same cases in each run, so that no mutant is caught or missed by chance.
            "PROPTEST_RNG_SEED": "20261122",
        }

    def has_built(self) -> bool:
        """Whether an earlier run has begun to build the packages."""
        return (self.kept / "build").is_dir()

    def install(self) -> None:
        if self.program.exists() and _output([self.program, "mutants", "--version"]).split()[-1:] == [VERSION]:
            return
        print(f"installing cargo-mutants {VERSION} (a minute or two, once)", file=sys.stderr, flush=True)
        # A debug build takes half the time; cargo-mutants itself uses little of it.
        command = [self.root / "tests/audit/install-crate", "cargo-mutants", VERSION, SHA256, self.kept,
                   "--debug", "--target-dir", self.kept / "install"]  # fmt: skip
        done = subprocess.run(command, cwd=self.root, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Failed(f"failed to install cargo-mutants:\n{done.stderr}")
        shutil.rmtree(self.kept / "install")

    def copy_tree(self) -> None:
        """Makes the copy equal to the working tree. Files that are equal keep their time."""
        listed = _output(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=self.root).split("\0")
        wanted = {name for name in listed if name and (self.root / name).is_file()}
        for path in [path for path in self.tree.rglob("*") if path.is_file()]:
            if str(path.relative_to(self.tree)) not in wanted:
                path.unlink()
        # A directory of shared/ that has no manifest any more would be an invalid member of the workspace.
        for path in sorted((path for path in self.tree.rglob("*") if path.is_dir()), reverse=True):
            if not any(path.iterdir()):
                path.rmdir()
        for name in wanted:
            content, copy = (self.root / name).read_bytes(), self.tree / name
            if not copy.is_file() or copy.read_bytes() != content:
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(content)

    def discover(self, *arguments: str) -> list[dict]:
        """Lists the mutants."""
        done = subprocess.run(
            [*self._command(), "--list", "--json", *arguments],
            env=self.environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise Failed(f"failed to list the mutants:\n{done.stderr}{done.stdout}")
        # If a diff touches no mutant, nothing is printed.
        return json.loads(done.stdout or "[]")

    def run(self, package: str, skipped: list[str], seconds: float | None) -> Result:
        """Tests the mutants of a package except the skipped ones, for at most `seconds`."""
        output = self.kept / "out" / package
        shutil.rmtree(output / "mutants.out", ignore_errors=True)
        # Not with --re and --exclude-re, which cargo-mutants 27.1 ignores for `delete field` mutants.
        (output / "mutants.out").mkdir(parents=True)
        (output / "mutants.out" / "previously_caught.txt").write_text("\n".join(skipped), encoding="utf-8")
        command = [*self._command(), "--in-place", "--iterate", "--output", output, "--package", package]
        began = time.monotonic()
        process = subprocess.Popen(command, env=self.environment)
        try:
            code = process.wait(timeout=seconds)
        except (subprocess.TimeoutExpired, KeyboardInterrupt) as reason:
            # cargo-mutants stops its own child processes.
            process.send_signal(signal.SIGTERM)
            process.wait()
            if isinstance(reason, KeyboardInterrupt):
                raise
            code = 0
        if code == BASELINE_FAILED:
            log = (output / "mutants.out" / "log" / "baseline.log").read_text(encoding="utf-8")
            raise Failed(f"the tests of {package} fail without a mutant:\n" + "\n".join(log.splitlines()[-60:]))
        if code not in FINISHED:
            raise Failed(f"cargo-mutants failed with exit code {code} in {package}")
        return Result(_outcomes(output / "mutants.out" / "outcomes.json"), time.monotonic() - began)

    def _command(self) -> list:
        return [self.program, "mutants", "--dir", self.tree, "--no-shuffle", "--level=error"]


def _outcomes(path: Path) -> dict[str, list[str]]:
    found = Result().outcomes
    # The file is missing if the run was stopped before the first mutant.
    if path.exists():
        for outcome in json.loads(path.read_text(encoding="utf-8"))["outcomes"]:
            if outcome["scenario"] != "Baseline" and outcome["summary"] in OUTCOMES:
                found[OUTCOMES[outcome["summary"]]].append(outcome["scenario"]["Mutant"]["name"])
    return found


def _output(command: list, cwd: Path | None = None) -> str:
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False).stdout
