#!/usr/bin/env python3
"""Completes the files of a release in a directory that has the archives of `binaries.py` and the artefacts
of `build.py`: adds an SBOM of each archive, the packages of the emulator for PyPI and npm, and SHA256SUMS
of all files. `infra/build/release` runs this script and installs the SBOM library."""

import hashlib
import io
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

import binaries
import sbom

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ROOT / "shared" / "acs-emulator" / "packages" / "build.py"

# The platform of the packages for each target of rustc.
PLATFORMS = {
    "x86_64-unknown-linux-gnu": "linux-x64",
    "aarch64-unknown-linux-gnu": "linux-arm64",
    "x86_64-apple-darwin": "darwin-x64",
    "aarch64-apple-darwin": "darwin-arm64",
    "x86_64-pc-windows-msvc": "win32-x64",
}

ARCHIVE = re.compile(rf"(?P<name>{'|'.join(binaries.PROGRAMS)})-{re.escape(binaries.VERSION)}-(?P<target>\S+)\.(tgz|zip)")


def main() -> None:
    out = Path(sys.argv[1])
    found = {path: match for path in sorted(out.iterdir()) if (match := ARCHIVE.fullmatch(path.name))}
    if not found:
        sys.exit(f"{out} has no archive of {' or '.join(binaries.PROGRAMS)}: run infra/build/binaries.py first")
    for path, match in found.items():
        write_sbom(path, match["name"], match["target"])
    emulators = {match["target"]: path for path, match in found.items() if match["name"] == "acs-emulator"}
    build_packages(out, emulators)
    write_sums(out)


def write_sbom(archive: Path, name: str, target: str) -> None:
    package = binaries.PROGRAMS[name]
    tree = sbom.trees(ROOT, [package], target)[package]
    path = archive.with_name(f"{name}-{target}.cdx.json")
    path.write_text(sbom.document(tree, name, sha256(archive)), encoding="utf-8")


def build_packages(out: Path, emulators: dict[str, Path]) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        arguments = []
        for target, archive in emulators.items():
            binary = Path(scratch, target)
            binary.write_bytes(unpacked(archive))
            arguments.append(f"{PLATFORMS[target]}={binary}")
        subprocess.run([sys.executable, "-B", PACKAGES, out, *arguments], check=True)


def unpacked(archive: Path) -> bytes:
    """The only file of an archive."""
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive) as opened:
            return opened.read(opened.namelist()[0])
    with tarfile.open(fileobj=io.BytesIO(archive.read_bytes())) as opened:
        return opened.extractfile(opened.getmembers()[0]).read()


def write_sums(out: Path) -> None:
    """A release has no folders, so the names in SHA256SUMS have none either."""
    files = sorted(path for path in out.iterdir() if path.name != "SHA256SUMS")
    lines = [f"{sha256(path)}  {path.name}\n" for path in files]
    (out / "SHA256SUMS").write_text("".join(lines), encoding="utf-8")


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    main()
