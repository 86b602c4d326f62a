//! One user's story: what the record knows, what runs of the cleanup said, and what the
//! functions logged, in the order in which it happened.

use std::time::SystemTime;

use identity_core::{
    delete_stale_identities::{Mode, Run},
    record::{By, Receipt, Record, State},
};
use serde::Serialize;

use crate::{logs::Line, moment, output::Row};

/// Something that happened.
#[derive(Debug, Serialize)]
pub(crate) struct Entry {
    #[serde(skip)]
    order: SystemTime,
    at: String,
    what: String,
    /// `record`, `cleanup` or `log`.
    source: &'static str,
}

impl Entry {
    fn new(at: SystemTime, what: impl Into<String>, source: &'static str) -> Self {
        Self { order: at, at: moment::show(at), what: what.into(), source }
    }
}

impl Row for Entry {
    const COLUMNS: &'static [&'static str] = &["when", "source", "what"];

    fn cells(&self) -> Vec<String> {
        vec![self.at.clone(), self.source.to_owned(), self.what.clone()]
    }
}

/// Every name the user's identities had in ACS, as far as the record knows.
pub(crate) fn identities(record: &Record) -> Vec<String> {
    let earlier = record.receipts.iter().filter_map(|receipt| receipt.identity.as_ref());
    let mut names: Vec<String> =
        record.acs_id().into_iter().chain(earlier).map(ToString::to_string).collect();
    names.sort();
    names.dedup();
    names
}

/// The story, oldest first.
pub(crate) fn tell(record: &Record, runs: &[Run], lines: Vec<Line>) -> Vec<Entry> {
    let mut entries = of_record(record);
    entries.extend(runs.iter().filter_map(|run| of_run(record, run)));
    entries.extend(lines.into_iter().map(|line| Entry::new(line.at, line.what, "log")));
    entries.sort_by_key(|entry| entry.order);
    entries
}

fn of_record(record: &Record) -> Vec<Entry> {
    let entry = |at, what: &str| Entry::new(at, what, "record");
    let created = match record.acs_id() {
        Some(acs_id) => format!("identity created: {acs_id}"),
        None => "record made".to_owned(),
    };
    let mut entries = vec![entry(record.created_at, &created)];
    if record.last_issued_at > record.created_at {
        entries.push(entry(record.last_issued_at, "last used: a token, or the creation"));
    }
    for receipt in &record.receipts {
        entries.push(entry(receipt.accepted_at, &revoked(receipt)));
        if let Some(at) = receipt.revoked_at {
            entries.push(entry(at, &format!("ACS confirmed {}", receipt.id.0)));
        }
    }
    if let Some(at) = record.decided_at {
        let what = if record.state.is_blocked() { "blocked" } else { "not blocked" };
        entries.push(entry(at, &format!("newest decision: {what}")));
    }
    let pending = record.pending_revocation.as_ref();
    let state = match (&record.state, pending) {
        (State::Stuck { .. }, _) => format!("stuck after {} attempts", record.attempts),
        (state, Some(_)) => {
            format!("{}; ACS has yet to confirm a revocation", state.name().as_str())
        }
        (state, None) => state.name().as_str().to_owned(),
    };
    entries.push(entry(record.changed_at, &format!("state: {state}, epoch {}", record.epoch)));
    entries
}

fn revoked(receipt: &Receipt) -> String {
    let what = if receipt.blocked { "revoked and blocked" } else { "revoked" };
    let by = match &receipt.cause.by {
        By::Event { kind, id } => format!("{} {id}", kind.as_str()),
        by => by.as_str().to_owned(),
    };
    let reason = receipt.cause.reason.as_ref();
    let reason = reason.map(|reason| format!(" ({})", reason.as_str())).unwrap_or_default();
    format!("{what}, epoch {}, by {by}{reason}: {}", receipt.epoch, receipt.id.0)
}

/// Whether a run named the identity, or had to look at it.
fn of_run(record: &Record, run: &Run) -> Option<Entry> {
    let names = identities(record);
    let (at, cutoff) = (SystemTime::from(run.started_at), SystemTime::from(run.cutoff));
    let is_named = run.sample.iter().any(|sample| names.contains(&sample.identity));
    let was_stale = record.created_at < at && record.last_issued_at < cutoff;
    let what = match (is_named, run.mode) {
        (true, Mode::Apply) => "deleted it",
        (true, Mode::Plan) => "would delete it",
        (false, Mode::Apply) if was_stale && run.braked => {
            "was too large to delete any, it included"
        }
        (false, _) if was_stale => "considered it",
        _ => return None,
    };
    Some(Entry::new(at, format!("run {} {what}", run.id), "cleanup"))
}
