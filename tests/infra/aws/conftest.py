import json
import os
import sys
from collections.abc import Callable, Iterator
from functools import cache
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
def bootstrap(deployed: Deployed, tmp_path_factory) -> Callable[[str], Path]:
    """The program that was deployed for a function."""

    @cache
    def unpacked(function: str) -> Path:
        zipped = deployed.stack.functions()[function]["Code"]["S3Key"]
        return artefacts.unpacked(zipped, tmp_path_factory.mktemp(function))

    return unpacked


@pytest.fixture
def start(deployed: Deployed, bootstrap, tmp_path: Path) -> Iterator:
    """Starts the deployed program of a function with its deployed configuration."""
    started: list[Function] = []

    def one(function: str, **environment: str) -> Function:
        log = tmp_path / f"{function}-{len(started)}.log"
        started.append(Function(bootstrap(function), {**deployed.environment(function), **environment}, log))
        return started[-1]

    yield one
    for function in started:
        function.stop()
