//! Plays the burst at a hundredth of the documented size, with each reading of ACS's limits and
//! with one, two and four resources. Exit status 1 means that the measured figures differ from the
//! predicted ones, 2 that the measurement failed.

use std::{
    io::{self, Write as _},
    process::ExitCode,
    time::Duration,
};

use load::{Burst, BurstComparison, LimitReading, predict, share_text, time_text};

/// The users of the burst, and the divisor of the limits. Three times as many users arrive as one
/// resource serves: 1 per second at the peak.
const BURST: Burst = Burst { users: 1_000, limit: Duration::from_hours(4), seed: 1 };
const DIVISOR: u16 = 100;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            // If this cannot be written either, only the exit status remains.
            let _ = writeln!(io::stderr(), "load: {error}");
            ExitCode::from(2)
        }
    }
}

/// Whether all measured figures are close to the predicted ones.
fn run() -> Result<bool, Box<dyn std::error::Error>> {
    let mut out = io::stdout();
    let users = BURST.users;
    writeln!(out, "{users} users at limits of 1/{DIVISOR}; real functions, moved clock\n")?;
    writeln!(out, "{}", BurstComparison::TITLE)?;
    let mut is_close = true;
    for resources in [1, 2, 4] {
        for reading in LimitReading::ALL {
            let comparison = BurstComparison::play(&BURST, reading, resources, DIVISOR)?;
            writeln!(out, "{comparison}")?;
            is_close &= comparison.is_close();
        }
    }
    let full = Burst { users: users * u32::from(DIVISOR), ..BURST };
    writeln!(out, "\npredicted for {} users at the documented limits", full.users)?;
    for resources in [1, 2, 4] {
        for reading in LimitReading::ALL {
            let outcome = predict(&full, reading, resources, 1)?;
            let (time, share) = (time_text(outcome.time_to_99), share_text(outcome.acs));
            let failures = outcome.visible_failures;
            writeln!(out, "{reading:<8}{resources:>9}{time:>15}{share:>15}{failures:>15}")?;
        }
    }
    if !is_close {
        writeln!(
            out,
            "\nA row differs from its prediction by more than {}",
            BurstComparison::FACTOR
        )?;
    }
    Ok(is_close)
}
