//! The schedules: invoke functions when it is time, and when somebody asks.

mod cron;
mod event;
mod expression;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::body::Bytes;
pub(crate) use event::is_json;
pub use expression::Expression;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use tokio::sync::watch;

use crate::clock::{Clock, epoch_ms, rfc3339};
use crate::output::say;
use crate::runtime::{Function, NoAnswer};
use crate::template;

/// One schedule and its function.
pub(crate) struct Schedule {
    settings: template::Schedule,
    function: Arc<Function>,
    clock: Arc<Clock>,
    /// When a rate began to count.
    origin: OffsetDateTime,
    /// When it was due last.
    due: watch::Sender<OffsetDateTime>,
    last: Mutex<Option<Value>>,
}

/// How a run ended, as it is told: `{"status", "result"}`.
pub(crate) struct Run {
    pub(crate) status: &'static str,
    /// What the function answered; null if it did not.
    pub(crate) result: Value,
}

impl Schedule {
    pub(crate) fn new(
        settings: template::Schedule,
        function: Arc<Function>,
        clock: Arc<Clock>,
    ) -> Arc<Self> {
        // What is due is due at a whole second, as it is told.
        let origin = clock.now().truncate_to_second();
        let (due, last) = (watch::Sender::new(origin), Mutex::default());
        Arc::new(Self { settings, function, clock, origin, due, last })
    }

    pub(crate) fn name(&self) -> &str {
        &self.settings.name
    }

    /// Invokes the function whenever it is due, until `stopping` turns true.
    ///
    /// Of the times that a moved clock has skipped, only the latest counts.
    pub(crate) async fn keep(self: Arc<Self>, mut stopping: watch::Receiver<bool>) {
        loop {
            let next = self.next();
            let time = async {
                match next {
                    Some(next) => self.clock.sleep_until(epoch_ms(next)).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                _ = stopping.wait_for(|stopping| *stopping) => return,
                () = time => {}
            }
            let (after, now) = (*self.due.borrow(), self.clock.now());
            let latest = self.settings.expression.latest(self.origin, after, now);
            let Some(due) = latest else { continue };
            self.due.send_replace(due);
            let schedule = Arc::clone(&self);
            // It is not waited for: a schedule is due whether or not the last run is over.
            tokio::spawn(async move { schedule.run(due, None).await });
        }
    }

    /// Invokes the function for the time `scheduled`, with `input` in place of what the
    /// template's input says, member by member. The error says why it cannot be done.
    pub(crate) async fn run(
        &self,
        scheduled: OffsetDateTime,
        input: Option<Map<String, Value>>,
    ) -> Result<Run, String> {
        let event = event::event(&self.settings, scheduled, input)?;
        let (started, began) = (self.clock.now(), Instant::now());
        let outcome = self.function.invoke(Bytes::from(event.to_string())).await;
        let run = match outcome {
            Ok(answer) => Run {
                status: "succeeded",
                result: serde_json::from_slice(&answer).unwrap_or_default(),
            },
            Err(NoAnswer::Failed) => Run { status: "failed", result: Value::Null },
            Err(NoAnswer::TimedOut) => Run { status: "timed-out", result: Value::Null },
        };
        let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let (name, function) = (self.name(), self.function.name());
        say(format_args!("{name} → {function}: {} {ms} ms", run.status));
        let last = json!({
            "scheduledTime": rfc3339(scheduled), "startedAt": rfc3339(started),
            "status": run.status, "ms": ms,
        });
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(last);
        Ok(run)
    }

    fn next(&self) -> Option<OffsetDateTime> {
        let after = *self.due.borrow();
        let enabled = self.settings.enabled;
        enabled.then(|| self.settings.expression.next(self.origin, after)).flatten()
    }

    /// Its name, function and expression, when it is due next, and how the last run ended.
    pub(crate) fn overview(&self) -> Value {
        json!({
            "name": self.name(),
            "function": self.function.name(),
            "expression": self.settings.expression.to_string(),
            "enabled": self.settings.enabled,
            "next": self.next().map(rfc3339),
            "last": *self.last.lock().unwrap_or_else(PoisonError::into_inner),
        })
    }
}
