"""The steps of `make test` share their builds of dependencies: with other features, a dependency is compiled again."""

import re
import subprocess
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TREE = ["cargo", "--locked", "tree", "--prefix", "none", "--format", "{p} {f}"]


def dependencies(*arguments: str) -> set[str]:
    """The versions of packages that are not ours, and their features."""
    lines = subprocess.run([*TREE, *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    return {line.removesuffix(" (*)").strip() for line in lines if line and str(ROOT) not in line}


def arguments(target: str, verb: str) -> list[str]:
    """The packages and features of the last command of cargo with this verb for a target of make."""
    recipe = subprocess.run(["make", "-n", target], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    command = re.findall(rf"^.*\bcargo --locked {verb} (.*)$", recipe, re.MULTILINE)[-1]
    return re.findall(r"--workspace|--no-default-features|-p \S+|--features \S+", command.split(" -- ")[0])


class SharedBuilds(unittest.TestCase):
    def test_a_dependency_has_the_same_features_in_all_steps(self):
        in_tests = dependencies("--workspace", "--edges", "normal,build,dev")
        self.assertGreater(len(in_tests), 200)
        for target, verb in [("binaries", "build"), ("lint", "doc"), ("format-and-clippy", "clippy")]:
            words = [word for one in arguments(target, verb) for word in one.split()]
            others = dependencies(*words, "--edges", "normal,build") - in_tests
            self.assertEqual(others, set(), f"make {target}: the feature `as-in-tests` of the harness must choose other features")


if __name__ == "__main__":
    unittest.main()
