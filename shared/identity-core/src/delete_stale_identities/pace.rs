use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use crate::ports::Clock;

/// Lets so many through in a second, evenly, whoever asks.
#[derive(Debug)]
pub struct Pace {
    interval: Duration,
    next: Mutex<Option<SystemTime>>,
}

impl Pace {
    /// So many in a second; at least one.
    #[must_use]
    pub fn per_second(many: u32) -> Self {
        Self { interval: Duration::from_secs(1) / many.max(1), next: Mutex::new(None) }
    }

    /// Waits for our turn.
    pub async fn turn(&self, clock: &impl Clock) {
        let now = clock.now();
        let slot = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let slot = next.map_or(now, |next| next.max(now));
            *next = Some(slot + self.interval);
            slot
        };
        if let Ok(wait) = slot.duration_since(now)
            && !wait.is_zero()
        {
            clock.sleep(wait).await;
        }
    }

    /// Lets nobody through for a while.
    pub fn hold(&self, clock: &impl Clock, pause: Duration) {
        let until = clock.now() + pause;
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        *next = Some(next.map_or(until, |next| next.max(until)));
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
