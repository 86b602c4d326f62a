#!/usr/bin/env python3
"""Builds the artefacts of a release: for each function its bootstrap, a zip and a
CycloneDX SBOM; the operator's tool `guestpass` for this machine, with its SBOM; and SHA256SUMS of all
files.

The same commit gives the same bytes, in any directory and at any time. `infra/build/run` runs this
script and installs cargo-lambda and the SBOM library."""

import argparse
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import archive_of_one
import first_start
import sbom

ROOT = Path(__file__).resolve().parents[2]

# The names that Lambda's `Architectures` uses.
TARGETS = {"arm64": "aarch64-unknown-linux-gnu", "x86_64": "x86_64-unknown-linux-gnu"}

# The package of the operator's tool, and its binary.
TOOL = ("guestpass-cli", "guestpass")

# Lambda fetches and unpacks a zip before a cold start. Without link-time optimisation, a zip is a quarter larger.
LARGEST_ZIP = {"release": 3_000_000, "no-lto": 3_750_000}

# 1 January 1980, as in the zips.
EPOCH = 315532800


def main() -> None:
    options = parse(sys.argv[1:])
    functions = sorted(path.parent.name for path in ROOT.glob("functions/*/Cargo.toml"))
    target = TARGETS[options.arch]
    need_standard_library(target)
    out = options.out.resolve()
    shutil.rmtree(out, ignore_errors=True)
    if options.debug:
        take_all(functions, options.debug, out)
    else:
        compile_all(functions, target, options.profile, out)
    started = first_start.start_all([out / name / "bootstrap" for name in functions], options.arch)
    trees = sbom.trees(ROOT, functions, target)
    level = archive_of_one.BEST if options.profile == "release" else archive_of_one.FAST
    rows = []
    for function in functions:
        bootstrap = out / function / "bootstrap"
        archive = out / f"{function}.zip"
        archive.write_bytes(archive_of_one.zipped("bootstrap", bootstrap.read_bytes(), level))
        bom = sbom.document(trees[function], function, sha256(archive))
        (out / f"{function}.cdx.json").write_text(bom, encoding="utf-8")
        rows.append((function, bootstrap.stat().st_size, archive.stat().st_size))
    tool = add_tool(options.tool or compile_tool(options.profile), out)
    write_sums(out)
    report(rows, tool, options, started)


def parse(arguments: list[str]) -> argparse.Namespace:
    own = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
    parser = argparse.ArgumentParser(description=__doc__, prog="infra/build/run")
    parser.add_argument("--arch", choices=TARGETS, default=own, help=f"the architecture of the functions (default: {own}, that of this machine)")
    parser.add_argument("--profile", choices=LARGEST_ZIP, default="release", help="no-lto takes a third of the time; its zips are larger")
    parser.add_argument("--tool", type=Path, metavar="FILE", help="takes this program as the operator's tool, and compiles none")
    parser.add_argument("--debug", type=Path, metavar="DIRECTORY", help="takes the debug programs in this directory, for tests, and compiles none")
    parser.add_argument("--out", type=Path, default=ROOT / "target" / "lambda", help="the directory of the artefacts (default: target/lambda)")
    options = parser.parse_args(arguments)
    if options.debug:
        options.profile, options.tool = "debug", options.debug / TOOL[1]
    return options


def need_standard_library(target: str) -> None:
    sysroot = output("rustc", "--print", "sysroot")
    if not Path(sysroot, "lib", "rustlib", target, "lib").is_dir():
        sys.exit(
            f"the Rust standard library for {target} is missing: run `rustup target add {target}` "
            "(its linker is installed with cargo-lambda), or build for another ARCH"
        )


def compile_all(functions: list[str], target: str, profile: str, out: Path) -> None:
    # Cargo.toml has the profiles; cargo-lambda's own would set `panic = "abort"`.
    command = ["cargo", "lambda", "build", "--locked", "--disable-optimizations"]
    command += ["--profile", profile, "--target", target, "--lambda-dir", str(out)]
    for function in functions:
        command += ["--package", function]
    subprocess.run(command, cwd=ROOT, env=environment(), check=True)
    missing = [name for name in functions if not (out / name / "bootstrap").is_file()]
    if missing:
        sys.exit(f"cargo lambda did not build {', '.join(missing)}")


def take_all(functions: list[str], programs: Path, out: Path) -> None:
    """Copies programs that are built already, without the symbols of a debug build."""
    for function in functions:
        bootstrap = out / function / "bootstrap"
        bootstrap.parent.mkdir(parents=True)
        subprocess.run(["strip", "-o", bootstrap, programs / function], check=True)


def compile_tool(profile: str) -> Path:
    """The operator's tool runs on this machine, so it is built for this machine."""
    package, binary = TOOL
    command = ["cargo", "build", "--locked", "--package", package, "--message-format", "json-render-diagnostics"]
    command += ["--profile", profile]
    stdout = subprocess.run(command, cwd=ROOT, env=environment(), check=True, stdout=subprocess.PIPE, text=True).stdout
    messages = [json.loads(line) for line in stdout.splitlines()]
    [path] = [one["executable"] for one in messages if one.get("executable") and one["target"]["name"] == binary]
    return Path(path)


def add_tool(program: Path, out: Path) -> Path:
    """Copies the operator's tool to the artefacts and writes its SBOM."""
    package, binary = TOOL
    tool = out / binary
    shutil.copy(program, tool)
    tree = sbom.trees(ROOT, [package], rustc()["host"])[package]
    bom = sbom.document(tree, binary, sha256(tool))
    (out / f"{binary}.cdx.json").write_text(bom, encoding="utf-8")
    return tool


def environment() -> dict[str, str]:
    """The compiler's environment, without paths of this machine that could get into a binary. Cargo
    itself names our own files relative to the workspace's root."""
    cargo_home = os.environ.get("CARGO_HOME") or str(Path.home() / ".cargo")
    sysroot = output("rustc", "--print", "sysroot")
    moved = [
        (cargo_home, "/cargo"),
        # The last matching prefix applies. This is the standard library's own name for itself.
        (f"{sysroot}/lib/rustlib/src/rust", f"/rustc/{rustc()['commit-hash']}"),
    ]
    variables = {
        name: value
        for name, value in os.environ.items()
        if name not in {"RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS", "RUSTC_WRAPPER", "CFLAGS"}
    }
    rust = [f"--remap-path-prefix={before}={after}" for before, after in moved]
    # With this separator, a path may contain a space.
    variables["CARGO_ENCODED_RUSTFLAGS"] = "\x1f".join(rust)
    variables["CFLAGS"] = " ".join(f"-ffile-prefix-map={before}={after}" for before, after in moved)
    variables["SOURCE_DATE_EPOCH"] = str(EPOCH)
    variables["TZ"] = "UTC"
    return variables


def rustc() -> dict[str, str]:
    """The compiler's version output."""
    lines = output("rustc", "--version", "--verbose").splitlines()[1:]
    return dict(line.split(": ", maxsplit=1) for line in lines)


def write_sums(out: Path) -> None:
    files = sorted(path for path in out.rglob("*") if path.is_file())
    lines = [f"{sha256(path)}  {path.relative_to(out).as_posix()}\n" for path in files]
    (out / "SHA256SUMS").write_text("".join(lines), encoding="utf-8")


def report(rows: list[tuple[str, int, int]], tool: Path, options: argparse.Namespace, started: str) -> None:
    width = max(len(name) for name, _, _ in rows)
    print(f"\n{'':{width}}  {'bootstrap':>10}  {'zip':>10}   {options.arch}, {options.profile}")
    for name, bootstrap, archive in rows:
        print(f"{name:{width}}  {mib(bootstrap):>10}  {mib(archive):>10}")
    print(f"{tool.name:{width}}  {mib(tool.stat().st_size):>10}              for this machine")
    print(f"\n{os.path.relpath(options.out, ROOT)}: a zip and an SBOM of each function, the operator's tool, and SHA256SUMS")
    print(started)
    limit = LARGEST_ZIP.get(options.profile)  # Debug programs have none.
    if limit and (large := [name for name, _, archive in rows if archive > limit]):
        sys.exit(f"zips over the limit of {limit / 1e6} MB, which would slow down cold starts: {', '.join(large)}")


def mib(size: int) -> str:
    return f"{size / 1024 / 1024:.2f} MiB"


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def output(*command: str) -> str:
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    main()
