#!/usr/bin/env python3
"""Builds the programs of a release for this machine's system in target/binaries: an archive of each, which
`cargo binstall` also finds there.

It only needs Python and cargo, so it runs on every system that a release is for."""

import argparse
import gzip
import io
import os
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "target" / "binaries"

# The package of each program, and its binary.
PROGRAMS = {"acs-emulator": "acs-emulator", "guestpass": "guestpass-cli"}

VERSION = tomllib.loads((ROOT / "Cargo.toml").read_text(encoding="utf-8"))["workspace"]["package"]["version"]

# The earliest time of the ZIP format.
TIME = (1980, 1, 1, 0, 0, 0)


def main() -> None:
    options = parse(sys.argv[1:])
    options.out.mkdir(parents=True, exist_ok=True)
    for name in options.programs or PROGRAMS:
        binary = options.compiled or compile_program(name, options)
        archive = options.out / archive_name(name, options.target)
        archive.write_bytes(packed(binary, archive.suffix == ".zip"))
        print(f"{archive.name}  {archive.stat().st_size / 1e6:.1f} MB")


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, prog="infra/build/binaries.py")
    parser.add_argument("--target", default=host(), help="the target of rustc (default: this machine)")
    parser.add_argument("--profile", choices=["release", "dev"], default="release")
    parser.add_argument("--out", type=Path, default=OUT, help="the directory of the archives (default: target/binaries)")
    parser.add_argument("--compiled", type=Path, metavar="FILE", help="archives this file and compiles nothing: for one program")
    parser.add_argument("programs", nargs="*", metavar="PROGRAM", help=f"of {', '.join(PROGRAMS)} (default: all)")
    options = parser.parse_args(arguments)
    unknown = set(options.programs) - set(PROGRAMS)
    if unknown:
        parser.error(f"unknown program {', '.join(sorted(unknown))}: use {', '.join(PROGRAMS)}")
    if options.compiled and len(options.programs) != 1:
        parser.error("--compiled requires one program")
    return options


def host() -> str:
    lines = subprocess.run(["rustc", "-vV"], check=True, capture_output=True, text=True).stdout.splitlines()
    return dict(line.split(": ", 1) for line in lines[1:])["host"]


def compile_program(name: str, options: argparse.Namespace) -> Path:
    command = ["cargo", "build", "--locked", "--profile", options.profile, "--target", options.target]
    command += ["--package", PROGRAMS[name]]
    subprocess.run(command, cwd=ROOT, env=environment(name, options.target), check=True)
    directory = {"release": "release", "dev": "debug"}[options.profile]
    suffix = ".exe" if "windows" in options.target else ""
    return target_directory() / options.target / directory / f"{name}{suffix}"


def environment(name: str, target: str) -> dict[str, str]:
    """The compiler's environment. The emulator needs no resolver, so its binary for Linux is static and
    runs with every libc."""
    flags = [f"--remap-path-prefix={Path.home() / '.cargo'}=/cargo"]
    if name == "acs-emulator" and "linux" in target:
        flags += ["-C", "target-feature=+crt-static"]
    # The assembler of aws-lc is not on every Windows machine, so its output is part of the crate.
    return os.environ | {"CARGO_ENCODED_RUSTFLAGS": "\x1f".join(flags), "AWS_LC_SYS_PREBUILT_NASM": "1"}


def target_directory() -> Path:
    given = os.environ.get("CARGO_TARGET_DIR")
    return Path(given) if given else ROOT / "target"


def archive_name(name: str, target: str) -> str:
    """The name that `[package.metadata.binstall]` has, too."""
    return f"{name}-{VERSION}-{target}" + (".zip" if "windows" in target else ".tgz")


def packed(binary: Path, as_zip: bool) -> bytes:
    """An archive of one executable file. The same file gives the same bytes."""
    content, out = binary.read_bytes(), io.BytesIO()
    if as_zip:
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            archive.writestr(zipfile.ZipInfo(binary.name, TIME), content, zipfile.ZIP_DEFLATED, 9)
        return out.getvalue()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        entry = tarfile.TarInfo(binary.name)
        entry.size, entry.mode = len(content), 0o755
        archive.addfile(entry, io.BytesIO(content))
    return gzip.compress(out.getvalue(), mtime=0)


if __name__ == "__main__":
    main()
