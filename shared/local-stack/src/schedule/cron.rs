//! The six fields of AWS's cron: minutes, hours, day of month, month, day of week, year.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use time::{Date, Duration, OffsetDateTime, Time, Weekday};

/// A set of minutes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cron {
    minutes: BTreeSet<u16>,
    hours: BTreeSet<u16>,
    days: Days,
    months: BTreeSet<u16>,
    years: BTreeSet<u16>,
}

/// AWS requires `?` in one of the two day fields, so there is only one day rule.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Days {
    OfMonth(BTreeSet<u16>),
    /// `L`
    LastOfMonth,
    /// `LW`
    LastWorkday,
    /// `15W`: the working day nearest to the 15th, in the same month.
    WorkdayNear(u16),
    /// Sunday is 1.
    OfWeek(BTreeSet<u16>),
    /// `6L`: the last Friday of the month.
    LastOf(u16),
    /// `3#2`: the second Tuesday of the month.
    Nth(u16, u16),
}

impl Cron {
    /// Parses the text between the brackets of `cron(…)`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, day, month, weekday, year] = fields.as_slice() else {
            return Err("cron(…) needs minutes, hours, day of month, month, day of week and year"
                .to_owned());
        };
        let days = match (*day, *weekday) {
            ("?", weekday) => of_week(weekday)?,
            (day, "?") => of_month(day)?,
            _ => return Err("either the day of month or the day of week must be ?".to_owned()),
        };
        Ok(Self {
            minutes: set(minutes, 0..=59, &[])?,
            hours: set(hours, 0..=23, &[])?,
            days,
            months: set(month, 1..=12, &MONTHS)?,
            years: set(year, YEARS, &[])?,
        })
    }

    /// The first matching time after `after`; `None` without such a time.
    pub(super) fn next(&self, after: OffsetDateTime) -> Option<OffsetDateTime> {
        let start = after.truncate_to_minute().checked_add(Duration::minutes(1))?;
        let mut date = start.date();
        let mut from = start.time();
        while date.year() <= i32::from(*YEARS.end()) {
            if !self.months.contains(&u16::from(u8::from(date.month()))) {
                date = last_of_month(date).next_day()?;
                from = Time::MIDNIGHT;
                continue;
            }
            if self.has_day(date)
                && let Some(time) = self.time(from)
            {
                return Some(date.with_time(time).assume_utc());
            }
            date = date.next_day()?;
            from = Time::MIDNIGHT;
        }
        None
    }

    fn has_day(&self, date: Date) -> bool {
        let year = u16::try_from(date.year()).unwrap_or(0);
        let (day, weekday) = (u16::from(date.day()), weekday(date));
        self.years.contains(&year)
            && match &self.days {
                Days::OfMonth(days) => days.contains(&day),
                Days::LastOfMonth => date == last_of_month(date),
                Days::LastWorkday => date == workday_near(last_of_month(date)),
                Days::WorkdayNear(near) => u8::try_from(*near)
                    .ok()
                    .and_then(|near| date.replace_day(near).ok())
                    .is_some_and(|near| date == workday_near(near)),
                Days::OfWeek(days) => days.contains(&weekday),
                Days::LastOf(last) => {
                    weekday == *last && date.day() + 7 > last_of_month(date).day()
                }
                Days::Nth(nth_weekday, nth) => weekday == *nth_weekday && day.div_ceil(7) == *nth,
            }
    }

    /// The first matching time of a day that is not before `from`.
    fn time(&self, from: Time) -> Option<Time> {
        self.hours.range(u16::from(from.hour())..).find_map(|hour| {
            let first = if *hour == u16::from(from.hour()) { from.minute() } else { 0 };
            let minute = self.minutes.range(u16::from(first)..).next()?;
            Time::from_hms(u8::try_from(*hour).ok()?, u8::try_from(*minute).ok()?, 0).ok()
        })
    }
}

fn of_month(text: &str) -> Result<Days, String> {
    match text {
        "L" => Ok(Days::LastOfMonth),
        "LW" => Ok(Days::LastWorkday),
        _ => match text.strip_suffix('W') {
            Some(day) => number(day, &(1..=31), &[]).map(Days::WorkdayNear),
            None => set(text, 1..=31, &[]).map(Days::OfMonth),
        },
    }
}

fn of_week(text: &str) -> Result<Days, String> {
    if let Some((day, nth)) = text.split_once('#') {
        return Ok(Days::Nth(number(day, &WEEK, &WEEKDAYS)?, number(nth, &(1..=5), &[])?));
    }
    match text.strip_suffix('L') {
        // The last day of the week.
        Some("") => Ok(Days::OfWeek(BTreeSet::from([7]))),
        Some(day) => number(day, &WEEK, &WEEKDAYS).map(Days::LastOf),
        None => set(text, WEEK, &WEEKDAYS).map(Days::OfWeek),
    }
}

/// `*`, `5`, `1-5`, `0/15`, `*/2`, and lists of these.
fn set(text: &str, all: RangeInclusive<u16>, names: &[&str]) -> Result<BTreeSet<u16>, String> {
    let mut set = BTreeSet::new();
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(number(step, &(1..=*all.end()), &[])?)),
            None => (part, None),
        };
        let range = match range.split_once('-') {
            _ if range == "*" => all.clone(),
            Some((first, last)) => number(first, &all, names)?..=number(last, &all, names)?,
            None => {
                let first = number(range, &all, names)?;
                first..=if step.is_some() { *all.end() } else { first }
            }
        };
        if range.is_empty() {
            return Err(format!("the range `{part}` is empty"));
        }
        set.extend(range.step_by(step.unwrap_or(1).into()));
    }
    Ok(set)
}

fn number(text: &str, all: &RangeInclusive<u16>, names: &[&str]) -> Result<u16, String> {
    (1..)
        .zip(names)
        .find(|(_, name)| name.eq_ignore_ascii_case(text))
        .map(|(number, _)| number)
        .or_else(|| text.parse().ok())
        .filter(|number| all.contains(number))
        .ok_or_else(|| format!("invalid value `{text}`: must be {} to {}", all.start(), all.end()))
}

/// Sunday is 1.
fn weekday(date: Date) -> u16 {
    u16::from(date.weekday().number_from_sunday())
}

fn last_of_month(date: Date) -> Date {
    date.replace_day(date.month().length(date.year())).unwrap_or(date)
}

/// The working day nearest to `date`, without leaving its month.
fn workday_near(date: Date) -> Date {
    let (before, after) = (date.previous_day(), date.next_day());
    let moved = match date.weekday() {
        Weekday::Saturday if date.day() == 1 => date.checked_add(Duration::days(2)),
        Weekday::Saturday => before,
        Weekday::Sunday if date == last_of_month(date) => date.checked_sub(Duration::days(2)),
        Weekday::Sunday => after,
        _ => Some(date),
    };
    moved.unwrap_or(date)
}

const YEARS: RangeInclusive<u16> = 1970..=2199;
const WEEK: RangeInclusive<u16> = 1..=7;
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    /// A Thursday.
    const AFTER: OffsetDateTime = datetime!(2026-01-01 10:15:30 UTC);

    fn times(text: &str) -> [String; 2] {
        let cron = Cron::parse(text).unwrap();
        let first = cron.next(AFTER).unwrap();
        [first, cron.next(first).unwrap()].map(|time| {
            let (date, time) = (time.date(), time.time());
            format!("{date} {:02}:{:02}", time.hour(), time.minute())
        })
    }

    #[test]
    fn the_next_times_are_those_of_the_calendar() {
        for (text, first, second) in [
            ("* * * * ? *", "2026-01-01 10:16", "2026-01-01 10:17"),
            ("0/20 9-10 * * ? *", "2026-01-01 10:20", "2026-01-01 10:40"),
            ("15 10 ? * * *", "2026-01-02 10:15", "2026-01-03 10:15"),
            ("0 18 ? * MON-FRI *", "2026-01-01 18:00", "2026-01-02 18:00"),
            ("0 8 1,15 * ? *", "2026-01-15 08:00", "2026-02-01 08:00"),
            ("5 8 31 * ? *", "2026-01-31 08:05", "2026-03-31 08:05"),
            ("0 0 L * ? *", "2026-01-31 00:00", "2026-02-28 00:00"),
            ("0 0 LW * ? *", "2026-01-30 00:00", "2026-02-27 00:00"),
            ("0 0 3W * ? *", "2026-01-02 00:00", "2026-02-03 00:00"),
            ("0 0 1W AUG ? *", "2026-08-03 00:00", "2027-08-02 00:00"),
            ("0 0 ? * 6L *", "2026-01-30 00:00", "2026-02-27 00:00"),
            ("0 0 ? * TUE#2 *", "2026-01-13 00:00", "2026-02-10 00:00"),
            ("0 0 ? * L *", "2026-01-03 00:00", "2026-01-10 00:00"),
            ("0 0 29 2 ? *", "2028-02-29 00:00", "2032-02-29 00:00"),
            ("0 0 1 1 ? 2030-2040/5", "2030-01-01 00:00", "2035-01-01 00:00"),
        ] {
            assert_eq!(times(text), [first, second], "{text}");
        }
    }

    #[test]
    fn an_expression_without_a_future_time_has_no_next_time() {
        assert_eq!(Cron::parse("0 0 1 1 ? 2025").unwrap().next(AFTER), None);
        assert_eq!(Cron::parse("0 0 31 2 ? *").unwrap().next(AFTER), None);
    }

    #[test]
    fn an_invalid_expression_is_refused() {
        for text in [
            "0 0 * * *",
            "0 0 * * * *",
            "60 0 * * ? *",
            "0 24 * * ? *",
            "0 0 32 * ? *",
            "0 0 ? * 8 *",
            "0 0 ? * MON#6 *",
            "0 0 5-1 * ? *",
            "0 0 x * ? *",
            "0/0 0 * * ? *",
        ] {
            assert!(Cron::parse(text).is_err(), "{text}");
        }
    }
}
