"""The programs of the functions under an independent Runtime API: cargo-lambda's."""

import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runtime_api import PATIENCE, Failed

# The same tests, with the fixture `start` of this file.
from test_service import (  # noqa: F401
    test_a_run_of_the_schedule_deletes_who_is_stale,
    test_an_event_by_eventbridge_and_the_queue_blocks_its_user,
    test_each_operation_does_its_work_with_the_rights_of_its_role,
    user,
)

CARGO_LAMBDA = Path(os.environ["CARGO_LAMBDA"])


@pytest.fixture
def start(deployed, bootstrap, address, tmp_path) -> Iterator:
    """Starts the deployed program of a function with its configuration, under cargo-lambda."""
    processes = []

    def one(function: str) -> Emulated:
        log = tmp_path / f"{function}.log"
        # cargo-lambda identifies functions by their binaries.
        name = deployed.stack.crate_of(function)
        runtime = {"AWS_LAMBDA_RUNTIME_API": f"http://{address}/.rt/{name}"}
        with log.open("wb") as out:
            environment = {**deployed.environment(function), **runtime}
            processes.append(subprocess.Popen([bootstrap(f"{name}.zip")], env=environment, stdout=out, stderr=out))
        return Emulated(address, name, log)

    yield one
    for process in processes:
        process.kill()
        process.wait()


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """The address of the emulator."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [CARGO_LAMBDA, "lambda", "watch", "--only-lambda-apis", "--invoke-address", "127.0.0.1", "--invoke-port"]
    with (tmp_path / "emulator.log").open("wb") as log:
        process = subprocess.Popen([*command, str(port)], cwd=Path(__file__).parents[3], stdout=log, stderr=log)
    deadline = time.monotonic() + PATIENCE
    while not is_listening(port):
        assert process.poll() is None, (tmp_path / "emulator.log").read_text()
        assert time.monotonic() < deadline, "it does not begin to listen"
    yield f"127.0.0.1:{port}"
    process.terminate()
    process.wait()


def is_listening(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE).close()
    except ConnectionRefusedError:
        return False
    return True


class Emulated:
    """A function that cargo-lambda invokes."""

    def __init__(self, address: str, name: str, log: Path):
        self._url = f"http://{address}/2015-03-31/functions/{name}/invocations"
        self._log = log

    def invoke(self, event: Any) -> Any:
        """Its answer; raises [`Failed`] if that is an error."""
        request = urllib.request.Request(self._url, data=json.dumps(event).encode())
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            raise Failed(error.read().decode()) from error

    def said(self) -> str:
        return self._log.read_text()
