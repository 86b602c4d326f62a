"""The suites of `make test` run without a network, where the system permits it."""

import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).parent))

import loopback_only  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
WRAPPER = "tests/suites/loopback_only.py"

# What runs tests in a runner: a suite, and the programs.
PROGRAM = re.compile(r"\bpytest\b|\bunittest\b|\bnode --test\b|\btest_\w+\.py\b|\$\{run_kotlin\[@\]\}")
SUITE = re.compile(r"^(\w+_)?suite (?P<name>[\w-]+) ")
# The wrapper, as the first word of the same command.
WRAPPED = re.compile(r'loopback_only(\.py)?" [^|&;]*$')
# From here on, the whole runner is without a network.
AGAIN = '[[ ${LOOPBACK_ONLY-} ]] || { rm -rf "$scratch"; exec "$here/../suites/loopback_only.py" "$here/run" "$bin"; }'
# They use the stack of Chromium, which has no network state in a namespace with loopback only.
BESIDE_CHROMIUM = ["credential", "kotlin-live", "browser", "guests", "journey", "console", "snippets"]

# 192.0.2.1 is reserved for documentation, so nothing answers there.
CONNECT = """
import socket
for family, address in [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]:
    with socket.socket(family) as server:
        server.bind((address, 0))
        server.listen()
        socket.create_connection(server.getsockname()[:2], 5).close()
try:
    socket.create_connection(("192.0.2.1", 80), 5)
    print("connected")
except OSError as error:
    print(error.strerror)
"""


def own_environment() -> dict[str, str]:
    """The environment without what a runner around this test has set."""
    return {name: value for name, value in os.environ.items() if name != loopback_only.VARIABLE}


def with_network(runner: str) -> list[str]:
    """The names of the suites, or the commands, that run tests with the network in the text of a runner."""
    found = []
    for command in re.sub(r"\\\n\s*", " ", runner).split("\n"):
        command = command.strip()
        if command == AGAIN:
            break
        if command.startswith("#"):
            continue
        suite, programs = SUITE.search(command), list(PROGRAM.finditer(command))
        # The words of a suite that starts none of these programs are unknown.
        if (suite and not programs) or not all(WRAPPED.search(command[:one.start()]) for one in programs):
            found.append(suite["name"] if suite else command)
    return found


class WithoutNetwork(unittest.TestCase):
    def test_s06_only_loopback_can_be_reached(self):
        if problem := loopback_only.problem_of_child():
            self.skipTest(problem)
        command = [ROOT / WRAPPER, sys.executable, "-c", CONNECT]
        ran = subprocess.run(command, env=own_environment(), capture_output=True, text=True)
        self.assertEqual((ran.returncode, ran.stdout, ran.stderr), (0, "Network is unreachable\n", ""))

    def test_s06_a_system_that_does_not_permit_it_is_reported_and_keeps_its_network(self):
        refusal = PermissionError(1, "Operation not permitted")
        with patch.object(loopback_only, "unshare", side_effect=refusal), patch.dict(os.environ, clear=True):
            problem = loopback_only.leave_network()
            self.assertIn("does not permit network namespaces: [Errno 1] Operation not permitted", problem)
            self.assertEqual(os.environ[loopback_only.VARIABLE], "no")

    def test_s06_the_result_of_the_command_is_kept(self):
        command = [ROOT / WRAPPER, "sh", "-c", "echo $LOOPBACK_ONLY; exit 7"]
        ran = subprocess.run(command, env=own_environment() | {"LOOPBACK_ONLY": "no"}, capture_output=True, text=True)
        self.assertEqual((ran.returncode, ran.stdout), (7, "no\n"))

    def test_s06_every_test_of_the_makefile_runs_without_a_network(self):
        makefile = (ROOT / "Makefile").read_text()
        self.assertRegex(makefile, rf"(?m)^LOOPBACK +:= {WRAPPER}$")
        recipes = re.findall(r"^\t(.*)$", makefile, re.MULTILINE)
        runs = [recipe for recipe in recipes if "--no-run" not in recipe]
        tests = [recipe for recipe in runs if re.search(r"\$\(CARGO\) test|pytest|unittest", recipe)]
        # This test starts the wrapper itself.
        self.assertEqual([one for one in tests if "$(LOOPBACK) " not in one], ["@python3 -B -m unittest discover -q tests/suites"])

    def test_s06_every_runner_of_other_tests_runs_them_without_a_network(self):
        for suite, uses in {"infra": 1, "interop": 1, "packages": 3, "clients": 3}.items():
            text = (ROOT / "tests" / suite / "run").read_text()
            kept = BESIDE_CHROMIUM if suite == "clients" else []
            self.assertEqual(with_network(text), kept, suite)
            # Without the wrapper of any command, something is reported.
            wrapper = re.compile(r'"\$(?:loopback_only|\w+/(?:\.\./|tests/)suites/loopback_only\.py)" ')
            wrapped = list(wrapper.finditer(text))
            self.assertEqual(len(wrapped), uses, suite)
            for one in wrapped:
                self.assertNotEqual(with_network(text[: one.start()] + text[one.end() :]), kept, text[one.start() :][:80])


class SideBySide(unittest.TestCase):
    def made(self, makefile: str, *targets: str) -> subprocess.Popen:
        """The runner of these targets, in a directory with this Makefile and two named pipes."""
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.place = Path(place.name)
        (self.place / "Makefile").write_text(makefile)
        for name in ["one", "two"]:
            os.mkfifo(self.place / name)
        command = [ROOT / "tests/suites/side_by_side.py", *targets]
        return subprocess.Popen(command, cwd=place.name, stdout=subprocess.PIPE, text=True)

    def test_two_targets_run_at_the_same_time(self):
        # Each one waits for the other.
        process = self.made("left:\n\t@echo x >one; cat two\nright:\n\t@cat one; echo x >two\n", "left", "right")
        output = process.communicate(timeout=60)[0]
        self.assertEqual(process.returncode, 0, output)
        for target in ["left", "right"]:
            self.assertRegex(output, f"make {target}: done after [0-9]+ s")

    def test_a_runner_that_is_told_to_stop_stops_what_it_runs(self):
        waits = "\t@echo begun >one; cat two\n"
        process = self.made(f"left:\n{waits}right:\n{waits}never:\n\t@echo begun\n", "left", "right", "never")
        self.addCleanup(process.kill)
        self.assertEqual((self.place / "one").read_text()[:5], "begun")
        process.terminate()
        output = process.communicate(timeout=60)[0]
        self.assertEqual(process.returncode, 130, output)
        self.assertNotIn("begun", output)

    def test_what_survives_the_first_signal_is_stopped_too(self):
        # A shell whose second `cat` begins after the signal, as one that make had not started yet.
        process = self.made("left:\n\t@trap 'trap - TERM' TERM; echo begun >one; cat two; cat two\n", "left")
        self.addCleanup(process.kill)
        self.assertEqual((self.place / "one").read_text(), "begun\n")
        process.terminate()
        output = process.communicate(timeout=60)[0]
        self.assertEqual(process.returncode, 130, output)

    def test_after_a_failure_no_other_target_begins_and_the_one_that_runs_ends(self):
        process = self.made("slow:\n\t@cat one\nbad:\n\t@echo why; exit 3\nnever:\n\t@echo begun\n", "slow", "bad", "never")
        output = ""
        while "make bad: FAILED" not in output:
            line = process.stdout.readline()
            self.assertTrue(line, output)
            output += line
        (self.place / "one").write_text("slow ended\n")
        output += process.communicate(timeout=60)[0]
        self.assertEqual(process.returncode, 1, output)
        self.assertIn("why\n", output)
        self.assertIn("slow ended\n", output)
        self.assertNotIn("begun", output)


if __name__ == "__main__":
    unittest.main()
