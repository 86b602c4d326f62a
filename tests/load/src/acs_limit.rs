use std::{collections::VecDeque, fmt, time::Duration};

/// How ACS may count requests. Its documentation does not say which it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitReading {
    /// In any 30 seconds, including the refused requests.
    Strict,
    /// In fixed intervals of 30 seconds.
    Fixed,
    /// In any 30 seconds, without the refused requests.
    Kind,
}

impl LimitReading {
    /// All readings.
    pub const ALL: [Self; 3] = [Self::Strict, Self::Fixed, Self::Kind];

    /// The flags of the ACS emulator for this reading.
    #[must_use]
    pub const fn flags(self) -> &'static [&'static str] {
        match self {
            Self::Strict => &["--count-refused"],
            Self::Fixed => &["--fixed-windows"],
            Self::Kind => &[],
        }
    }
}

impl fmt::Display for LimitReading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Strict => "strict",
            Self::Fixed => "fixed",
            Self::Kind => "kind",
        })
    }
}

/// The predicted limit of one operation of a resource.
pub(crate) struct AcsLimit {
    limit: usize,
    reading: LimitReading,
    /// The times of the requests that count.
    counted: VecDeque<Duration>,
}

impl AcsLimit {
    pub(crate) fn new(limit: usize, reading: LimitReading) -> Self {
        Self { limit, reading, counted: VecDeque::new() }
    }

    /// Accepts a request, or returns `Retry-After`.
    pub(crate) fn admit(&mut self, now: Duration) -> Result<(), Duration> {
        let interval = |time: Duration| {
            u32::try_from(time.as_millis() / INTERVAL.as_millis()).unwrap_or(u32::MAX)
        };
        let counts = |time: &Duration| match self.reading {
            LimitReading::Fixed => interval(*time) == interval(now),
            LimitReading::Strict | LimitReading::Kind => *time + INTERVAL > now,
        };
        while self.counted.front().is_some_and(|first| !counts(first)) {
            self.counted.pop_front();
        }
        let count = self.counted.len();
        if count < self.limit || self.reading == LimitReading::Strict {
            self.counted.push_back(now);
        }
        if count < self.limit {
            return Ok(());
        }
        // With the next request, as many requests must have left as there are too many.
        let last_to_leave = self.counted.get(self.counted.len() - self.limit);
        let free = match self.reading {
            LimitReading::Fixed => INTERVAL * (interval(now) + 1),
            LimitReading::Strict | LimitReading::Kind => {
                INTERVAL + last_to_leave.copied().unwrap_or(now)
            }
        };
        Err(whole_seconds(free.saturating_sub(now)))
    }
}

/// `Retry-After` has whole seconds.
pub(crate) fn whole_seconds(wait: Duration) -> Duration {
    Duration::from_secs((wait + ALMOST_A_SECOND).as_secs().max(1))
}

const INTERVAL: Duration = Duration::from_secs(30);
const ALMOST_A_SECOND: Duration = Duration::from_nanos(999_999_999);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reading_counts_other_requests() {
        let s = Duration::from_secs;
        for (reading, expected) in [
            (LimitReading::Strict, [Ok(()), Ok(()), Err(s(26)), Err(s(5)), Err(s(30))]),
            (LimitReading::Fixed, [Ok(()), Ok(()), Err(s(15)), Ok(()), Ok(())]),
            (LimitReading::Kind, [Ok(()), Ok(()), Err(s(25)), Ok(()), Err(s(1))]),
        ] {
            let mut limit = AcsLimit::new(2, reading);
            let found = [10, 11, 15, 40, 40].map(|now| limit.admit(s(now)));
            assert_eq!(found, expected, "{reading}");
        }
    }
}
