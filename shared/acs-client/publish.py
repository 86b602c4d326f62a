#!/usr/bin/env python3
"""Publishes acs-client and the crates that it needs on crates.io: publish.py <directory> [--execute |
--no-verify]. Without `--execute`, it only packs and compiles them (`cargo publish --dry-run`); with
`--no-verify`, it only packs them.

On crates.io, `identity-core` and `https-client` are crates of others, so three crates get another name there;
their libraries keep their names. Only these four crates are copied into the directory, and cargo publishes
them from there."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# The crates by the names of their folders, and their names on crates.io.
CRATES = {
    "trust-roots": "guestpass-trust-roots",
    "https-client": "guestpass-https-client",
    "identity-core": "guestpass-identity-core",
    "acs-client": "acs-client",
}


def main() -> None:
    copy = Path(sys.argv[1])
    copy.mkdir(parents=True)
    root = (ROOT / "Cargo.toml").read_text(encoding="utf-8")
    (copy / "Cargo.toml").write_text(workspace(root), encoding="utf-8")
    shutil.copy(ROOT / "Cargo.lock", copy)
    for folder, name in CRATES.items():
        shutil.copytree(ROOT / "shared" / folder, copy / "shared" / folder)
        shutil.copy(ROOT / "LICENSE", copy / "shared" / folder)
        manifest = copy / "shared" / folder / "Cargo.toml"
        manifest.write_text(crate(manifest.read_text(encoding="utf-8"), folder, name), encoding="utf-8")
    command = ["cargo", "publish", "--workspace"]
    options = sys.argv[2:]
    if "--execute" not in options:
        command.append("--dry-run")
    if "--no-verify" in options:
        command.append("--no-verify")
    sys.exit(subprocess.run(command, cwd=copy).returncode)


def workspace(manifest: str) -> str:
    """The root manifest with these crates as its only members, and with their names on crates.io."""
    version = re.search(r'^version = "(.+)"', manifest, re.MULTILINE)[1]
    manifest = replaced(r"^members = .*", 'members = ["shared/*"]', manifest)
    manifest = replaced(r"^publish = false", "publish = true", manifest)
    # What follows speeds up the tests of the other crates.
    manifest = manifest[: manifest.index("[profile.")]
    lines = []
    for line in manifest.splitlines():
        found = re.match(r'(\S+) = \{ path = "[^"]+"(.*) \}', line)
        if not found:
            lines.append(line)
        elif found[1] in CRATES:
            place = f'package = "{CRATES[found[1]]}", path = "shared/{found[1]}", version = "={version}"'
            lines.append(f"{found[1]} = {{ {place}{found[2]} }}")
    return "\n".join(lines) + "\n"


def crate(manifest: str, folder: str, name: str) -> str:
    """The manifest of a crate. Its tests need crates that are not published, so they are left out."""
    manifest = replaced(f'^name = "{folder}"$', f'name = "{name}"\nexclude = ["/tests", "/publish.py"]', manifest)
    manifest = re.sub(r"^\[dev-dependencies\]\n(?:\S.*\n)*", "", manifest, flags=re.MULTILINE)
    return f'{manifest}\n[lib]\nname = "{folder.replace("-", "_")}"\n'


def replaced(pattern: str, by: str, text: str) -> str:
    changed, count = re.subn(pattern, by, text, flags=re.MULTILINE)
    if count != 1:
        raise ValueError(f"a manifest has {count} lines like {pattern}")
    return changed


if __name__ == "__main__":
    main()
