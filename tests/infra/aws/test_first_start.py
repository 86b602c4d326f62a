"""The build starts each function once, also one for another processor."""

import sys
from pathlib import Path

import pytest
from samtranslator.yaml_helper import yaml_parse

import artefacts

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "infra/build"))

import first_start  # noqa: E402

MISSING = "echo 'Error: the environment variable TABLE_NAME is not set' >&2; exit 1"


def program(directory: Path, text: str) -> Path:
    path = directory / "issue-access-token" / "bootstrap"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def on(monkeypatch, machine: str, emulator: str | None = None) -> None:
    """A machine with or without an emulator."""
    monkeypatch.setattr(first_start.platform, "system", lambda: "Linux")
    monkeypatch.setattr(first_start.platform, "machine", lambda: machine)
    monkeypatch.setattr(first_start.shutil, "which", lambda name: emulator)


def test_the_functions_that_were_built_start(tmp_path):
    zips = sorted(artefacts.DIRECTORY.glob("*.zip"))
    for path in zips:
        (tmp_path / path.stem).mkdir()
    programs = [artefacts.unpacked(path.name, tmp_path / path.stem) for path in zips]
    arch = {name: arch for arch, name in first_start.MACHINES.items()}[first_start.platform.machine()]
    assert first_start.start_all(programs, arch) == f"started {len(zips)} functions once"


def test_ci_builds_and_starts_the_functions_on_the_processor_that_is_the_default():
    workflows = ROOT / ".github/workflows"
    default = yaml_parse((ROOT / "infra/template.yaml").read_text())["Parameters"]["Architecture"]["Default"]
    # The names of GitHub's machines with such a processor end with `-arm`.
    of_machine = {True: "arm64", False: "x86_64"}
    tested = yaml_parse((workflows / "ci.yml").read_text())["jobs"]["artefacts"]
    assert of_machine[tested["runs-on"].endswith("-arm")] == default
    released = yaml_parse((workflows / "release.yml").read_text())["jobs"]["functions"]["strategy"]["matrix"]["include"]
    assert {one["arch"] for one in released} == set(first_start.MACHINES)
    assert [one for one in released if one["arch"] != of_machine[one["os"].endswith("-arm")]] == []


@pytest.mark.parametrize("text, why", [
    ("#!/bin/sh\nexit 1\n", "exit status 1: "),
    ("#!/bin/sh\nexit 0\n", "exit status 0: "),
    (f"#!/bin/sh\n{MISSING.replace('exit 1', 'kill -SEGV $$')}\n", "exit status -11: Error"),
    ("#!/bin/sh\necho 'version GLIBC_2.99 not found' >&2; exit 1\n", "GLIBC_2.99 not found"),
    ("\x7fELF of another processor", "Exec format error"),
])
def test_a_function_that_does_not_start_ends_the_build(tmp_path, monkeypatch, text, why):
    on(monkeypatch, "x86_64")
    with pytest.raises(SystemExit, match="functions do not start:\n  issue-access-token: ") as refused:
        first_start.start_all([program(tmp_path, text)], "x86_64")
    assert why in str(refused.value)


def test_a_function_for_another_processor_is_started_with_qemu(tmp_path, monkeypatch):
    emulator = tmp_path / "qemu"
    # It gets the directory of the libraries and the program.
    emulator.write_text(f'#!/bin/sh\n[ "$1 $2" = "-L {tmp_path}" ] && exec /bin/sh "$3"\n')
    emulator.chmod(0o755)
    monkeypatch.setitem(first_start.LIBRARIES, "arm64", str(tmp_path))
    built = program(tmp_path, f"{MISSING}\n")
    on(monkeypatch, "x86_64", str(emulator))
    assert first_start.start_all([built], "arm64") == "started 1 functions once with QEMU"
    on(monkeypatch, "aarch64", str(emulator))
    with pytest.raises(SystemExit):
        first_start.start_all([built], "arm64")


@pytest.mark.parametrize("emulator, libraries", [(None, "/"), ("/bin/true", "/nonexistent")])
def test_without_qemu_or_its_libraries_it_is_said_that_nothing_was_started(monkeypatch, emulator, libraries):
    monkeypatch.setitem(first_start.LIBRARIES, "arm64", libraries)
    on(monkeypatch, "x86_64", emulator)
    said = first_start.start_all([Path("/nonexistent")], "arm64")
    assert said.startswith("not started: this machine is not arm64; install qemu-user-static"), said
