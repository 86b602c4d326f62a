//! The history of one user: the record, the runs of the cleanup, and the functions' log lines,
//! in the order in which the events happened.

use std::time::SystemTime;

use identity_core::delete_stale_identities::{CleanupMode, CleanupRun};
use identity_core::record::{By, Receipt, Record, State};
use serde::Serialize;

use crate::input::logs::LogLine;
use crate::report::{Row, timestamp};

/// An entry of the history.
#[derive(Debug, Serialize)]
pub(crate) struct HistoryEntry {
    #[serde(skip)]
    order: SystemTime,
    at: String,
    what: String,
    /// `record`, `cleanup` or `log`.
    source: &'static str,
}

impl HistoryEntry {
    fn new(at: SystemTime, what: impl Into<String>, source: &'static str) -> Self {
        Self { order: at, at: timestamp::format(at), what: what.into(), source }
    }

    /// Whether it happened at this time or later.
    pub(crate) fn is_since(&self, time: SystemTime) -> bool {
        self.order >= time
    }
}

impl Row for HistoryEntry {
    const COLUMNS: &'static [&'static str] = &["when", "source", "what"];

    fn cells(&self) -> Vec<String> {
        vec![self.at.clone(), self.source.to_owned(), self.what.clone()]
    }
}

/// Every ACS id of the user, as far as the record knows.
pub(crate) fn identities(record: &Record) -> Vec<String> {
    let earlier = record.receipts.iter().filter_map(|receipt| receipt.identity.as_ref());
    let names = record.acs_id().into_iter().chain(&record.last_acs_id).chain(earlier);
    let mut names: Vec<String> = names.map(ToString::to_string).collect();
    names.sort();
    names.dedup();
    names
}

/// The history, oldest first. Without a record, the history of an identity that no longer has
/// one.
pub(crate) fn tell(
    record: Option<&Record>,
    names: &[String],
    runs: &[CleanupRun],
    lines: Vec<LogLine>,
) -> Vec<HistoryEntry> {
    let mut entries = record.map(of_record).unwrap_or_default();
    // Runs come newest first, and two entries can have the same millisecond.
    entries.extend(runs.iter().rev().filter_map(|run| of_run(record, names, run)));
    entries.extend(lines.into_iter().map(|line| HistoryEntry::new(line.at, line.what, "log")));
    entries.sort_by_key(|entry| entry.order);
    entries
}

fn of_record(record: &Record) -> Vec<HistoryEntry> {
    let entry = |at, what: &str| HistoryEntry::new(at, what, "record");
    let created = match record.acs_id() {
        Some(acs_id) => format!("identity created: {acs_id}"),
        None => "record made".to_owned(),
    };
    let mut entries = vec![entry(record.created_at, &created)];
    if let (Some(_), Some(last)) = (record.acs_id(), &record.last_acs_id) {
        let before = format!("an identity before it, {last}, was deleted");
        entries.push(entry(record.created_at, &before));
    }
    if record.last_issued_at > record.created_at {
        entries.push(entry(record.last_issued_at, "last used: a token, or the creation"));
    }
    for receipt in &record.receipts {
        entries.push(entry(receipt.accepted_at, &revoked(receipt)));
        if let Some(at) = receipt.revoked_at {
            entries.push(entry(at, &format!("ACS confirmed {}", receipt.id.0)));
        }
    }
    let in_force: Vec<_> = record.decisions.blocking().map(|(origin, _)| origin).collect();
    for (origin, decision) in record.decisions.iter() {
        let what = match (decision.blocks, in_force.contains(&origin)) {
            (true, true) => "blocked the user; in force",
            (true, false) => "blocked the user; lifted since",
            (false, _) => "unblocked the user",
        };
        entries.push(entry(decision.at, &format!("{} {what}", origin.as_str())));
    }
    if let Some(at) = record.not_before {
        entries.push(entry(at, "signed out or blocked: older bearers are refused"));
    }
    let pending = record.pending_revocation.as_ref();
    let state = match (&record.state, pending) {
        (State::Stuck { .. }, _) => format!("stuck after {} attempts", record.attempts),
        (state, Some(_)) => {
            format!("{}; ACS has yet to confirm a revocation", state.name().as_str())
        }
        (state, None) => state.name().as_str().to_owned(),
    };
    let was = match &record.last_acs_id {
        Some(last) if record.acs_id().is_none() => format!("; the identity was {last}"),
        _ => String::new(),
    };
    entries.push(entry(record.changed_at, &format!("state: {state}, epoch {}{was}", record.epoch)));
    entries
}

fn revoked(receipt: &Receipt) -> String {
    let what = if receipt.blocked { "revoked and blocked" } else { "revoked" };
    let by = match &receipt.cause.by {
        By::Event { kind, id, source } => {
            let source = source.map(|source| format!(" from {}", source.as_str()));
            format!("{} {id}{}", kind.as_str(), source.unwrap_or_default())
        }
        By::Administrator { id: Some(id) } => format!("administrator {}", id.as_str()),
        by => by.as_str().to_owned(),
    };
    let reason = receipt.cause.reason.as_ref();
    let reason = reason.map(|reason| format!(" ({})", reason.as_str())).unwrap_or_default();
    format!("{what}, epoch {}, by {by}{reason}: {}", receipt.epoch, receipt.id.0)
}

/// The entry for a run that named the identity, or must have found it.
fn of_run(record: Option<&Record>, names: &[String], run: &CleanupRun) -> Option<HistoryEntry> {
    let is_named = run.sample.iter().any(|sample| names.contains(&sample.identity));
    let was_stale = || record.is_some_and(|record| was_stale(record, run));
    let what = match (is_named, run.mode) {
        (true, CleanupMode::Apply) => "deleted it",
        (true, CleanupMode::Plan) => "would delete it",
        (false, CleanupMode::Apply) if run.braked && was_stale() => {
            "deleted nothing: too many identities were unused"
        }
        // The run may have stopped before this identity, or found that it had changed.
        (false, _) if was_stale() => "found the identity unused",
        _ => return None,
    };
    Some(HistoryEntry::new(run.started_at.into(), format!("run {} {what}", run.id), "cleanup"))
}

/// Whether the identity existed when the run started, and was unused since its cutoff. If it was
/// used after the run, the record no longer shows this.
fn was_stale(record: &Record, run: &CleanupRun) -> bool {
    let (at, cutoff) = (SystemTime::from(run.started_at), SystemTime::from(run.cutoff));
    let was_there =
        record.acs_id().is_some() || (record.last_acs_id.is_some() && at < record.changed_at);
    was_there && record.created_at < at && record.last_issued_at < cutoff
}
