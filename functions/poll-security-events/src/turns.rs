//! Which stream is polled when, and for how long.

use std::time::{Duration, Instant, SystemTime};

/// The position of the stream that is polled first: another one in each run. Otherwise slow streams
/// would always take the time of the same ones.
pub(crate) fn first_of(streams: usize, now: SystemTime) -> usize {
    let since_epoch = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let runs = usize::try_from(since_epoch.as_secs() / SCHEDULE.as_secs()).unwrap_or_default();
    runs.checked_rem(streams).unwrap_or_default()
}

/// The end of a stream's part of the time `until`, if `streams` are left with it. What it does not
/// use is for the others. `None` if too little is left.
pub(crate) fn part_of(until: Instant, streams: usize, now: Instant) -> Option<Instant> {
    let left = until.checked_duration_since(now).filter(|left| *left >= LEAST)?;
    let streams = u32::try_from(streams).unwrap_or(u32::MAX).max(1);
    Some(now + left / streams)
}

/// With less time, no stream is begun.
const LEAST: Duration = Duration::from_secs(1);

/// The time between two runs, as the template says.
const SCHEDULE: Duration = Duration::from_mins(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stream_is_the_first_one_in_turn() {
        let first = |streams, seconds| {
            first_of(streams, SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
        };
        assert_eq!([0, 59, 60, 120, 180].map(|seconds| first(3, seconds)), [0, 0, 1, 2, 0]);
        assert_eq!((first(1, 60), first(0, 60)), (0, 0));
    }

    #[test]
    fn the_streams_that_are_left_have_equal_parts_of_the_time_that_is_left() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(part_of(at(45), 3, start), Some(at(15)));
        assert_eq!(part_of(at(45), 2, at(5)), Some(at(25)), "the first one needed 5 of its 15 s");
        assert_eq!(part_of(at(45), 1, at(25)), Some(at(45)));
        assert_eq!(part_of(at(45), 1, at(44)), Some(at(45)));
        for now in [at(44) + Duration::from_millis(1), at(45), at(46)] {
            assert_eq!(part_of(at(45), 1, now), None);
        }
    }
}
