//! How far it has come, for whoever watches.

use std::{fmt::Write, time::Duration};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::surroundings::Surroundings;

/// A bar on stderr, if that is a terminal.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// A bar for `total` things, done at `budget` a second at most.
    pub(crate) fn new(
        verb: &'static str,
        total: usize,
        budget: f64,
        around: &Surroundings,
    ) -> Self {
        let total = u64::try_from(total).unwrap_or(u64::MAX);
        let target = if around.stderr_is_terminal {
            ProgressDrawTarget::stderr_with_hz(10)
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(total), target);
        let template = format!(
            "{verb} {{bar:30}} {{pos}}/{{len}}  {{rate}} of {budget}/s  ETA {{eta}}  {{msg}}"
        );
        if let Ok(style) = ProgressStyle::with_template(&template) {
            let rate = |state: &ProgressState, out: &mut dyn Write| {
                // There is nobody to tell.
                let _ = write!(out, "{:.1}", state.per_sec());
            };
            bar.set_style(style.with_key("rate", rate).progress_chars("=> "));
        }
        if around.stderr_is_terminal {
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        Self(bar)
    }

    /// One more is done.
    pub(crate) fn step(&self) {
        self.0.inc(1);
    }

    /// Something to know meanwhile.
    pub(crate) fn say(&self, message: &str) {
        self.0.set_message(message.to_owned());
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        self.0.finish_and_clear();
    }
}
