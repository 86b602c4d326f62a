//! `rate(…)`, `cron(…)` and `at(…)`, as EventBridge writes them; all in UTC.

use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

use super::cron::Cron;

/// When a schedule is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ScheduleExpression {
    text: String,
    kind: ExpressionKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum ExpressionKind {
    /// A number of seconds, counted from the start of the stack.
    Rate(i64),
    Cron(Box<Cron>),
    Once(OffsetDateTime),
}

impl ScheduleExpression {
    /// Parses an expression. The error says what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (kind, argument) = text
            .trim()
            .strip_suffix(')')
            .and_then(|text| text.split_once('('))
            .ok_or("must be rate(…), cron(…) or at(…)")?;
        let kind = match kind {
            "rate" => ExpressionKind::Rate(seconds(argument)?),
            "cron" => ExpressionKind::Cron(Box::new(Cron::parse(argument)?)),
            "at" => PrimitiveDateTime::parse(argument, AT)
                .map(|at| ExpressionKind::Once(at.assume_utc()))
                .map_err(|_| "at(…) needs a time like 2026-01-02T03:04:05")?,
            _ => return Err(format!("unsupported {kind}(…): must be rate, cron or at")),
        };
        Ok(Self { text: text.trim().to_owned(), kind })
    }

    /// The next due time after `after`; a rate is counted from `origin`.
    pub(crate) fn next(
        &self,
        origin: OffsetDateTime,
        after: OffsetDateTime,
    ) -> Option<OffsetDateTime> {
        match &self.kind {
            ExpressionKind::Rate(seconds) => {
                let passed = (after - origin).whole_seconds().max(0) / seconds;
                origin.checked_add(time::Duration::seconds(seconds.checked_mul(passed + 1)?))
            }
            ExpressionKind::Cron(cron) => cron.next(after),
            ExpressionKind::Once(at) => Some(*at).filter(|at| *at > after),
        }
    }

    /// The last due time that is not later than `now` and is after `after`.
    pub(crate) fn latest(
        &self,
        origin: OffsetDateTime,
        after: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Option<OffsetDateTime> {
        let next = |after| self.next(origin, after).filter(|due| *due <= now);
        let after = match &self.kind {
            // This does not iterate over the due times: there may be millions.
            ExpressionKind::Rate(seconds) => {
                after.max(now - time::Duration::seconds(seconds.saturating_add(1)))
            }
            _ => after,
        };
        let mut latest = next(after)?;
        while let Some(due) = next(latest) {
            latest = due;
        }
        Some(latest)
    }
}

impl std::fmt::Display for ScheduleExpression {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

/// `5 minutes`; the unit is singular after 1, and only then.
fn seconds(text: &str) -> Result<i64, String> {
    let problem = || format!("invalid rate({text}): must be like rate(1 hour) or rate(5 minutes)");
    let (value, unit) = text.split_once(' ').ok_or_else(problem)?;
    let value: i64 = value.parse().ok().filter(|value| *value > 0).ok_or_else(problem)?;
    let seconds = match (value, unit) {
        (1, "minute") | (2.., "minutes") => 60,
        (1, "hour") | (2.., "hours") => 3600,
        (1, "day") | (2.., "days") => 24 * 3600,
        _ => return Err(problem()),
    };
    value.checked_mul(seconds).ok_or_else(problem)
}

const AT: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]");

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const ORIGIN: OffsetDateTime = datetime!(2026-01-01 00:00:30 UTC);

    fn due(text: &str, after: OffsetDateTime) -> Option<OffsetDateTime> {
        ScheduleExpression::parse(text).unwrap().next(ORIGIN, after)
    }

    #[test]
    fn a_rate_counts_from_its_origin() {
        for (text, after, next) in [
            ("rate(1 hour)", ORIGIN, datetime!(2026-01-01 01:00:30 UTC)),
            (
                "rate(1 hour)",
                datetime!(2026-01-01 01:00:30 UTC),
                datetime!(2026-01-01 02:00:30 UTC),
            ),
            (
                "rate(5 minutes)",
                datetime!(2026-01-01 00:07 UTC),
                datetime!(2026-01-01 00:10:30 UTC),
            ),
            ("rate(2 days)", ORIGIN, datetime!(2026-01-03 00:00:30 UTC)),
        ] {
            assert_eq!(due(text, after), Some(next), "{text} after {after}");
        }
    }

    #[test]
    fn an_at_expression_is_due_once() {
        let at = datetime!(2026-03-04 05:06:07 UTC);
        assert_eq!(due("at(2026-03-04T05:06:07)", ORIGIN), Some(at));
        assert_eq!(due("at(2026-03-04T05:06:07)", at), None);
    }

    #[test]
    fn only_the_latest_of_many_missed_times_is_due() {
        let now = datetime!(2027-01-01 00:59 UTC);
        for (text, latest) in [
            ("rate(1 hour)", datetime!(2027-01-01 00:00:30 UTC)),
            ("cron(15 10 ? * MON *)", datetime!(2026-12-28 10:15 UTC)),
            ("at(2026-03-04T05:06:07)", datetime!(2026-03-04 05:06:07 UTC)),
        ] {
            let expression = ScheduleExpression::parse(text).unwrap();
            assert_eq!(expression.latest(ORIGIN, ORIGIN, now), Some(latest), "{text}");
            assert_eq!(expression.latest(ORIGIN, latest, latest), None, "{text}");
        }
    }

    #[test]
    fn an_invalid_expression_is_refused() {
        for text in [
            "1 hour",
            "rate(1 hours)",
            "rate(2 hour)",
            "rate(0 minutes)",
            "rate(1 week)",
            "rate(1)",
            "at(tomorrow)",
            "every(1 hour)",
            "cron(* * * * *)",
            "",
        ] {
            assert!(ScheduleExpression::parse(text).is_err(), "{text}");
        }
    }
}
