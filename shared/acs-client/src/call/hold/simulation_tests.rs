//! Simulates eight processes that send twice as many requests as ACS permits, while refused requests
//! count against the limit. It uses the emulator's limit, the client's hold and a simulated clock.

use std::time::{Duration, SystemTime};

use acs_emulator::Window;

use super::Holds;
use crate::call::{AcsOperation, Jitter};

const PROCESSES: u64 = 8;
const CALLS_PER_SECOND: u32 = 60;
const REQUESTS_PER_WINDOW: usize = 1000;
const SECONDS_PER_WINDOW: u32 = 30;

/// How a process reacts to a 429.
#[derive(Clone, Copy, PartialEq, Eq)]
enum After429 {
    Hold,
    Retry,
}

/// A process with its holds and its random numbers.
struct Process {
    holds: Holds,
    jitter: Jitter,
}

/// How many calls ACS serves in each of the first `windows` windows of 30 s.
fn serve(after: After429, sends_retry_after: bool, windows: u32, seed: u64) -> Vec<usize> {
    let processes: Vec<_> = (0..PROCESSES)
        .map(|number| Process {
            holds: Holds::default(),
            jitter: Jitter::seeded(seed * 100 + number),
        })
        .collect();
    let mut window = Window::new(REQUESTS_PER_WINDOW).count_refused(true);
    let calls_per_window = SECONDS_PER_WINDOW * CALLS_PER_SECOND;
    let began = SystemTime::UNIX_EPOCH + Duration::from_hours(500_000);
    let mut served = Vec::new();
    let mut callers = processes.iter().cycle();
    for number in 0..windows {
        let calls = number * calls_per_window..(number + 1) * calls_per_window;
        let times = calls.map(|call| began + Duration::from_secs(1) * call / CALLS_PER_SECOND);
        let is_served = |(now, process): (SystemTime, &Process)| {
            process.is_served(&mut window, now, after, sends_retry_after)
        };
        served.push(times.zip(&mut callers).map(is_served).filter(|served| *served).count());
    }
    served
}

impl Process {
    /// Whether a call of this process is served.
    fn is_served(
        &self,
        window: &mut Window,
        now: SystemTime,
        after: After429,
        sends_retry_after: bool,
    ) -> bool {
        let operation = AcsOperation::Issue;
        if after == After429::Hold && self.holds.left(operation, now).is_some() {
            return false;
        }
        let Err(wait) = window.admit(now.into()) else { return true };
        let retry_after = sends_retry_after.then(|| Duration::from_secs(wait));
        self.holds.begin(operation, retry_after, now, self.jitter.next());
        false
    }
}

#[test]
fn r80_with_holds_the_limit_of_acs_is_used_although_refused_requests_count() {
    // The bounds are for the first minute, and for the average of ten minutes.
    for (sends_retry_after, average) in [(true, 900), (false, 750)] {
        for seed in 0..20 {
            let served = serve(After429::Hold, sends_retry_after, 20, seed);
            assert!(served[..2].iter().all(|served| *served >= 900), "seed {seed}: {served:?}");
            assert!(served.iter().sum::<usize>() >= 20 * average, "seed {seed}: {served:?}");
        }
    }
}

#[test]
fn r80_without_holds_the_same_requests_are_all_refused() {
    assert_eq!(serve(After429::Retry, false, 4, 0), [REQUESTS_PER_WINDOW, 0, 0, 0]);
}
