#!/usr/bin/env python3
"""Makes some targets, two at a time and in this order, and says how long each took:

    tests/suites/side_by_side.py infra e2e unit …

The first one should take longest. Make's own `-j2` begins with the targets that need no other one. What a target
prints is shown when it ends. After a failure, no other target begins."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait

AT_ONCE = 2
MAKE = [os.environ.get("MAKE", "make"), "--no-print-directory"]

running: list[subprocess.Popen] = []
has_failed = threading.Event()
is_told_to_stop = threading.Event()
printing = threading.Lock()


def main() -> None:
    for ends in [signal.SIGTERM, signal.SIGHUP]:
        signal.signal(ends, signal.default_int_handler)
    with ThreadPoolExecutor(AT_ONCE) as workers:
        made = []
        try:
            made += [workers.submit(make, target) for target in sys.argv[1:]]
            wait(made)
        except KeyboardInterrupt:
            has_failed.set()
            is_told_to_stop.set()
            # Until all have ended: a shell that make starts at this moment does not get the signal.
            while True:
                for process in list(running):
                    stop(process)
                if not wait(made, timeout=1).not_done:
                    sys.exit(130)
    for one in made:
        one.result()
    sys.exit(1 if has_failed.is_set() else 0)


def make(target: str) -> None:
    if has_failed.is_set():
        return
    begun = time.monotonic()
    # A group of its own: what `make` started must end with it, and would keep the pipe open.
    with subprocess.Popen(
        [*MAKE, target],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as process:
        running.append(process)
        if is_told_to_stop.is_set():  # While this one began.
            stop(process)
        output = process.communicate()[0].decode(errors="replace")
        running.remove(process)
    if process.returncode:
        has_failed.set()
    with printing:
        verdict = "FAILED" if process.returncode else "done"
        print(f"{output}\nmake {target}: {verdict} after {time.monotonic() - begun:.0f} s\n", flush=True)


def stop(process: subprocess.Popen) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)


if __name__ == "__main__":
    main()
