"""Tests that are known to fail, each with what is missing. They still run: one that passes
is shown as such, and its line goes."""

import pytest

KNOWN = {
    "keeps[t07_all_batches_of_events_together": "a batch of events has no pace of its own yet",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for part, missing in KNOWN.items():
            if part in item.nodeid:
                item.add_marker(pytest.mark.xfail(reason=missing, strict=False))
