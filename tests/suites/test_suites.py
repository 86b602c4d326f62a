"""The suites of `make test` run without a network, where the system permits it."""

import os
import re
import subprocess
import sys
import unittest
from pathlib import Path
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).parent))

import loopback_only  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
WRAPPER = "tests/suites/loopback_only.py"

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
        # tests/clients says why it does not.
        for suite in ["infra", "interop", "packages"]:
            self.assertIn("loopback_only.py", (ROOT / "tests" / suite / "run").read_text(), suite)


if __name__ == "__main__":
    unittest.main()
