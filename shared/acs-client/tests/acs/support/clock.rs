//! A clock that never waits.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant, SystemTime},
};

use identity_core::ports::Clock;

/// A clock whose pauses take no time and are recorded. Clones are the same clock.
#[derive(Clone)]
pub(crate) struct TestClock(Arc<Mutex<Time>>);

struct Time {
    now: SystemTime,
    pauses: Vec<Duration>,
    on_pause: Option<Box<dyn FnOnce() + Send>>,
    ticking_since: Option<Instant>,
}

impl TestClock {
    pub(crate) fn new() -> Self {
        let now = SystemTime::UNIX_EPOCH + Duration::from_hours(500_000);
        Self(Arc::new(Mutex::new(Time {
            now,
            pauses: Vec::new(),
            on_pause: None,
            ticking_since: None,
        })))
    }

    pub(crate) fn pauses(&self) -> Vec<Duration> {
        self.0.lock().unwrap().pauses.clone()
    }

    /// Advances the time.
    pub(crate) fn advance(&self, by: Duration) {
        self.0.lock().unwrap().now += by;
    }

    /// From now on, the time also advances with the real time.
    pub(crate) fn tick(&self) {
        self.0.lock().unwrap().ticking_since = Some(Instant::now());
    }

    pub(crate) fn at_first_pause(&self, act: impl FnOnce() + Send + 'static) {
        self.0.lock().unwrap().on_pause = Some(Box::new(act));
    }
}

impl Clock for TestClock {
    fn now(&self) -> SystemTime {
        let time = self.0.lock().unwrap();
        time.now + time.ticking_since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    async fn sleep(&self, pause: Duration) {
        let act = {
            let mut time = self.0.lock().unwrap();
            time.now += pause;
            time.pauses.push(pause);
            time.on_pause.take()
        };
        if let Some(act) = act {
            act();
        }
    }
}
