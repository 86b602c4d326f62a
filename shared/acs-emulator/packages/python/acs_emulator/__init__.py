"""The ACS emulator: an Azure Communication Services Identity service for tests.

    with acs_emulator.start() as emulator:
        client = CommunicationIdentityClient.from_connection_string(
            emulator.https_connection_string, connection_verify=emulator.ca_cert
        )
        user = client.create_user()
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RunningEmulator:
    """The addresses and the credentials of an emulator. Its keys are valid for this emulator only."""

    endpoint: str
    connection_string: str
    https_endpoint: str
    https_connection_string: str
    ca_cert: str
    """The file of the certificate that clients of https have to trust."""

    @property
    def access_key(self) -> str:
        """The primary access key of the resource."""
        return self.connection_string.partition("accesskey=")[2]


def binary() -> Path:
    """The program `acs-emulator` of this package."""
    return Path(__file__).parent / ("acs-emulator.exe" if sys.platform == "win32" else "acs-emulator")


@contextmanager
def start(*options: str) -> Iterator[RunningEmulator]:
    """Starts an emulator on free ports of this machine, with `options` of its command line, and stops it
    at the end. Each emulator is an empty resource of its own. Its log goes to stderr."""
    with tempfile.TemporaryDirectory(prefix="acs-emulator-") as data:
        command = [str(binary()), "--data", data, "--https-port", "0", "--exit-with-stdin", *options]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            yield _announced(process)
        finally:
            process.stdin.close()
            process.wait(timeout=10)
            process.stdout.close()


def _announced(process: subprocess.Popen) -> RunningEmulator:
    values = {}
    for line in process.stdout:
        name, _, value = line.partition("  ")
        values[name] = value.strip()
        if name == "kept in":
            return RunningEmulator(
                endpoint=values["endpoint"],
                connection_string=values["connection string"],
                https_endpoint=values["https endpoint"],
                https_connection_string=values["https connection"],
                ca_cert=values["https certificate"],
            )
    raise RuntimeError("acs-emulator did not start: its message is on stderr")


def main() -> None:
    """Runs the program in place of this one."""
    program = str(binary())
    if sys.platform == "win32":
        sys.exit(subprocess.call([program, *sys.argv[1:]]))
    os.execv(program, [program, *sys.argv[1:]])
