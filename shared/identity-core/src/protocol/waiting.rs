//! Waits a short time for another request that works on the same record.

use std::time::{Duration, SystemTime};

use crate::model::{Error, Invocation};
use crate::ports::Clock;

/// Waits for another request, with growing pauses, until the patience is used up.
pub(crate) struct Waiting {
    until: SystemTime,
    pause: Duration,
}

impl Waiting {
    /// Starts to wait `now`, for the patience of the invocation.
    pub(crate) fn new(now: SystemTime, invocation: &Invocation) -> Self {
        // A request that waited still needs time to call ACS.
        let latest = invocation.deadline.checked_sub(Duration::from_secs(2)).unwrap_or(now);
        Self { until: latest.min(now + invocation.patience), pause: Duration::from_millis(25) }
    }

    /// Waits once. Returns [`Error::Busy`] when no patience is left.
    pub(crate) async fn wait(
        &mut self,
        clock: &impl Clock,
        retry_after: Duration,
    ) -> Result<(), Error> {
        if clock.now() + self.pause > self.until {
            return Err(Error::Busy { retry_after });
        }
        clock.sleep(self.pause).await;
        self.pause = (self.pause * 2).min(Duration::from_millis(400));
        Ok(())
    }
}
