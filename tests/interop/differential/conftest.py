"""The stack under test, the SDKs, and the seed of all that is random here."""

import json
import os
import random
import secrets
from collections import Counter

import pytest
from sdks import SDKS

# The same each time: what is found by chance is no news about the change at hand. INTEROP_SEED=random
# looks elsewhere.
SEED = os.environ.get("INTEROP_SEED") or "20261122"
SEED = secrets.randbelow(2**32) if SEED == "random" else int(SEED)

NOTES = Counter()


def pytest_terminal_summary(terminalreporter):
    terminalreporter.write_line(f"seed: {SEED}, which INTEROP_SEED={SEED} repeats")
    for what, count in sorted(NOTES.items()):
        terminalreporter.write_line(f"{count} {what}")


@pytest.fixture
def note():
    """What is told, with its number, at the end of the run."""
    return NOTES


@pytest.fixture
def dice(request):
    """Of each test its own, so that one can be repeated alone."""
    return random.Random(f"{SEED} {request.node.name}")


@pytest.fixture(scope="session")
def acs():
    with open(os.environ["STACK_JSON"], encoding="utf-8") as file:
        return json.load(file)["acs"]


@pytest.fixture(scope="session")
def sdks():
    made = {name: make() for name, make in SDKS.items()}
    yield made
    for sdk in made.values():
        sdk.close()
