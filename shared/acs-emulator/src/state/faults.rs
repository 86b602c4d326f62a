//! The fault script: which failures happen, and when.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::api::Operation;

/// One line of the script.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Fault {
    /// The operation it applies to, or `*`. `createIdentity` includes both ways of creating.
    pub operation: String,
    /// The first call it applies to, counted from 1 since the script was set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nth: Option<u64>,
    /// The number of calls it applies to: without `nth` all by default, with it one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    pub action: FaultAction,
}

/// The effect on a matching call. Exactly one member decides.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "the members of the JSON are flags")]
pub(crate) struct FaultAction {
    /// Answers with this status instead of executing the operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// `Retry-After` of that response, unchanged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<String>,
    /// Body of that response, sent as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// With `status` or `html`: executes the operation first, like a gateway that timed out.
    #[serde(default, skip_serializing_if = "is_false")]
    pub after_effect: bool,
    /// Executes the operation, and answers so many milliseconds later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<u64>,
    /// Answers with a proxy's page, with status 200 unless `status` is set.
    #[serde(default, skip_serializing_if = "is_false")]
    pub html: bool,
    /// Drops the connection without executing the operation.
    #[serde(default, skip_serializing_if = "is_false")]
    pub reset_before: bool,
    /// Executes the operation, and drops the connection without an answer.
    #[serde(default, skip_serializing_if = "is_false")]
    pub reset_after: bool,
    /// Executes the operation, and drops the connection in the middle of the response body.
    #[serde(default, skip_serializing_if = "is_false")]
    pub half_body: bool,
    /// Executes the operation, and sends the response body one byte at a time, so many milliseconds
    /// apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slow_bytes_ms: Option<u64>,
    /// Executes the operation, and answers with valid JSON of another shape.
    #[serde(default, skip_serializing_if = "is_false")]
    pub wrong_json: bool,
    /// Executes the operation, and answers after `POST /_emulator/faults/release`.
    #[serde(default, skip_serializing_if = "is_false")]
    pub hold: bool,
}

/// A validated [`FaultAction`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FaultTrigger {
    Status { after_effect: bool, status: u16, retry_after: Option<String>, body: Option<String> },
    Html { after_effect: bool, status: u16 },
    ResetBefore,
    Delay { ms: u64 },
    ResetAfter,
    HalfBody,
    SlowBytes { ms: u64 },
    WrongJson,
    Hold,
}

impl FaultTrigger {
    /// Whether it happens before the operation is executed.
    pub(crate) fn prevents(&self) -> bool {
        match self {
            Self::Status { after_effect, .. } | Self::Html { after_effect, .. } => !after_effect,
            Self::ResetBefore => true,
            Self::Delay { .. }
            | Self::ResetAfter
            | Self::HalfBody
            | Self::SlowBytes { .. }
            | Self::WrongJson
            | Self::Hold => false,
        }
    }

    /// The name of the member that set it, for the request log.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Status { .. } => "status",
            Self::Html { .. } => "html",
            Self::ResetBefore => "resetBefore",
            Self::Delay { .. } => "delayMs",
            Self::ResetAfter => "resetAfter",
            Self::HalfBody => "halfBody",
            Self::SlowBytes { .. } => "slowBytesMs",
            Self::WrongJson => "wrongJson",
            Self::Hold => "hold",
        }
    }
}

impl FaultAction {
    fn strike(&self) -> Result<FaultTrigger, String> {
        if (self.retry_after.is_some() || self.body.is_some())
            && (self.status.is_none() || self.html)
        {
            return Err(
                "invalid action: `retryAfter` and `body` require `status` without `html`".into()
            );
        }
        let status = match self.status {
            Some(status) if !(200..=599).contains(&status) => {
                return Err(format!("invalid `status` {status}: must be 200 to 599"));
            }
            status => status,
        };
        let after_effect = self.after_effect;
        if after_effect && status.is_none() && !self.html {
            return Err("invalid action: `afterEffect` requires `status` or `html`".into());
        }
        let by_status = status.filter(|_| !self.html).map(|status| FaultTrigger::Status {
            after_effect,
            status,
            retry_after: self.retry_after.clone(),
            body: self.body.clone(),
        });
        let mut strikes = [
            by_status,
            self.html.then_some(FaultTrigger::Html { after_effect, status: status.unwrap_or(200) }),
            self.delay_ms.map(|ms| FaultTrigger::Delay { ms }),
            self.reset_before.then_some(FaultTrigger::ResetBefore),
            self.reset_after.then_some(FaultTrigger::ResetAfter),
            self.half_body.then_some(FaultTrigger::HalfBody),
            self.slow_bytes_ms.map(|ms| FaultTrigger::SlowBytes { ms }),
            self.wrong_json.then_some(FaultTrigger::WrongJson),
            self.hold.then_some(FaultTrigger::Hold),
        ]
        .into_iter()
        .flatten();
        match (strikes.next(), strikes.next()) {
            (Some(strike), None) => Ok(strike),
            _ => {
                Err("invalid action: expected exactly one of status, delayMs, html, resetBefore, \
                      resetAfter, halfBody, slowBytesMs, wrongJson, hold"
                    .into())
            }
        }
    }
}

/// The script, and the responses that it holds back.
pub(crate) struct Faults {
    lines: Mutex<Vec<ScriptLine>>,
    /// Counts releases: a held response waits for the next one.
    releases: watch::Sender<u64>,
}

impl Faults {
    pub(crate) fn new() -> Self {
        Self { lines: Mutex::default(), releases: watch::Sender::new(0) }
    }

    /// Adds faults to the script: all of them, or none and the reason.
    pub(crate) fn add(&self, faults: Vec<Fault>) -> Result<(), String> {
        let lines = faults.into_iter().map(ScriptLine::new).collect::<Result<Vec<_>, _>>()?;
        self.lock().extend(lines);
        Ok(())
    }

    /// Counts a call of `operation`, and returns the fault that applies. Every fault for the
    /// operation counts the call; the first one that is due applies.
    pub(crate) fn strike(&self, operation: Operation) -> Option<FaultTrigger> {
        let mut struck = None;
        for line in
            self.lock().iter_mut().filter(|line| operation.answers_to(&line.fault.operation))
        {
            line.seen += 1;
            if struck.is_none() && line.is_due() {
                struck = Some(line.strike.clone());
            }
        }
        struck
    }

    /// Waits for the next release.
    pub(crate) async fn released(&self) {
        let mut releases = self.releases.subscribe();
        // The sender lives as long as `self`, so the wait cannot fail.
        let _ = releases.changed().await;
    }

    /// Releases all held responses, and returns their number.
    pub(crate) fn release(&self) -> usize {
        let held = self.held();
        self.releases.send_modify(|count| *count += 1);
        held
    }

    /// The number of held responses.
    pub(crate) fn held(&self) -> usize {
        self.releases.receiver_count()
    }

    pub(crate) fn list(&self) -> Vec<Fault> {
        self.lock().iter().map(|line| line.fault.clone()).collect()
    }

    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<ScriptLine>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct ScriptLine {
    fault: Fault,
    strike: FaultTrigger,
    seen: u64,
}

impl ScriptLine {
    fn new(fault: Fault) -> Result<Self, String> {
        let known = Operation::ALL.iter().any(|operation| operation.name() == fault.operation);
        if !known && fault.operation != "*" {
            let names = Operation::ALL.map(Operation::name).join(", ");
            return Err(format!(
                "unknown operation `{}`: expected * or one of {names}",
                fault.operation
            ));
        }
        if fault.nth == Some(0) {
            return Err("invalid `nth` 0: the first call is 1".into());
        }
        let strike = fault.action.strike()?;
        Ok(Self { fault, strike, seen: 0 })
    }

    fn is_due(&self) -> bool {
        let first = self.fault.nth.unwrap_or(1);
        let times = self.fault.times.or(self.fault.nth.map(|_| 1)).unwrap_or(u64::MAX);
        self.seen >= first && self.seen - first < times
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn script(lines: Value) -> Result<Faults, String> {
        let faults = Faults::new();
        faults.add(serde_json::from_value(lines).map_err(|error| error.to_string())?)?;
        Ok(faults)
    }

    fn struck(lines: Value, operation: Operation, calls: usize) -> Vec<bool> {
        let faults = script(lines).unwrap();
        (0..calls).map(|_| faults.strike(operation).is_some()).collect()
    }

    #[test]
    fn nth_and_times_select_the_calls() {
        let operation = Operation::IssueAccessToken;
        let line = |rest: Value| {
            let mut line = json!({"operation": "issueAccessToken", "action": {"hold": true}});
            line.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
            json!([line])
        };
        for (rest, expected) in [
            (json!({}), [true, true, true, true]),
            (json!({"times": 2}), [true, true, false, false]),
            (json!({"nth": 2}), [false, true, false, false]),
            (json!({"nth": 2, "times": 2}), [false, true, true, false]),
        ] {
            assert_eq!(struck(line(rest.clone()), operation, 4), expected, "{rest}");
        }
    }

    #[test]
    fn create_identity_means_both_ways_of_creating() {
        let both = json!([{"operation": "createIdentity", "action": {"hold": true}}]);
        let one = json!([{"operation": "createIdentityWithToken", "action": {"hold": true}}]);
        assert_eq!(struck(both.clone(), Operation::CreateIdentity, 1), [true]);
        assert_eq!(struck(both.clone(), Operation::CreateIdentityWithToken, 1), [true]);
        assert_eq!(struck(both, Operation::DeleteIdentity, 1), [false]);
        assert_eq!(struck(one, Operation::CreateIdentity, 1), [false]);
    }

    #[test]
    fn an_invalid_fault_is_refused_with_the_reason() {
        for (line, reason) in [
            (json!({"operation": "createUser", "action": {"hold": true}}), "unknown operation"),
            (json!({"operation": "*", "action": {}}), "exactly one of"),
            (json!({"operation": "*", "action": {"hold": true, "delayMs": 1}}), "exactly one of"),
            (json!({"operation": "*", "action": {"status": 99}}), "200 to 599"),
            (json!({"operation": "*", "action": {"hold": true, "body": "x"}}), "require `status`"),
            (
                json!({"operation": "*", "action": {"hold": true, "afterEffect": true}}),
                "afterEffect",
            ),
            (json!({"operation": "*", "nth": 0, "action": {"hold": true}}), "first call is 1"),
            (json!({"operation": "*", "action": {"explode": true}}), "unknown field"),
        ] {
            let error = script(json!([line])).err().unwrap();
            assert!(error.contains(reason), "{error}");
        }
    }
}
