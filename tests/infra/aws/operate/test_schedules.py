"""The longest interval of the cleanup's schedule, of which CleanupMissingHours must be two."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[4] / "infra/deploy"))

from schedules import longest_interval  # noqa: E402


@pytest.mark.parametrize(
    "schedule, hours",
    [
        ("rate(1 hour)", 1),
        ("rate(30 minutes)", 0.5),
        ("rate(2 days)", 48),
        ("cron(0 * * * ? *)", 1),
        ("cron(0/15 * * * ? *)", 0.25),
        ("cron(0 3 * * ? *)", 24),
        ("cron(30 1,5,20 ? * * *)", 15),
        # The night between two days of work hours.
        ("cron(0 8-18/2 * * ? *)", 14),
        ("cron(0 3 ? * MON-FRI *)", 72),
        ("cron(0 3 ? * 2,4,6 *)", 72),
        ("cron(0 3 ? * SUN 2027-2030)", 7 * 24),
        ("cron(0 3 1 * ? *)", 31 * 24),
        # From the 29th to the 1st, and from the 28th in other years.
        ("cron(0 0 1/2 * ? *)", 48),
        ("cron(0 0 1 jan ? *)", 366 * 24),
    ],
)
def test_it_is_that_of_the_longest_break(schedule, hours):
    assert longest_interval(schedule) == pytest.approx(hours)


@pytest.mark.parametrize(
    "schedule",
    [
        "at(2027-01-01T00:00:00)", "cron(0 3 L * ? *)", "cron(0 3 15W * ? *)", "cron(0 3 ? * 2#1 *)", "cron(0 3 * * ?)",
        "cron(0 24 * * ? *)", "cron(60 0 * * ? *)", "cron(a * * * ? *)", "cron(0/0 * * * ? *)", "cron(5-1 * * * ? *)", "rate(x)",
        "cron(0 0 31 FEB ? *)",
    ],
)
def test_it_is_unknown_for_other_expressions(schedule):
    assert longest_interval(schedule) is None
