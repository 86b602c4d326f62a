"""Tests of the scripts that name and pack the files of a release."""

import re
import subprocess
import sys
import tempfile
import tomllib
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "infra" / "build"))
sys.path.insert(0, str(ROOT / "shared" / "acs-emulator" / "packages"))

import binaries  # noqa: E402
import build  # noqa: E402

WORKFLOW = (ROOT / ".github" / "workflows" / "release.yml").read_text()
BUILT = re.findall(r"target: (\S+), programs: ([a-z -]+) }", WORKFLOW)


def binstall(package: str, target: str) -> str:
    """The name of the archive that `cargo binstall` downloads."""
    manifest = tomllib.loads((ROOT / "shared" / package / "Cargo.toml").read_text())
    settings = manifest["package"]["metadata"]["binstall"]
    settings |= settings.get("overrides", {}).get(target, {})
    [binary] = [name for name, of in binaries.PROGRAMS.items() if of == package]
    values = {"bin": binary, "version": binaries.VERSION, "target": target, "archive-suffix": f".{settings['pkg-fmt']}"}
    name = settings["pkg-url"].rsplit("/", 1)[1]
    return re.sub(r"\{ (\S+) \}", lambda found: values[found[1]], name)


class Release(unittest.TestCase):
    def test_binstall_downloads_the_archives_that_the_workflow_builds(self):
        self.assertEqual(len(BUILT), 5)
        for target, programs in BUILT:
            for name in programs.split():
                self.assertEqual(binstall(binaries.PROGRAMS[name], target), binaries.archive_name(name, target))

    def test_the_readme_says_whether_binstall_can_find_a_release(self):
        emulator = ROOT / "shared" / "acs-emulator"
        is_named = "repository" in tomllib.loads((emulator / "Cargo.toml").read_text())["package"]
        [claim] = [line for line in (emulator / "README.md").read_text().splitlines() if "cargo binstall" in line]
        self.assertEqual("once one is published" in claim, not is_named, claim)

    def test_a_release_waits_for_the_crates_to_be_packed_and_compiled(self):
        needs = re.search(r"^  release:\n    needs: \[(.*)\]$", WORKFLOW, re.MULTILINE)[1].split(", ")
        [job] = re.findall(r"^  (\w+):\n(?:    .*\n)*?      - run: make crates$", WORKFLOW, re.MULTILINE)
        self.assertIn(job, needs)

    def test_the_workflow_builds_the_emulator_for_each_platform_of_the_packages(self):
        targets = {target for target, programs in BUILT if "acs-emulator" in programs}
        source = (ROOT / "infra" / "build" / "release.py").read_text()
        platforms = dict(re.findall(r'"(\S+)": "((?:linux|darwin|win32)-\S+)"', source))
        self.assertEqual(set(platforms), targets)
        self.assertEqual(set(platforms.values()), set(build.PLATFORMS))

    def test_a_dynamic_binary_is_refused(self):
        with tempfile.TemporaryDirectory() as scratch:
            command = [sys.executable, "-B", build.__file__, scratch, f"linux-x64={Path('/bin/sh').resolve()}"]
            refused = subprocess.run(command, capture_output=True, text=True)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("linked dynamically", refused.stderr)

    def test_an_unknown_platform_is_refused(self):
        command = [sys.executable, "-B", build.__file__, "/missing", "plan9-x64=/bin/sh"]
        with tempfile.TemporaryDirectory() as scratch:
            command[3] = scratch
            refused = subprocess.run(command, capture_output=True, text=True)
        self.assertIn("invalid argument plan9-x64=/bin/sh: expected <platform>=<binary>", refused.stderr)

    def test_the_same_binary_gives_the_same_archive(self):
        for as_zip in [False, True]:
            first, second = (binaries.packed(Path("/bin/sh"), as_zip) for _ in range(2))
            self.assertEqual(first, second)


if __name__ == "__main__":
    unittest.main()
