//! The schedules: they invoke functions at their due times, and on demand.

mod cron;
mod event;
mod expression;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::body::Bytes;
use expression::ScheduleExpression;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use tokio::sync::watch;

use crate::clock::{StackClock, epoch_ms, rfc3339};
use crate::output::say;
use crate::runtime::{FunctionPool, InvocationError};
use crate::template::{ScheduleSpec, TemplateError};

/// How many runs of a schedule are remembered.
const REMEMBERED: usize = 24;

/// One schedule and its function.
pub(crate) struct Schedule {
    spec: ScheduleSpec,
    expression: ScheduleExpression,
    function: Arc<FunctionPool>,
    clock: Arc<StackClock>,
    /// The start of the interval of a rate.
    origin: OffsetDateTime,
    /// The last due time.
    due: watch::Sender<OffsetDateTime>,
    /// The latest runs, newest first.
    runs: Mutex<VecDeque<Value>>,
}

/// The result of a run, as the control API shows it: `{"status", "result"}`.
pub(crate) struct ScheduledRun {
    pub(crate) status: &'static str,
    /// The function's response; null if it did not respond.
    pub(crate) result: Value,
}

impl Schedule {
    /// The schedule of `spec`. The error names the schedule whose expression or input is invalid.
    pub(crate) fn new(
        spec: ScheduleSpec,
        function: Arc<FunctionPool>,
        clock: Arc<StackClock>,
    ) -> Result<Arc<Self>, TemplateError> {
        let expression = parse(&spec)?;
        // Due times are whole seconds, as EventBridge sends them.
        let origin = clock.now().truncate_to_second();
        let (due, runs) = (watch::Sender::new(origin), Mutex::default());
        Ok(Arc::new(Self { spec, expression, function, clock, origin, due, runs }))
    }

    pub(crate) fn name(&self) -> &str {
        &self.spec.name
    }

    /// Invokes the function whenever it is due, until `stopping` turns true.
    ///
    /// If a moved clock skips several due times, only the latest is used.
    pub(crate) async fn keep(self: Arc<Self>, mut stopping: watch::Receiver<bool>) {
        loop {
            let next = self.next();
            tokio::select! {
                biased;
                _ = stopping.wait_for(|stopping| *stopping) => return,
                () = self.clock.sleep_until(next.map(epoch_ms)) => {}
            }
            let (after, now) = (*self.due.borrow(), self.clock.now());
            let latest = self.expression.latest(self.origin, after, now);
            let Some(due) = latest else { continue };
            self.due.send_replace(due);
            let schedule = Arc::clone(&self);
            // The task does not wait for the run: a schedule is due even if the previous run has
            // not ended.
            tokio::spawn(async move { schedule.run(due, None).await });
        }
    }

    /// Invokes the function for the time `scheduled`; members of `input` replace those of the
    /// template's input. The error says why this is not possible.
    pub(crate) async fn run(
        &self,
        scheduled: OffsetDateTime,
        input: Option<Map<String, Value>>,
    ) -> Result<ScheduledRun, String> {
        let event = event::event(&self.spec, scheduled, input)?;
        let (started, began) = (self.clock.now(), Instant::now());
        let outcome = self.function.invoke(Bytes::from(event.to_string())).await;
        let run = match outcome {
            Ok(answer) => ScheduledRun {
                status: "succeeded",
                result: serde_json::from_slice(&answer).unwrap_or_default(),
            },
            Err(InvocationError::Failed) => ScheduledRun { status: "failed", result: Value::Null },
            Err(InvocationError::TimedOut) => {
                ScheduledRun { status: "timed-out", result: Value::Null }
            }
        };
        let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let (name, function) = (self.name(), self.function.name());
        say(format_args!("{name} → {function}: {}, {ms} ms", run.status));
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        runs.truncate(REMEMBERED - 1);
        runs.push_front(json!({
            "scheduledTime": rfc3339(scheduled), "startedAt": rfc3339(started),
            "status": run.status, "ms": ms, "result": run.result,
        }));
        drop(runs);
        Ok(run)
    }

    fn next(&self) -> Option<OffsetDateTime> {
        let after = *self.due.borrow();
        let enabled = self.spec.enabled;
        enabled.then(|| self.expression.next(self.origin, after)).flatten()
    }

    /// Its name, function and expression, the next due time, and the last runs with their results.
    pub(crate) fn overview(&self) -> Value {
        let runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner).clone();
        json!({
            "name": self.name(),
            "function": self.function.name(),
            "expression": self.expression.to_string(),
            "enabled": self.spec.enabled,
            "next": self.next().map(rfc3339),
            "last": runs.front(),
            "runs": runs,
        })
    }
}

fn parse(spec: &ScheduleSpec) -> Result<ScheduleExpression, TemplateError> {
    let expression = ScheduleExpression::parse(&spec.expression).map_err(|problem| {
        let problem = format!("invalid schedule `{}`: {problem}", spec.expression);
        TemplateError::at(&spec.path, problem)
    })?;
    if spec.input.as_deref().is_some_and(|input| !event::is_json(input)) {
        return Err(TemplateError::at(&format!("{}.Input", spec.path), "is not JSON"));
    }
    Ok(expression)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::Scheduler;

    #[test]
    fn an_invalid_schedule_is_reported_with_its_path_in_the_template() {
        for (expression, input, expected) in [
            ("rate(1 hours)", None, "Events.Nightly: invalid schedule `rate(1 hours)`: "),
            ("rate(1 hour)", Some("{time"), "Events.Nightly.Input: is not JSON"),
        ] {
            let spec = ScheduleSpec {
                name: "Nightly".to_owned(),
                scheduler: Scheduler::Scheduler,
                expression: expression.to_owned(),
                input: input.map(str::to_owned),
                enabled: true,
                path: "Events.Nightly".to_owned(),
            };
            let error = parse(&spec).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
