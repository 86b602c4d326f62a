"""Starts each function once after the build. Without its variables a function ends at once, and names one that
is missing: that shows that the program fits the processor and finds its libraries.

A program for another processor is started with QEMU, if that is installed: on Debian, `qemu-user-static` and,
with the libraries, `libc6-arm64-cross` or `libc6-amd64-cross`."""

import platform
import shutil
import subprocess
import sys
from pathlib import Path

# The names of the processor, by those that Lambda uses, and what QEMU needs to start its programs elsewhere.
MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}
LIBRARIES = {"arm64": "/usr/aarch64-linux-gnu", "x86_64": "/usr/x86_64-linux-gnu"}

# QEMU translates a program while it runs.
SECONDS = 60


def start_all(bootstraps: list[Path], arch: str) -> str:
    """What was started. Ends the build if a function does not start."""
    starter = starter_of(arch)
    if starter is None:
        return f"not started: this machine is not {arch}; install qemu-user-static and the libraries in {LIBRARIES[arch]}"
    if failed := [f"{path.parent.name}: {why}" for path in bootstraps if (why := problem_of([*starter, str(path)]))]:
        sys.exit("\n".join(["functions do not start:", *(f"  {one}" for one in failed)]))
    return f"started {len(bootstraps)} functions once" + (" with QEMU" if starter else "")


def starter_of(arch: str) -> list[str] | None:
    """The command in front of a program; `None` if such programs cannot be started here."""
    # Lambda's programs run on Linux only.
    if (platform.system(), platform.machine()) == ("Linux", MACHINES[arch]):
        return []
    names = [f"qemu-{MACHINES[arch]}-static", f"qemu-{MACHINES[arch]}"]
    emulator = next(filter(None, map(shutil.which, names)), None)
    return [emulator, "-L", LIBRARIES[arch]] if emulator and Path(LIBRARIES[arch]).is_dir() else None


def problem_of(command: list[str]) -> str | None:
    """Why a function without variables does not end as it should."""
    try:
        ran = subprocess.run(command, env={}, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    said = ran.stderr.strip()
    is_expected = ran.returncode == 1 and said.startswith("Error: the environment variable ") and said.endswith(" is not set")
    return None if is_expected else f"exit status {ran.returncode}: {said[-300:]}"
