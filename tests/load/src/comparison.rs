use std::{fmt, time::Duration};

use crate::{AcsCalls, Burst, BurstOutcome, LimitReading, MeasuredService, PredictedService};

/// The same burst against the real service and against the simulation.
#[derive(Clone, Copy, Debug)]
pub struct BurstComparison {
    /// How ACS counts.
    pub reading: LimitReading,
    /// The number of ACS resources.
    pub resources: usize,
    /// The number of users.
    pub users: u32,
    /// The outcome with the real service.
    pub measured: BurstOutcome,
    /// The outcome with the simulation.
    pub predicted: BurstOutcome,
}

impl BurstComparison {
    /// The titles of the columns of [`Display`](fmt::Display).
    pub const TITLE: &str = "                            99 % have a token       refused of ACS calls      \
                             visible failures\n\
                             reading resources       measured predicted       measured predicted       \
                             measured predicted";

    /// Measured and predicted times and numbers may differ by this factor.
    pub const FACTOR: f64 = 1.5;

    /// Plays the burst with this many resources whose documented limits are divided by `divisor`.
    pub fn play(
        burst: &Burst,
        reading: LimitReading,
        resources: usize,
        divisor: u16,
    ) -> Result<Self, String> {
        let measured = burst.play(&mut MeasuredService::start(resources, divisor, reading)?)?;
        let predicted = predict(burst, reading, resources, divisor)?;
        Ok(Self { reading, resources, users: burst.users, measured, predicted })
    }

    /// Whether measured and predicted outcome differ by at most [`FACTOR`](Self::FACTOR).
    #[must_use]
    pub fn is_close(&self) -> bool {
        let Self { measured, predicted, .. } = self;
        let is_time_close = match (measured.time_to_99, predicted.time_to_99) {
            (Some(measured), Some(predicted)) => {
                is_within_factor(measured.as_secs_f64(), predicted.as_secs_f64())
            }
            (measured, predicted) => measured == predicted,
        };
        // Small numbers are a matter of chance.
        let slack = f64::from(self.users) / 10.0;
        let is_count_close = |measured, predicted| {
            is_within_factor(number(measured) + slack, number(predicted) + slack)
        };
        is_time_close
            && is_count_close(measured.acs.refused, predicted.acs.refused)
            && is_count_close(measured.visible_failures, predicted.visible_failures)
    }
}

/// The predicted outcome. Its requests are so few that one process serves them, as in the stack;
/// with the documented limits, eight processes serve each resource.
pub fn predict(
    burst: &Burst,
    reading: LimitReading,
    resources: usize,
    divisor: u16,
) -> Result<BurstOutcome, String> {
    let processes = if divisor == 1 { 8 * resources } else { 1 };
    let limit = (DOCUMENTED_LIMIT / usize::from(divisor)).max(1);
    burst.play(&mut PredictedService::new(resources, processes, limit, reading))
}

fn is_within_factor(one: f64, other: f64) -> bool {
    one <= other * BurstComparison::FACTOR && other <= one * BurstComparison::FACTOR
}

#[expect(clippy::cast_precision_loss, reason = "far below 2⁵³")]
fn number(count: u64) -> f64 {
    count as f64
}

impl fmt::Display for BurstComparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { reading, resources, measured, predicted, .. } = self;
        write!(f, "{reading:<8}{resources:>9}")?;
        let texts: [fn(&BurstOutcome) -> String; 3] = [
            |outcome| time_text(outcome.time_to_99),
            |outcome| share_text(outcome.acs),
            |outcome| outcome.visible_failures.to_string(),
        ];
        for text in texts {
            write!(f, "{:>15}{:>10}", text(measured), text(predicted))?;
        }
        write!(f, "{}", if self.is_close() { "" } else { "   DIFFERS" })
    }
}

/// Minutes after the beginning.
#[must_use]
pub fn time_text(time: Option<Duration>) -> String {
    time.map_or("never".to_owned(), |time| format!("{:.0} min", time.as_secs_f64() / 60.0))
}

/// The share of the requests that ACS refused.
#[must_use]
pub fn share_text(AcsCalls { sent, refused }: AcsCalls) -> String {
    format!("{:.1} %", number(refused) / number(sent.max(1)) * 100.0)
}

const DOCUMENTED_LIMIT: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    const OUTCOME: BurstOutcome = BurstOutcome {
        time_to_99: Some(Duration::from_hours(1)),
        served: 990,
        visible_failures: 1_000,
        acs: AcsCalls { sent: 2_000, refused: 1_000 },
    };

    fn is_close(predicted: BurstOutcome) -> bool {
        let (reading, users) = (LimitReading::Kind, 1_000);
        let comparison = |measured, predicted| BurstComparison {
            reading,
            resources: 1,
            users,
            measured,
            predicted,
        };
        let both = [comparison(OUTCOME, predicted), comparison(predicted, OUTCOME)];
        let [one, other] = both.map(|comparison| comparison.is_close());
        assert_eq!(one, other);
        assert_eq!(!one, both[0].to_string().ends_with("DIFFERS"));
        one
    }

    #[test]
    fn outcomes_are_close_if_times_and_numbers_differ_by_at_most_the_factor() {
        let time =
            |minutes| BurstOutcome { time_to_99: Some(Duration::from_mins(minutes)), ..OUTCOME };
        assert!(is_close(OUTCOME) && is_close(time(90)) && is_close(time(40)));
        assert!(!is_close(time(91)) && !is_close(time(39)));
        assert!(!is_close(BurstOutcome { time_to_99: None, ..OUTCOME }));
        let failures = |visible_failures| BurstOutcome { visible_failures, ..OUTCOME };
        assert!(is_close(failures(1_550)) && !is_close(failures(1_551)));
        let refused = |refused| {
            let acs = AcsCalls { refused, ..OUTCOME.acs };
            BurstOutcome { acs, ..OUTCOME }
        };
        assert!(is_close(refused(1_550)) && !is_close(refused(1_551)));
    }

    #[test]
    fn outcomes_without_an_end_are_close_to_each_other() {
        let never = BurstOutcome { time_to_99: None, ..OUTCOME };
        let comparison = BurstComparison {
            reading: LimitReading::Kind,
            resources: 1,
            users: 1_000,
            measured: never,
            predicted: never,
        };
        assert!(comparison.is_close());
    }

    // The design depends on this: without holds, no user gets a token if refused requests count.
    #[test]
    fn with_holds_all_users_get_a_token_whatever_acs_counts() {
        let burst = Burst { users: 1_000, limit: Duration::from_hours(4), seed: 3 };
        for reading in LimitReading::ALL {
            let times = [1, 2, 4].map(|resources| {
                predict(&burst, reading, resources, 100).unwrap().time_to_99.unwrap()
            });
            assert!(times.is_sorted_by(|one, next| one >= next), "{reading}: {times:?}");
        }
    }
}
