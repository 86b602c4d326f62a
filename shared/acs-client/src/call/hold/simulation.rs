//! Eight processes send twice as many requests as ACS permits, and refused requests count. The
//! simulation runs the emulator's limit and the client's hold on a simulated clock.

use std::time::{Duration, SystemTime};

use acs_emulator::Window;

use super::Holds;
use crate::call::{jitter::Dice, operation::Operation};

const PROCESSES: u64 = 8;
const CALLS_PER_SECOND: u32 = 60;
const PLACES: usize = 1000;
const SECONDS_PER_WINDOW: u32 = 30;

/// How a process reacts to a 429.
#[derive(Clone, Copy, PartialEq, Eq)]
enum After429 {
    Hold,
    AskAgain,
}

/// A process with its holds and its random numbers.
struct Process {
    holds: Holds,
    dice: Dice,
}

/// How many calls ACS serves in each of the first `windows` windows of 30 s.
fn serve(after: After429, sends_retry_after: bool, windows: u32, seed: u64) -> Vec<usize> {
    let processes: Vec<_> = (0..PROCESSES)
        .map(|number| Process { holds: Holds::default(), dice: Dice::seeded(seed * 100 + number) })
        .collect();
    let mut window = Window::new(PLACES).count_refused(true);
    let calls_per_window = SECONDS_PER_WINDOW * CALLS_PER_SECOND;
    let began = SystemTime::UNIX_EPOCH + Duration::from_hours(500_000);
    let mut served = Vec::new();
    let mut turns = processes.iter().cycle();
    for number in 0..windows {
        let calls = number * calls_per_window..(number + 1) * calls_per_window;
        let times = calls.map(|call| began + Duration::from_secs(1) * call / CALLS_PER_SECOND);
        let is_served = |(now, process): (SystemTime, &Process)| {
            process.asks(&mut window, now, after, sends_retry_after)
        };
        served.push(times.zip(&mut turns).map(is_served).filter(|served| *served).count());
    }
    served
}

impl Process {
    /// Whether a call of this process is served.
    fn asks(
        &self,
        window: &mut Window,
        now: SystemTime,
        after: After429,
        sends_retry_after: bool,
    ) -> bool {
        let operation = Operation::Issue;
        if after == After429::Hold && self.holds.left(operation, now).is_some() {
            return false;
        }
        let Err(wait) = window.admit(now.into()) else { return true };
        let asked = sends_retry_after.then(|| Duration::from_secs(wait));
        self.holds.begin(operation, asked, now, self.dice.roll());
        false
    }
}

#[test]
fn r80_with_the_hold_acs_s_places_are_used_though_refused_requests_count() {
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
fn r80_without_the_hold_the_same_calls_keep_each_other_out() {
    assert_eq!(serve(After429::AskAgain, false, 4, 0), [PLACES, 0, 0, 0]);
}
