//! P04: the memory of one process after many requests.

use std::error::Error;

use serde::Serialize;

use crate::{process, sample::megabytes, subject::Subject};

/// The memory of a process after its first requests and after all of them, in MB (10⁶ bytes).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MemoryGrowth {
    pub(crate) requests: usize,
    pub(crate) early_mb: f64,
    pub(crate) late_mb: f64,
}

impl MemoryGrowth {
    /// How much memory the process has gained, in MB.
    pub(crate) fn growth_mb(&self) -> f64 {
        self.late_mb - self.early_mb
    }
}

/// Sends [`REQUESTS`] to one process.
pub(crate) async fn memory_growth(subject: &Subject) -> Result<MemoryGrowth, Box<dyn Error>> {
    let mut function = subject.start().await?;
    let pid = function.pid().ok_or("it ended at once")?;
    let memory = || process::memory(pid, "VmRSS").map(megabytes);
    let mut early_mb = f64::NAN;
    for number in 1..=REQUESTS {
        let (_, next) = function.ready().await?;
        next.send(subject.event.clone()).map_err(|_| "it does not wait for its event")?;
        let (_, payload) = function.response().await?;
        subject.check(&payload)?;
        if number == EARLY {
            early_mb = memory()?;
        }
    }
    let late_mb = memory()?;
    function.kill().await?;
    Ok(MemoryGrowth { requests: REQUESTS, early_mb, late_mb })
}

const REQUESTS: usize = 20_000;

/// After this many requests, all that is allocated once is allocated.
const EARLY: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p04_the_growth_is_what_a_process_gains_after_its_first_thousand_requests() {
        let growth =
            |early_mb, late_mb| MemoryGrowth { requests: REQUESTS, early_mb, late_mb }.growth_mb();
        assert!((growth(8.0, 8.5) - 0.5).abs() < 1e-9);
        assert!(growth(9.0, 8.0) < 0.0);
        assert!(growth(f64::NAN, 8.0).is_nan());
    }
}
