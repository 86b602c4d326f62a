"""`make deploy` makes each of its checks before SAM changes the stack."""

import hashlib
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from checks_of_deploy import CHECKS

INFRA = Path(__file__).resolve().parents[3] / "infra"

# The start of an ELF file for x86_64.
ELF = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x03\x00\x3e\x00"

SETTINGS = """version = 0.1
[default.deploy.parameters]
stack_name = "guestpass"
parameter_overrides = "Architecture=\\"x86_64\\""
"""

# Each writes its name. The script of a configuration file, or of a stack that exists, writes the settings that the later
# steps read, and that of the parameters adds those in SET to them.
PYTHON = """#!/bin/sh
echo "${1##*/}" >>"$CALLS"
[ "${1##*/}" != "${FAILS:-}" ] || exit 1
[ "${1##*/}" != config.py ] || [ -z "${CONFIG:-}${EXISTS:-}" ] || cat "$SETTINGS" >"$SAM_CONFIG_FILE"
[ "${1##*/}" != parameters.py ] || [ -z "${SET:-}" ] || echo "# $SET" >>"$SAM_CONFIG_FILE"
"""
# It keeps the settings that it was given.
SAM = """#!/bin/sh
echo "sam $1" >>"$CALLS"
while [ "$1" != --config-file ]; do shift; done
cat "$2" >"$CALLS.settings"
exit "${SAM_STATUS:-0}"
"""


@pytest.fixture
def deploy(tmp_path: Path) -> Callable[..., tuple[int, list[str]]]:
    """Runs the real script with tools that only write what is called, and returns its status and the calls."""
    artefacts, venv = tmp_path / "lambda", tmp_path / "target/deploy/venv"
    for directory in [artefacts / "issue-access-token", venv / "bin"]:
        directory.mkdir(parents=True)
    (artefacts / "issue-access-token/bootstrap").write_bytes(ELF)
    (artefacts / "a.zip").write_bytes(b"a")
    (artefacts / "SHA256SUMS").write_text(f"{hashlib.sha256(b'a').hexdigest()}  a.zip\n")
    write_program(venv / "bin/python", PYTHON)
    write_program(venv / "bin/sam", SAM)
    # What `python_with` leaves in an environment that is complete.
    version = subprocess.run(["python3", "-VV"], capture_output=True, check=True).stdout
    (venv / "installed").write_bytes(version + (INFRA / "deploy/requirements.txt").read_bytes())
    calls, settings = tmp_path / "calls", tmp_path / "settings.toml"
    settings.write_text(SETTINGS)

    def run(config: Path, verb: str = "deploy", **variables: str) -> tuple[int, list[str]]:
        calls.write_text("")
        own = {
            "CARGO_TARGET_DIR": str(tmp_path / "target"), "ARTEFACTS": str(artefacts), "SAM_CONFIG_FILE": str(config),
            "CALLS": str(calls), "SETTINGS": str(settings),
        }
        ran = subprocess.run([INFRA / "deploy/run", verb], env={**os.environ, **own, **variables}, capture_output=True, text=True)
        (tmp_path / "errors").write_text(ran.stderr)
        return ran.returncode, calls.read_text().splitlines()

    return run


def write_program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def first(directory: Path) -> tuple[dict[str, str], list[str]]:
    return {}, ["config.py", "deployment.py", "issuer_keys.py"]


def from_another_place(directory: Path) -> tuple[dict[str, str], list[str]]:
    return {"EXISTS": "yes"}, ["config.py", "issuer_keys.py", *CHECKS, "deployment.py"]


def later(directory: Path) -> tuple[dict[str, str], list[str]]:
    (directory / "samconfig.toml").write_text(SETTINGS)
    return {}, ["issuer_keys.py", *CHECKS, "deployment.py"]


def with_a_file(directory: Path) -> tuple[dict[str, str], list[str]]:
    (directory / "production.toml").write_text("")
    return {"CONFIG": str(directory / "production.toml")}, ["config.py", "issuer_keys.py", *CHECKS, "deployment.py"]


@pytest.mark.parametrize("kind", [first, from_another_place, later, with_a_file])
def test_each_check_is_made_before_sam_deploys(deploy, tmp_path, kind):
    variables, checks = kind(tmp_path)
    assert deploy(tmp_path / "samconfig.toml", **variables) == (0, [*checks, "sam deploy"])


@pytest.mark.parametrize("kind", [first, from_another_place, later, with_a_file])
def test_sam_deploys_nothing_after_a_check_that_fails(deploy, tmp_path, kind):
    config = tmp_path / "samconfig.toml"
    for at, check in enumerate(kind(tmp_path)[1]):
        config.unlink(missing_ok=True)
        variables, checks = kind(tmp_path)
        assert deploy(config, **variables, FAILS=check) == (1, checks[: at + 1])


@pytest.mark.parametrize("stops", [{"FAILS": "deployment.py"}, {"SAM_STATUS": "3"}], ids=["a check", "SAM"])
@pytest.mark.parametrize("kind", [from_another_place, later, with_a_file])
def test_the_settings_stay_if_a_check_or_sam_fails(deploy, tmp_path, kind, stops):
    config, earlier = tmp_path / "samconfig.toml", f"{SETTINGS}# earlier\n"
    variables, _ = kind(tmp_path)
    if kind is not from_another_place:
        config.write_text(earlier)
    changes = {} if "CONFIG" in variables else {"SET": "CleanupMode=apply"}
    status, _ = deploy(config, **variables, **changes, **stops)
    assert status == int(stops.get("SAM_STATUS", 1))
    assert (config.read_text() if config.exists() else "") == ("" if kind is from_another_place else earlier)
    is_told = f"SAM failed, so {config} was not changed" in (tmp_path / "errors").read_text()
    assert is_told == ("SAM_STATUS" in stops)


def test_sam_deploys_the_settings_that_are_then_kept(deploy, tmp_path):
    config, calls = tmp_path / "samconfig.toml", tmp_path / "calls"
    later(tmp_path)
    changed = f"{SETTINGS}# CleanupMode=apply\n"
    assert deploy(config, SET="CleanupMode=apply")[0] == 0
    assert (Path(f"{calls}.settings").read_text(), config.read_text()) == (changed, changed)
    variables, _ = with_a_file(tmp_path)
    assert deploy(config, **variables)[0] == 0
    assert (Path(f"{calls}.settings").read_text(), config.read_text()) == (SETTINGS, SETTINGS)
    config.unlink()
    assert deploy(config, EXISTS="yes", SET="CleanupMode=apply")[0] == 0
    assert (Path(f"{calls}.settings").read_text(), config.read_text()) == (changed, changed)


def test_no_copy_of_the_settings_is_left(deploy, tmp_path):
    (copies := tmp_path / "copies").mkdir()
    later(tmp_path)
    for stops in [{}, {"FAILS": "parameters.py"}, {"SAM_STATUS": "1"}]:
        deploy(tmp_path / "samconfig.toml", TMPDIR=str(copies), **stops)
        assert not list(copies.iterdir()), stops


@pytest.mark.parametrize("kind", [later, with_a_file])
def test_a_stack_that_is_not_the_one_of_the_settings_is_refused(deploy, tmp_path, kind):
    """SAM deploys the stack in the settings, so the checks must read the same one."""
    config = tmp_path / "samconfig.toml"
    variables, checks = kind(tmp_path)
    assert deploy(config, **variables, STACK="guestpass") == (0, [*checks, "sam deploy"])
    assert deploy(config, **variables, STACK="staging") == (1, checks[: checks.index("issuer_keys.py")])
    file = variables.get("CONFIG", config)
    assert f"STACK is staging, but {file} is for the stack guestpass" in (tmp_path / "errors").read_text()


def test_the_stack_of_settings_that_a_user_wrote_is_found(deploy, tmp_path):
    config = tmp_path / "samconfig.toml"
    config.write_text(SETTINGS.replace('stack_name = "guestpass"', "stack_name='guestpass' # ours"))
    assert [deploy(config, STACK=name)[0] for name in ["guestpass", "staging"]] == [0, 1]


def test_s03_destroy_runs_only_a_tool_that_was_built(deploy, tmp_path):
    config, sums, tool = tmp_path / "samconfig.toml", tmp_path / "lambda/SHA256SUMS", tmp_path / "lambda/guestpass"
    zips = sums.read_text()

    def destroy(**variables: str) -> tuple[int, list[str]]:
        return deploy(config, "destroy", **variables)

    tool.write_bytes(b"built")
    sums.write_text(f"{zips}{hashlib.sha256(b'built').hexdigest()}  guestpass\n")
    assert destroy(IDENTITIES="delete") == (0, ["destroy.py"])
    tool.write_bytes(b"another")
    assert destroy(IDENTITIES="delete") == (1, [])
    assert "do not match their SHA256SUMS" in (tmp_path / "errors").read_text()
    sums.write_text(zips)
    assert destroy(IDENTITIES="delete") == (1, [])
    assert "guestpass in" in (errors := (tmp_path / "errors").read_text()) and "has no checksum" in errors
    assert destroy() == (0, ["destroy.py"]), "without the identities, it does not run the tool"
