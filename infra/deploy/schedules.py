"""The longest time between two runs of a schedule of EventBridge Scheduler."""

import re
from datetime import date, timedelta

MONTHS = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split()
WEEKDAYS = "SUN MON TUE WED THU FRI SAT".split()
HOURS = {"minute": 1 / 60, "hour": 1, "day": 24}


def longest_interval(schedule: str) -> float | None:
    """In hours. None for a time, for an expression that Scheduler refuses, and for days like the last one of a month."""
    if every := re.fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", schedule):
        return int(every[1]) * HOURS[every[2]]
    fields = schedule.removeprefix("cron(").removesuffix(")").split() if schedule.startswith("cron(") else []
    if len(fields) != 6:
        return None
    try:
        return of_cron(*fields[:5])
    except ValueError:
        return None


def of_cron(minutes: str, hours: str, day: str, month: str, weekday: str) -> float | None:
    """The year is not read: it is nearly always `*`."""
    times = sorted(60 * hour + minute for hour in values(hours, 0, 23) for minute in values(minutes, 0, 59))
    months, days = values(month, 1, 12, MONTHS), values(day, 1, 31)
    # Sunday is 1.
    weekdays = {(number - 2) % 7 for number in values(weekday, 1, 7, WEEKDAYS)}
    # Five years have a leap day, and each weekday on each day of a month.
    dates = [date(2027, 1, 1) + timedelta(days=number) for number in range(5 * 366)]
    matching = [one for one in dates if one.month in months and one.day in days and one.weekday() in weekdays]
    within = [later - earlier for earlier, later in zip(times, times[1:])]
    between = [(later - earlier).days * 24 * 60 - times[-1] + times[0] for earlier, later in zip(matching, matching[1:])]
    return max(within + between) / 60 if between else None


def values(field: str, least: int, most: int, names: list[str] | None = None) -> set[int]:
    """The numbers of a field. Raises ValueError for others, such as L, W and #."""
    found = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        if span in ("*", "?"):
            first, last = str(least), str(most)
        start = number(first, least, most, names)
        end = number(last, least, most, names) if last else most if step else start
        found |= set(range(start, end + 1, int(step or 1)))
    if not found:
        raise ValueError(field)
    return found


def number(text: str, least: int, most: int, names: list[str] | None) -> int:
    found = names.index(text.upper()) + least if names and text.upper() in names else int(text)
    if not least <= found <= most:
        raise ValueError(text)
    return found
