import json
import os
import sys
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "rules"))

import artefacts  # noqa: E402
from acs import Acs  # noqa: E402
from api import ISSUER, ROLE  # noqa: E402
from cloud import Cloud, Deployed  # noqa: E402
from runtime_api import Function  # noqa: E402


@pytest.fixture(scope="session")
def acs() -> Iterator[Acs]:
    acs = Acs(Path(os.environ["ACS_EMULATOR"]))
    yield acs
    acs.stop()


@pytest.fixture(scope="session")
def cloud() -> Iterator[Cloud]:
    cloud = Cloud()
    yield cloud
    cloud.stop()


@pytest.fixture(scope="session")
def deployed(acs: Acs, cloud: Cloud) -> Deployed:
    condition = json.dumps({"role": ROLE})
    deployed = cloud.deploy(
        acs.connection_string, Issuer=ISSUER, Audience="app", CleanupMode="apply", AdminCondition=condition
    )
    deployed.attach_policies()
    # moto would start the function in Docker. The tests read from the queue themselves.
    client = deployed.client("lambda")
    for mapping in client.list_event_source_mappings()["EventSourceMappings"]:
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        client.delete_event_source_mapping(UUID=mapping["UUID"])
    return deployed


@pytest.fixture(scope="session")
def bootstrap(tmp_path_factory) -> Callable[[str], Path]:
    """The program in a zip that was deployed."""

    @cache
    def unpacked(zipped: str) -> Path:
        return artefacts.unpacked(zipped, tmp_path_factory.mktemp(zipped))

    return unpacked


def starter(bootstrap: Callable[[str], Path], directory: Path) -> Iterator[Callable[..., Function]]:
    """Starts the program of a function as a stack configures it: with its variables and its role."""
    started: list[Function] = []

    def one(stack: Deployed, function: str, **environment: str) -> Function:
        log = directory / f"{function}-{len(started)}.log"
        program = bootstrap(stack.stack.functions()[function]["Code"]["S3Key"])
        started.append(Function(program, {**stack.environment(function), **environment}, log))
        return started[-1]

    yield one
    for function in started:
        function.stop()


@pytest.fixture
def start_in(bootstrap, tmp_path: Path) -> Iterator[Callable[..., Function]]:
    """Starts functions of any stack, until the end of the test."""
    yield from starter(bootstrap, tmp_path)


@pytest.fixture(scope="module")
def start_in_module(bootstrap, tmp_path_factory) -> Iterator[Callable[..., Function]]:
    """Starts functions of any stack, until the end of the module."""
    yield from starter(bootstrap, tmp_path_factory.mktemp("functions"))


@pytest.fixture
def start(deployed: Deployed, start_in) -> Callable[..., Function]:
    """Starts functions of the stack that most tests use."""
    return partial(start_in, deployed)
