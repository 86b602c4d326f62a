//! A budget of requests per second, which is used completely and never exceeded.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Gives out one slot after the other.
pub(crate) struct BulkPace {
    period: Duration,
    next: Instant,
}

impl BulkPace {
    /// Starts now with this number of slots per second.
    pub(crate) fn per_second(rate: f64) -> Self {
        Self { period: Duration::from_secs_f64(1.0 / rate), next: Instant::now() }
    }

    /// Waits for the next slot. Take it with [`take`](Self::take).
    pub(crate) async fn slot(&self) {
        sleep_until(self.next).await;
    }

    /// Takes the slot.
    ///
    /// Up to a second of missed slots can be made up for, so that a slow response does not waste
    /// the budget. ACS counts over half a minute, and in that time this is not a burst.
    pub(crate) fn take(&mut self) {
        let oldest = Instant::now().checked_sub(CATCH_UP).unwrap_or(self.next);
        self.next = self.next.max(oldest) + self.period;
    }

    /// Gives out no slot for a while.
    pub(crate) fn hold(&mut self, pause: Duration) {
        self.next = self.next.max(Instant::now() + pause);
    }
}

const CATCH_UP: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_slow_taker_loses_nothing_and_a_second_at_most_is_made_up_for() {
        let started = Instant::now();
        let mut pace = BulkPace::per_second(8.0);
        for slot in 0..80 {
            pace.slot().await;
            pace.take();
            if slot % 8 == 0 {
                tokio::time::advance(Duration::from_millis(500)).await;
            }
        }
        let took = started.elapsed().as_secs_f64();
        assert!((9.8..=10.2).contains(&took), "80 slots at 8/s took {took} s");
        tokio::time::advance(Duration::from_mins(1)).await;
        let resumed = Instant::now();
        for _ in 0..17 {
            pace.slot().await;
            pace.take();
        }
        assert!(resumed.elapsed() >= Duration::from_millis(900), "a burst after a pause");
    }

    /// Simulates deletions: each takes a while, and up to 32 run at once.
    #[tokio::test(start_paused = true)]
    async fn a_minute_of_slow_deletions_uses_the_budget_and_no_half_minute_exceeds_it() {
        for (rate, takes) in [(8.0, 250), (16.0, 600)] {
            let mut pace = BulkPace::per_second(rate);
            let (started, mut begun) = (Instant::now(), Vec::new());
            let mut running = tokio::task::JoinSet::new();
            while started.elapsed() < Duration::from_mins(1) {
                if running.len() == 32 {
                    running.join_next().await;
                }
                pace.slot().await;
                pace.take();
                begun.push(started.elapsed().as_secs_f64());
                running.spawn(tokio::time::sleep(Duration::from_millis(takes)));
            }
            let count = |times: &[f64]| f64::from(u32::try_from(times.len()).unwrap());
            assert!(count(&begun) >= 0.95 * rate * 60.0, "{} at {rate}/s", begun.len());
            for (place, first) in begun.iter().enumerate() {
                let of_half_a_minute = begun[place..].partition_point(|time| *time < first + 30.0);
                let asked = count(&begun[place..place + of_half_a_minute]);
                // The limit of ACS for all clients together.
                assert!(asked <= rate * 30.0 + 1.0 && asked <= 500.0, "{asked} at {rate}/s");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_goes_on_while_it_is_held() {
        let mut pace = BulkPace::per_second(8.0);
        let started = Instant::now();
        pace.hold(Duration::from_secs(5));
        pace.slot().await;
        assert!(started.elapsed() >= Duration::from_secs(5));
    }
}
