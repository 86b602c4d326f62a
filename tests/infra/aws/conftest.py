import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "rules"))

from acs import Acs  # noqa: E402
from api import ISSUER  # noqa: E402
from cloud import Cloud, Deployed  # noqa: E402
from runtime_api import Function  # noqa: E402

BINARIES = Path(os.environ["BINARIES"])


@pytest.fixture(scope="session")
def acs() -> Iterator[Acs]:
    acs = Acs(BINARIES / "acs-emulator")
    yield acs
    acs.stop()


@pytest.fixture(scope="session")
def deployed(acs: Acs) -> Iterator[Deployed]:
    cloud = Cloud()
    deployed = cloud.deploy(acs.connection_string, Issuer=ISSUER, Audience="app", CleanupMode="apply")
    # moto would start the function in Docker. The tests take from the queue themselves.
    client = cloud.client("lambda")
    for mapping in client.list_event_source_mappings()["EventSourceMappings"]:
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        client.delete_event_source_mapping(UUID=mapping["UUID"])
    yield deployed
    cloud.stop()


@pytest.fixture
def start(deployed: Deployed, tmp_path: Path) -> Iterator:
    """Starts the binary of a function with what was deployed for it."""
    started: list[Function] = []

    def one(function: str, **environment: str) -> Function:
        binary = BINARIES / deployed.stack.crate_of(function)
        log = tmp_path / f"{function}-{len(started)}.log"
        started.append(Function(binary, {**deployed.environment(function), **environment}, log))
        return started[-1]

    yield one
    for function in started:
        function.stop()
