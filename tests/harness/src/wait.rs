use std::{
    thread,
    time::{Duration, Instant},
};

use tokio::time::{MissedTickBehavior, interval};

/// Waits until the condition holds, and returns `false` if it does not hold within the limit.
#[must_use]
pub fn wait_until(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    loop {
        if condition() {
            return true;
        }
        if Instant::now() > deadline {
            return false;
        }
        thread::park_timeout(BETWEEN_LOOKS);
    }
}

/// [`wait_until`] for a condition that has to be awaited. The other tasks continue meanwhile.
#[must_use]
pub async fn wait_until_async(limit: Duration, mut condition: impl AsyncFnMut() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    let mut looks = interval(BETWEEN_LOOKS);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await; // The first one is at once.
        if condition().await {
            return true;
        }
        if Instant::now() > deadline {
            return false;
        }
    }
}

/// The time between two looks. Without it, the wait would take a core from what it waits for.
const BETWEEN_LOOKS: Duration = Duration::from_millis(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_ends_when_the_condition_holds_or_the_time_is_over() {
        let mut calls = 0;
        let third_call = || {
            calls += 1;
            calls == 3
        };
        assert!(wait_until(Duration::from_mins(1), third_call));
        assert!(!wait_until(Duration::ZERO, || false));
        assert!(wait_until(Duration::ZERO, || true), "the condition is checked at least once");
    }
}
