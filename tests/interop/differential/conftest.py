"""The stack under test, the SDKs, and the seed of all random values."""

import json
import os
import random
import secrets
from collections import Counter

import pytest
from sdks import SDKS

# The seed is fixed: an error that is found by chance does not belong to the current change.
# INTEROP_SEED=random uses another seed.
SEED = os.environ.get("INTEROP_SEED") or "20261122"
SEED = secrets.randbelow(2**32) if SEED == "random" else int(SEED)

NOTES = Counter()


def pytest_terminal_summary(terminalreporter):
    terminalreporter.write_line(f"seed: {SEED}, which INTEROP_SEED={SEED} repeats")
    for what, count in sorted(NOTES.items()):
        terminalreporter.write_line(f"{count} {what}")


@pytest.fixture
def note():
    """The notes, which are printed with their counts at the end of the run."""
    return NOTES


@pytest.fixture
def dice(request):
    """Each test has its own generator, so that it can be repeated alone."""
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
