#!/usr/bin/env python3
"""Makes some targets, two at a time and in this order, and says how long each took:

    tests/suites/side_by_side.py infra e2e unit …

The first one should take longest. Make's own `-j2` begins with the targets that need no other one. What a target
prints is shown when it ends. After a failure, no other target begins."""

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

AT_ONCE = 2
MAKE = [os.environ.get("MAKE", "make"), "--no-print-directory"]

running: list[subprocess.Popen] = []
has_failed = threading.Event()
printing = threading.Lock()


def main() -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with ThreadPoolExecutor(AT_ONCE) as workers:
            list(workers.map(make, sys.argv[1:]))
    except KeyboardInterrupt:
        has_failed.set()
        for process in running:
            process.terminate()
        sys.exit(130)
    sys.exit(1 if has_failed.is_set() else 0)


def make(target: str) -> None:
    if has_failed.is_set():
        return
    begun = time.monotonic()
    with subprocess.Popen([*MAKE, target], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        running.append(process)
        output = process.communicate()[0].decode(errors="replace")
    if process.returncode:
        has_failed.set()
    with printing:
        verdict = "FAILED" if process.returncode else "done"
        print(f"{output}\nmake {target}: {verdict} after {time.monotonic() - begun:.0f} s\n", flush=True)


if __name__ == "__main__":
    main()
