"""T08: the code of this release runs with the template of the previous release."""

import tomllib
from pathlib import Path

import pytest

PREVIOUS = tomllib.loads((Path(__file__).parent / "previous-release.toml").read_text())
OF_LAMBDA = ("AWS_",)


@pytest.mark.parametrize("function", PREVIOUS)
def test_t08_the_binary_starts_with_the_environment_of_the_release_before(start, only, function):
    running = start(function)
    assert running.is_started(), running.said()


def test_t08_a_variable_that_only_this_release_gives_would_be_noticed(start, only):
    only["IssueAccessToken"].remove("TABLE_NAME")
    running = start("IssueAccessToken")
    assert not running.is_started()
    assert "TABLE_NAME is not set" in running.said()


@pytest.fixture
def only(deployed, monkeypatch) -> dict[str, list[str]]:
    """The variables that functions got from the previous release."""
    names = {function: list(names) for function, names in PREVIOUS.items()}
    now = type(deployed).environment

    def then(self, function: str) -> dict[str, str]:
        environment = now(self, function)
        return {
            # Variables that this template no longer has had some value then.
            name: environment.get(name, "1")
            for name in [*names[function], *(name for name in environment if name.startswith(OF_LAMBDA))]
        }

    monkeypatch.setattr(type(deployed), "environment", then)
    return names


def test_every_function_of_the_template_is_there(deployed):
    assert sorted(PREVIOUS) == sorted(deployed.stack.functions())
