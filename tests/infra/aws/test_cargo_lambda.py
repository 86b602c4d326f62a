"""A binary runs under a Runtime API that nobody here wrote: cargo-lambda's, if `make build` has
brought it.

It tells a function that its deadline is in 1970. So our functions do not ask ACS for anything
there: there is no time left. What they read from the table they answer."""

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

from api import call
from conftest import BINARIES

CARGO_LAMBDA = Path(os.environ.get("CARGO_LAMBDA", "cargo-lambda"))
PATIENCE = 30


class Emulated:
    """A function that cargo-lambda's emulator invokes."""

    def __init__(self, address: str, name: str):
        self._url = f"http://{address}/2015-03-31/functions/{name}/invocations"

    def invoke(self, event: Any) -> Any:
        request = urllib.request.Request(self._url, data=json.dumps(event).encode())
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                    return json.loads(answer.read())
            except urllib.error.URLError as error:
                # Until it listens.
                if not isinstance(error.reason, ConnectionRefusedError) or time.monotonic() > deadline:
                    raise


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [CARGO_LAMBDA, "lambda", "watch", "--only-lambda-apis", "--invoke-address", "127.0.0.1", "--invoke-port"]
    with (tmp_path / "emulator.log").open("wb") as log:
        process = subprocess.Popen([*command, str(port)], cwd=Path(__file__).parents[3], stdout=log, stderr=log)
    yield f"127.0.0.1:{port}"
    process.terminate()
    process.wait()


@pytest.mark.skipif(not CARGO_LAMBDA.is_file(), reason="`make build` brings cargo-lambda")
def test_a_function_answers_under_cargo_lambda(deployed, address, tmp_path):
    runtime = {"AWS_LAMBDA_RUNTIME_API": f"http://{address}/.rt/list-identities"}
    log = tmp_path / "log"
    with log.open("wb") as out:
        environment = {**deployed.environment("ListIdentities"), **runtime}
        process = subprocess.Popen([BINARIES / "list-identities"], env=environment, stdout=out, stderr=out)
    try:
        answer = call(Emulated(address, "list-identities"), "GET /v1/identities", scope="guestpass.admin")
    finally:
        process.kill()
        process.wait()
    assert answer.status == 200, log.read_text()
