//! Shows the progress of a command.

use std::fmt::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::report::{duration, printable};
use crate::service::CliEnvironment;

/// A bar on stderr, if that is a terminal.
pub(crate) struct Progress {
    bar: ProgressBar,
    speed: Arc<Mutex<ProgressSpeed>>,
}

impl Progress {
    /// A bar for `total` items, with at most `budget` items per second.
    pub(crate) fn new(
        verb: &'static str,
        total: usize,
        budget: f64,
        environment: &CliEnvironment,
    ) -> Self {
        let total = u64::try_from(total).unwrap_or(u64::MAX);
        let target = if environment.stderr_is_terminal {
            ProgressDrawTarget::stderr_with_hz(10)
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(total), target);
        let speed = Arc::new(Mutex::new(ProgressSpeed::new(budget)));
        let template = format!(
            "{verb} {{bar:30}} {{pos}}/{{len}}  {{rate}} of {budget}/s  ETA {{left}}  {{msg}}"
        );
        if let Ok(style) = ProgressStyle::with_template(&template) {
            let (of_rate, of_left) = (Arc::clone(&speed), Arc::clone(&speed));
            let rate = move |_: &ProgressState, out: &mut dyn Write| {
                // A failed write to the bar cannot be reported.
                let _ = write!(out, "{:.1}", locked(&of_rate).rate(Instant::now()));
            };
            let left = move |state: &ProgressState, out: &mut dyn Write| {
                let rest = total.saturating_sub(state.pos());
                let left = locked(&of_left).left(rest, Instant::now());
                let _ = write!(out, "{}", duration::format(left));
            };
            let style = style.with_key("rate", rate).with_key("left", left);
            bar.set_style(style.progress_chars("=> "));
        }
        if environment.stderr_is_terminal {
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        Self { bar, speed }
    }

    /// Counts an item that used the budget.
    pub(crate) fn done(&self) {
        locked(&self.speed).done(Instant::now());
        self.bar.inc(1);
    }

    /// Counts an item that was skipped, and did not use the budget.
    pub(crate) fn passed_over(&self) {
        self.bar.inc(1);
    }

    /// Shows a message beside the bar.
    pub(crate) fn say(&self, message: &str) {
        self.bar.set_message(printable(message));
    }

    /// Removes the bar.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// Measures only items that use the budget. Skipped items are a hundred times as fast, and say
/// nothing about the rest.
struct ProgressSpeed {
    budget: f64,
    done: u32,
    first: Option<Instant>,
}

impl ProgressSpeed {
    fn new(budget: f64) -> Self {
        Self { budget, done: 0, first: None }
    }

    fn done(&mut self, now: Instant) {
        self.done += 1;
        self.first.get_or_insert(now);
    }

    /// The rate per second since the first item.
    fn rate(&self, now: Instant) -> f64 {
        let Some(first) = self.first else { return 0.0 };
        let seconds = now.saturating_duration_since(first).as_secs_f64();
        // One item has no rate, and a very short time gives no reliable one.
        if seconds < 0.5 { 0.0 } else { f64::from(self.done - 1) / seconds }
    }

    /// An estimate of the longest time for `rest` more items.
    fn left(&self, rest: u64, now: Instant) -> Duration {
        let rate = self.rate(now);
        let rate = if rate > 0.0 { rate.min(self.budget) } else { self.budget };
        #[expect(clippy::cast_precision_loss, reason = "a guess for people")]
        let seconds = rest as f64 / rate;
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }
}

fn locked(speed: &Mutex<ProgressSpeed>) -> MutexGuard<'_, ProgressSpeed> {
    speed.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_what_was_done_and_the_rest_takes_as_long() {
        let start = Instant::now();
        let mut speed = ProgressSpeed::new(8.0);
        assert_eq!(
            speed.left(16, start),
            Duration::from_secs(2),
            "nothing is known but the budget"
        );
        for second in 0..=10 {
            speed.done(start + Duration::from_secs(second));
        }
        let now = start + Duration::from_secs(10);
        assert!((speed.rate(now) - 1.0).abs() < 0.01, "{}", speed.rate(now));
        assert_eq!(speed.left(30, now), Duration::from_secs(30));
    }

    #[test]
    fn the_rest_never_takes_less_than_the_budget_allows() {
        let start = Instant::now();
        let mut speed = ProgressSpeed::new(8.0);
        (0..100).for_each(|_| speed.done(start));
        assert_eq!(speed.left(80, start + Duration::from_secs(1)), Duration::from_secs(10));
    }
}
