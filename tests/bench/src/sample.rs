//! The measurements of one process, and of many.

use std::{error::Error, time::Duration};

use serde::Serialize;

use crate::subject::Subject;

/// One process, from its start to its last call.
pub(crate) struct Sample {
    /// From the start to the first `next`.
    pub(crate) init: Duration,
    pub(crate) init_cpu: Duration,
    /// Init and the first call.
    pub(crate) cold_cpu: Duration,
    /// The average of the calls after the first.
    pub(crate) warm_cpu: Duration,
    /// From the delivery of the event to the answer, at the Runtime API.
    pub(crate) calls: Vec<Duration>,
    /// In bytes, after the last call.
    pub(crate) memory: u64,
    pub(crate) peak_memory: u64,
}

/// The medians of a function's processes. Times in milliseconds, sizes in MB (10⁶ bytes).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Summary {
    pub(crate) name: &'static str,
    pub(crate) processes: usize,
    pub(crate) calls_per_process: usize,
    pub(crate) init_ms: f64,
    pub(crate) init_cpu_ms: f64,
    pub(crate) cold_start_cpu_ms: f64,
    pub(crate) first_call_ms: f64,
    pub(crate) hundredth_call_ms: f64,
    pub(crate) warm_call_cpu_ms: f64,
    pub(crate) memory_mb: f64,
    pub(crate) peak_memory_mb: f64,
    pub(crate) binary_mb: f64,
}

impl Summary {
    pub(crate) fn of(subject: &Subject, samples: &[Sample]) -> Result<Self, Box<dyn Error>> {
        let times = |of: fn(&Sample) -> Duration| median_ms(samples.iter().map(of));
        let sizes = |of: fn(&Sample) -> u64| median(samples.iter().map(of).map(megabytes));
        Ok(Self {
            name: subject.name,
            processes: samples.len(),
            calls_per_process: samples.first().map_or(0, |sample| sample.calls.len()),
            init_ms: times(|sample| sample.init),
            init_cpu_ms: times(|sample| sample.init_cpu),
            cold_start_cpu_ms: times(|sample| sample.cold_cpu),
            first_call_ms: times(|sample| sample.calls.first().copied().unwrap_or_default()),
            hundredth_call_ms: times(|sample| sample.calls.last().copied().unwrap_or_default()),
            warm_call_cpu_ms: times(|sample| sample.warm_cpu),
            memory_mb: sizes(|sample| sample.memory),
            peak_memory_mb: sizes(|sample| sample.peak_memory),
            binary_mb: megabytes(subject.size()?),
        })
    }
}

/// The median of some times, in milliseconds.
pub(crate) fn median_ms(times: impl Iterator<Item = Duration>) -> f64 {
    median(times.map(|time| time.as_secs_f64() * 1000.0))
}

/// The middle one, or the mean of the two in the middle; of none, not a number.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let upper = values.get(values.len() / 2).copied().unwrap_or(f64::NAN);
    let lower = values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or(f64::NAN);
    f64::midpoint(lower, upper)
}

/// Converts bytes to MB (10⁶ bytes).
#[expect(clippy::cast_precision_loss, reason = "far below 2⁵³ bytes")]
pub(crate) fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::float_cmp, reason = "halves of small integers are exact")]
    fn the_median_is_the_middle_and_does_not_mind_an_outlier() {
        assert_eq!(median([900.0, 1.0, 2.0].into_iter()), 2.0);
        assert_eq!(median([4.0, 1.0, 900.0, 2.0].into_iter()), 3.0);
        assert!(median(std::iter::empty()).is_nan());
    }
}
