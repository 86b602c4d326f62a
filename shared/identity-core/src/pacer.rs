use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use crate::ports::Clock;

/// Lets so many through in a second, evenly, whoever asks.
#[derive(Debug)]
pub struct Pace {
    interval: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    next: Option<SystemTime>,
    /// How often it was held.
    held: u64,
}

impl Pace {
    /// So many in a second; at least one.
    #[must_use]
    pub fn per_second(many: u32) -> Self {
        Self { interval: Duration::from_secs(1) / many.max(1), state: Mutex::default() }
    }

    /// Waits for our turn.
    pub async fn turn(&self, clock: &impl Clock) {
        loop {
            let now = clock.now();
            let (slot, held) = {
                let mut state = self.state();
                let slot = state.next.map_or(now, |next| next.max(now));
                state.next = Some(slot + self.interval);
                (slot, state.held)
            };
            let wait = slot.duration_since(now).unwrap_or_default();
            if !wait.is_zero() {
                clock.sleep(wait).await;
            }
            // What was held meanwhile is held for those, too, who had their turn already.
            if self.state().held == held {
                return;
            }
        }
    }

    /// Lets nobody through for a while.
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
        let (pace, clock) = (Pace::per_second(8), ManualClock::default());
        let began = clock.now();
        for _ in 0..9 {
            pace.turn(&clock).await;
        }
        assert_eq!(clock.now().duration_since(began).unwrap(), Duration::from_secs(1));
    }

    #[tokio::test]
    async fn r33_a_held_pace_lets_nobody_through_until_then() {
        let (pace, clock) = (Pace::per_second(8), ManualClock::default());
        let began = clock.now();
        pace.hold(&clock, Duration::from_secs(7));
        pace.turn(&clock).await;
        assert_eq!(clock.now().duration_since(began).unwrap(), Duration::from_secs(7));
    }
}
