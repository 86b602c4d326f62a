"""The artefacts have metadata, but no trace of where or when they were built."""

import hashlib
import json
import os
import zipfile
from pathlib import Path

import artefacts
import pytest

MB = 1_000_000
# Without link-time optimisation, programs and zips are a quarter to a third larger.
LARGEST_ZIP, LARGEST_PROGRAM = (3 * MB, 8 * MB) if artefacts.IS_RELEASE else (3.75 * MB, 10 * MB)
# Beside zips without link-time optimisation, the tool is the debug program of the tests, which names directories.
RELEASED = [artefacts.GUESTPASS] if artefacts.IS_RELEASE else []
ZIPS = sorted(artefacts.DIRECTORY.glob("*.zip"))
only_compiled = pytest.mark.skipif(artefacts.IS_DEBUG, reason="these are debug programs; `make artefacts` compiles others")


def test_there_is_a_zip_for_each_function(deployed):
    # Also for those whose condition does not hold.
    resources = deployed.stack.expanded["Resources"].values()
    functions = [one["Properties"] for one in resources if one["Type"] == "AWS::Lambda::Function"]
    assert [one.name for one in ZIPS] == sorted(one["Code"]["S3Key"] for one in functions if "S3Key" in one["Code"])


@only_compiled
@pytest.mark.parametrize("path", ZIPS, ids=lambda path: path.stem)
def test_p03_a_zip_and_its_program_are_small_and_it_holds_nothing_else(path):
    assert path.stat().st_size <= LARGEST_ZIP
    [entry] = zipfile.ZipFile(path).infolist()
    assert entry.file_size <= LARGEST_PROGRAM
    assert (entry.filename, entry.external_attr >> 16 & 0o777) == ("bootstrap", 0o755)


@pytest.mark.parametrize("path", [*ZIPS, artefacts.GUESTPASS], ids=lambda path: path.stem)
def test_an_sbom_names_the_artefact_by_its_hash_and_what_is_linked_into_it(path):
    bom = json.loads(path.with_suffix(".cdx.json").read_text())
    subject = bom["metadata"]["component"]
    assert [one["content"] for one in subject["hashes"]] == [sha256(path)]
    names = {one["name"] for one in bom["components"]}
    assert {"identity-core", "serde_json", "tokio"} <= names
    # Emulators of cloud services are never shipped.
    assert not {"acs-emulator", "dynoxide-rs", "local-stack"} & names


def test_every_file_is_in_the_checksums():
    lines = (artefacts.DIRECTORY / "SHA256SUMS").read_text().splitlines()
    sums = {name: sum_ for sum_, name in (line.split("  ") for line in lines)}
    files = {path.relative_to(artefacts.DIRECTORY).as_posix(): path for path in artefacts.DIRECTORY.rglob("*")}
    assert sums == {name: sha256(path) for name, path in files.items() if path.is_file() and name != "SHA256SUMS"}


@only_compiled
@pytest.mark.parametrize("path", [*ZIPS, *RELEASED], ids=lambda path: path.stem)
def test_s02_no_artefact_tells_where_or_when_it_was_made(path):
    """`make reproducible` builds twice and compares; this test finds what would cause a
    difference."""
    if path.suffix == ".zip":
        [entry] = zipfile.ZipFile(path).infolist()
        assert entry.date_time == (1980, 1, 1, 0, 0, 0)
        program = zipfile.ZipFile(path).read(entry)
    else:
        program = path.read_bytes()
    here = [Path(__file__).resolve().parents[3], Path.home(), Path(os.environ["ACS_EMULATOR"]).parents[1]]
    assert [str(each) for each in here if each != Path("/") and bytes(each) + b"/" in program] == []


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
