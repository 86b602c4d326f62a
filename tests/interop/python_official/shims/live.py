"""A pytest plugin: skips the tests in `left_out.txt`, and reports which tests ran."""

import json
import os
import urllib.request
from pathlib import Path

LEFT_OUT = Path(__file__).parents[1] / "left_out.txt"


def pytest_configure(config):
    config.addinivalue_line("markers", "asyncio: the suite's name for its asynchronous tests")
    lines = LEFT_OUT.read_text(encoding="utf-8").splitlines()
    config.left_out = dict(line.split(": ", 1) for line in lines if not line.startswith("#"))
    config.left_out_counts = dict.fromkeys(config.left_out, 0)


def pytest_collection_modifyitems(config, items):
    kept, dropped = [], []
    for item in items:
        start = next((start for start in config.left_out if item.nodeid.startswith(start)), None)
        (kept if start is None else dropped).append(item)
        if start is not None:
            config.left_out_counts[start] += 1
    items[:] = kept
    config.hook.pytest_deselected(items=dropped)


def pytest_terminal_summary(terminalreporter, config):
    for start, count in config.left_out_counts.items():
        terminalreporter.write_line(f"left out: {count} of {start}, being {config.left_out[start]}")
    with open(os.environ["STACK_JSON"], encoding="utf-8") as file:
        acs = json.load(file)["acs"]
    # The count of the emulator: a test that calls nothing also passes.
    with urllib.request.urlopen(f"{acs['http']}/_emulator/requests", timeout=10) as answer:
        counts = json.load(answer)["counts"]
    called = ", ".join(f"{count} {operation}" for operation, count in counts.items() if count)
    terminalreporter.write_line(f"called: {called}")
