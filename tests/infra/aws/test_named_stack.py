"""Which stack and region the commands of `make` use."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

INFRA = Path(__file__).resolve().parents[3] / "infra"
SETTINGS = '[default.deploy.parameters]\nstack_name = "{}"\nregion = "eu-west-2"\n'
SHOW = "import stack_settings; print(stack_settings.STACK, stack_settings.client('lambda').meta.region_name)"


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess]:
    """Runs a command of Python, without an account."""
    (tmp_path / "production.toml").write_text('stack = "production"\nregion = "eu-west-1"\n')

    def run(*command: str | Path, **variables: str) -> subprocess.CompletedProcess:
        own = {"SAM_CONFIG_FILE": str(tmp_path / "samconfig.toml"), "ARTEFACTS": str(tmp_path), "PYTHONPATH": str(INFRA / "deploy")}
        environment = {"PATH": os.environ["PATH"], "AWS_REGION": "us-east-1", **own, **variables}
        return subprocess.run([sys.executable, *command], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)

    return run


def test_a_configuration_file_names_the_stack_and_the_region(run, tmp_path):
    """Its settings are missing in another clone, and after a first deployment that failed."""
    config = {"CONFIG": str(tmp_path / "production.toml")}
    assert run("-c", SHOW, **config).stdout == "production eu-west-1\n"
    (tmp_path / "samconfig.toml").write_text(SETTINGS.format("of-before"))
    assert run("-c", SHOW, **config).stdout == "production eu-west-1\n"
    assert run("-c", SHOW, **config, STACK="production").stdout == "production eu-west-1\n"


def test_without_a_configuration_file_the_variable_comes_before_the_settings(run, tmp_path):
    assert run("-c", SHOW).stdout == "guestpass us-east-1\n"
    (tmp_path / "samconfig.toml").write_text(SETTINGS.format("of-before"))
    assert run("-c", SHOW).stdout == "of-before eu-west-2\n"
    assert run("-c", SHOW, STACK="another").stdout == "another us-east-1\n"


@pytest.mark.parametrize("command", ["deploy/destroy", "deploy/secret", "operate/rollback", "operate/restore", "operate/verify"])
def test_no_command_accepts_two_stacks(run, tmp_path, command):
    config = tmp_path / "production.toml"
    refused = run(INFRA / f"{command}.py", CONFIG=str(config), STACK="staging")
    expected = f"STACK is staging, but CONFIG={config} is for the stack production: unset one of them\n"
    assert (refused.returncode, refused.stderr) == (1, expected), refused


@pytest.mark.parametrize("text, why", [("stack =", "cannot read CONFIG="), ('stack = "x"', "`region` is missing")])
def test_a_configuration_file_that_names_no_stack_is_refused(run, tmp_path, text, why):
    (tmp_path / "production.toml").write_text(text)
    refused = run(INFRA / "operate/rollback.py", CONFIG=str(tmp_path / "production.toml"))
    assert refused.returncode == 1 and why in refused.stderr and "Traceback" not in refused.stderr, refused
