#!/usr/bin/env python3
"""Builds the packages of the emulator from binaries that were compiled before: for each platform a wheel
for PyPI and an npm package, and the npm package `acs-emulator`, which depends on those.

build.py <directory> <platform>=<binary>… writes them into the directory. The same binaries give the same
bytes."""

import base64
import gzip
import hashlib
import io
import json
import struct
import sys
import tarfile
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
CRATE = HERE.parent
ROOT = CRATE.parents[1]
SUMMARY = tomllib.loads((CRATE / "Cargo.toml").read_text())["package"]["description"]
VERSION = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
README = (CRATE / "README.md").read_text()
LICENSE = (ROOT / "LICENSE").read_bytes()

# The earliest time of the ZIP format.
TIME = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Platform:
    """`wheel` has the platform tags of the wheel; `npm` the names that npm has for system and processor."""

    wheel: str
    npm: tuple[str, str]

    @property
    def program(self) -> str:
        return "acs-emulator.exe" if self.npm[0] == "win32" else "acs-emulator"


# The binaries for Linux are static, so they run with every glibc and with musl.
PLATFORMS = {
    "linux-x64": Platform("manylinux_2_17_x86_64.manylinux2014_x86_64.musllinux_1_1_x86_64", ("linux", "x64")),
    "linux-arm64": Platform("manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64", ("linux", "arm64")),
    "darwin-x64": Platform("macosx_10_12_x86_64", ("darwin", "x64")),
    "darwin-arm64": Platform("macosx_11_0_arm64", ("darwin", "arm64")),
    "win32-x64": Platform("win_amd64", ("win32", "x64")),
}


def main() -> None:
    if len(sys.argv) < 3:
        sys.exit("usage: build.py <directory> <platform>=<binary>…")
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    binaries = {}
    for argument in sys.argv[2:]:
        name, _, path = argument.partition("=")
        if name not in PLATFORMS or not path:
            sys.exit(f"invalid argument {argument}: expected <platform>=<binary>, with one of {', '.join(PLATFORMS)}")
        binaries[name] = Path(path).read_bytes()
        if name.startswith("linux-") and is_dynamic(binaries[name]):
            sys.exit(f"{path} is linked dynamically, so it would not run with another libc: link it with +crt-static")
    for name, binary in binaries.items():
        platform = PLATFORMS[name]
        (out / f"acs_emulator-{VERSION}-py3-none-{platform.wheel}.whl").write_bytes(wheel(platform, binary))
        (out / f"acs-emulator-{name}-{VERSION}.tgz").write_bytes(npm_binary(name, platform, binary))
    (out / f"acs-emulator-{VERSION}.tgz").write_bytes(npm_main(sorted(binaries)))


def is_dynamic(binary: bytes) -> bool:
    """Whether an ELF file for 64 bits names a program interpreter (PT_INTERP), as the ELF specification
    describes it."""
    if binary[:5] != b"\x7fELF\x02":
        sys.exit("a binary for Linux is not an ELF file for 64 bits")
    offset, size, count = struct.unpack_from("<Q", binary, 32)[0], *struct.unpack_from("<HH", binary, 54)
    return any(struct.unpack_from("<I", binary, offset + number * size)[0] == 3 for number in range(count))


def wheel(platform: Platform, binary: bytes) -> bytes:
    """The wheel, as the binary distribution format of the Python packaging user guide describes it."""
    about = f"acs_emulator-{VERSION}.dist-info"
    tags = "".join(f"Tag: py3-none-{tag}\n" for tag in platform.wheel.split("."))
    metadata = (
        f"Metadata-Version: 2.4\nName: acs-emulator\nVersion: {VERSION}\nSummary: {SUMMARY}\n"
        "License-Expression: Apache-2.0\nLicense-File: LICENSE\nRequires-Python: >=3.9\n"
        f"Description-Content-Type: text/markdown\n\n{README}"
    )
    sources = sorted((HERE / "python" / "acs_emulator").glob("*.py"))
    files = {f"acs_emulator/{path.name}": (path.read_bytes(), 0o644) for path in sources}
    files[f"acs_emulator/{platform.program}"] = (binary, 0o755)
    for name, text in {
        "METADATA": metadata,
        "WHEEL": f"Wheel-Version: 1.0\nGenerator: acs-emulator\nRoot-Is-Purelib: false\n{tags}",
        "entry_points.txt": "[console_scripts]\nacs-emulator = acs_emulator:main\n",
    }.items():
        files[f"{about}/{name}"] = (text.encode(), 0o644)
    files[f"{about}/licenses/LICENSE"] = (LICENSE, 0o644)
    record = "".join(f"{name},sha256={url_safe(content)},{len(content)}\n" for name, (content, _) in files.items())
    files[f"{about}/RECORD"] = (f"{record}{about}/RECORD,,\n".encode(), 0o644)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, (content, mode) in files.items():
            entry = zipfile.ZipInfo(name, TIME)
            entry.external_attr = (0o100000 | mode) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return packed.getvalue()


def url_safe(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def npm_binary(name: str, platform: Platform, binary: bytes) -> bytes:
    system, processor = platform.npm
    about = npm_about(f"acs-emulator-{name}") | {"os": [system], "cpu": [processor], "preferUnplugged": True}
    return npm_package(about, {platform.program: (binary, 0o755)})


def npm_main(platforms: list[str]) -> bytes:
    about = npm_about("acs-emulator") | {
        "type": "module",
        "exports": "./index.mjs",
        "bin": {"acs-emulator": "bin.mjs"},
        "engines": {"node": ">=20"},
        "optionalDependencies": {f"acs-emulator-{name}": VERSION for name in platforms},
    }
    files = {path.name: (path.read_bytes(), 0o644) for path in sorted((HERE / "npm").glob("*.mjs"))}
    return npm_package(about, files)


def npm_about(name: str) -> dict:
    return {"name": name, "version": VERSION, "description": SUMMARY, "license": "Apache-2.0"}


def npm_package(about: dict, files: dict[str, tuple[bytes, int]]) -> bytes:
    own = {"package.json": (json.dumps(about, indent=2).encode(), 0o644), "README.md": (README.encode(), 0o644)}
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, (content, mode) in (own | {"LICENSE": (LICENSE, 0o644)} | files).items():
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size, entry.mode = len(content), mode
            archive.addfile(entry, io.BytesIO(content))
    return gzip.compress(packed.getvalue(), mtime=0)


if __name__ == "__main__":
    main()
