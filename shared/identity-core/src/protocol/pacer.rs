//! Limits the rate of requests to ACS.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use crate::ports::Clock;

/// Spaces requests evenly, so that at most a given number is sent per second.
#[derive(Debug)]
pub struct Pacer {
    interval: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    next: Option<SystemTime>,
    /// The number of holds so far.
    held: u64,
}

impl Pacer {
    /// Allows `many` requests per second, at least one.
    #[must_use]
    pub fn per_second(many: u32) -> Self {
        Self { interval: Duration::from_secs(1) / many.max(1), state: Mutex::default() }
    }

    /// Waits until the next request can be sent. Returns `false` at once, and takes no turn, if that
    /// is later than `until`.
    #[must_use = "without a turn, no request may be sent"]
    pub async fn turn(&self, clock: &impl Clock, until: SystemTime) -> bool {
        loop {
            let now = clock.now();
            let (slot, held) = {
                let mut state = self.state();
                let slot = state.next.map_or(now, |next| next.max(now));
                if slot > until {
                    return false;
                }
                state.next = Some(slot + self.interval);
                (slot, state.held)
            };
            let wait = slot.duration_since(now).unwrap_or_default();
            if !wait.is_zero() {
                clock.sleep(wait).await;
            }
            // A hold that began during the wait also applies to this request.
            if self.state().held == held {
                return true;
            }
        }
    }

    /// Blocks all requests for `pause`.
    pub fn hold(&self, clock: &impl Clock, pause: Duration) {
        let until = clock.now() + pause;
        let mut state = self.state();
        state.next = Some(state.next.map_or(until, |next| next.max(until)));
        state.held += 1;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::ManualClock;

    #[tokio::test]
    async fn r33_nine_turns_at_eight_a_second_take_a_second() {
        let (pacer, clock) = (Pacer::per_second(8), ManualClock::default());
        let began = clock.now();
        for _ in 0..9 {
            assert!(pacer.turn(&clock, began + Duration::from_secs(1)).await);
        }
        assert_eq!(clock.now().duration_since(began).unwrap(), Duration::from_secs(1));
    }

    #[tokio::test]
    async fn r33_a_held_pace_lets_no_call_through_until_then() {
        let (pacer, clock) = (Pacer::per_second(8), ManualClock::default());
        let began = clock.now();
        pacer.hold(&clock, Duration::from_secs(7));
        assert!(pacer.turn(&clock, began + Duration::from_secs(8)).await);
        assert_eq!(clock.now().duration_since(began).unwrap(), Duration::from_secs(7));
    }

    #[tokio::test]
    async fn r33_a_hold_applies_to_a_turn_that_is_being_waited_for() {
        let (pace, clock) = (Pacer::per_second(8), ManualClock::default());
        let until = clock.now() + Duration::from_secs(10);
        assert!(pace.turn(&clock, until).await);
        let hold = async { pace.hold(&clock, Duration::from_secs(7)) };
        let (has_turn, ()) = tokio::join!(pace.turn(&clock, until), hold);
        assert!(has_turn);
        assert_eq!(clock.elapsed(), Duration::from_millis(125 + 7_000));
    }

    #[tokio::test]
    async fn a_turn_that_would_come_too_late_is_not_waited_for_and_delays_no_other() {
        let (pace, clock) = (Pacer::per_second(2), ManualClock::default());
        let began = clock.now();
        pace.hold(&clock, Duration::from_secs(7));
        for _ in 0..20 {
            assert!(!pace.turn(&clock, began + Duration::from_secs(6)).await);
        }
        assert_eq!(clock.now(), began);
        assert!(pace.turn(&clock, began + Duration::from_secs(7)).await);
        assert_eq!(clock.elapsed(), Duration::from_secs(7));
    }
}
