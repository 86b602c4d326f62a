"""deny.toml refuses what must not become a dependency: cargo-deny finds it in workspaces that are made up."""

import os
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def package(name: str, license: str = "Apache-2.0", dependencies: str = "") -> str:
    return f'[package]\nname = "{name}"\nversion = "1.0.0"\nlicense = "{license}"\n[dependencies]\n{dependencies}'


class Dependencies(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.deny = subprocess.run([ROOT / "tests/audit/cargo-deny"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()

    def refusals(self, function: str, **crates: str) -> set[str]:
        """The codes of the errors about a workspace of a function and other crates."""
        with tempfile.TemporaryDirectory() as scratch:
            # A cache of its own, which does not stay.
            environment = {**os.environ, "CARGO_HOME": f"{scratch}/cargo", "SCRATCH": scratch}

            def run(*command: str) -> subprocess.CompletedProcess:
                return subprocess.run(command, cwd=scratch, env=environment, capture_output=True, text=True)

            for name, manifest in {"function": function, **crates}.items():
                source = Path(scratch, name, "src")
                source.mkdir(parents=True)
                source.joinpath("lib.rs").touch()
                Path(scratch, name, "Cargo.toml").write_text(manifest.replace("SCRATCH", scratch))
            Path(scratch, "Cargo.toml").write_text('[workspace]\nresolver = "3"\nmembers = ["function"]\nexclude = ["foreign"]\n')
            if "foreign" in crates:
                who = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"]
                for arguments in [["init"], ["add", "."], [*who, "commit", "--message", "x"]]:
                    self.assertEqual(run("git", "-C", "foreign", *arguments).returncode, 0)
            locked = run("cargo", "generate-lockfile")
            self.assertEqual(locked.returncode, 0, locked.stderr)
            arguments = ["--offline", "--config", str(ROOT / "deny.toml"), "--format", "json"]
            said = run(self.deny, *arguments, "check", "licenses", "bans", "sources").stderr
        codes = {"banned", "rejected", "source-not-allowed"}
        found = {code for code in codes if f'"code":"{code}"' in said.replace('": "', '":"')}
        self.assertIn("licenses", said)
        return found

    def test_s01_a_permitted_crate_is_not_refused(self):
        function = package("issue-access-token", dependencies='identity-store = { path = "../store" }')
        self.assertEqual(self.refusals(function, store=package("identity-store")), set())

    def test_s01_a_dependency_in_the_wrong_direction_is_refused(self):
        function = package("revoke-on-event", dependencies='aws-sdk-dynamodb = { path = "../sdk" }')
        self.assertEqual(self.refusals(function, sdk=package("aws-sdk-dynamodb")), {"banned"})

    def test_s01_a_second_tls_stack_is_refused(self):
        function = package("revoke-on-event", dependencies='openssl-sys = { path = "../tls" }')
        self.assertEqual(self.refusals(function, tls=package("openssl-sys")), {"banned"})

    def test_s01_a_licence_that_is_not_permitted_is_refused(self):
        function = package("revoke-on-event", dependencies='other = { path = "../other" }')
        self.assertEqual(self.refusals(function, other=package("other", license="GPL-3.0-only")), {"rejected"})

    def test_s01_a_crate_of_an_unknown_source_is_refused(self):
        function = package("revoke-on-event", dependencies='foreign = { git = "file://SCRATCH/foreign" }')
        self.assertEqual(self.refusals(function, foreign=package("foreign")), {"source-not-allowed"})


if __name__ == "__main__":
    unittest.main()
