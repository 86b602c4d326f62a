"""The artefacts of `make infra`, `make artefacts` or `make build`: the zips that are deployed, and the operator's tool."""

import os
import zipfile
from pathlib import Path

DIRECTORY = Path(os.environ["ARTEFACTS"])
GUESTPASS = DIRECTORY / "guestpass"
IS_RELEASE = DIRECTORY.name == "lambda"
# The debug programs of the tests, which are large and name directories.
IS_DEBUG = DIRECTORY.name == "lambda-debug"


def archive(name: str) -> bytes:
    """The bytes of a zip."""
    return (DIRECTORY / name).read_bytes()


def unpacked(name: str, into: Path) -> Path:
    """The program in a zip, unpacked as Lambda does, which starts the file `bootstrap`."""
    with zipfile.ZipFile(DIRECTORY / name) as zipped:
        program = Path(zipped.extract("bootstrap", into))
        # Python does not restore the mode.
        program.chmod(zipped.getinfo("bootstrap").external_attr >> 16)
    return program
