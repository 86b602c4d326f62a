//! The audit log: the actions of administrators, events and the cleanup on users.
//!
//! An entry is written in the same request as the change that it describes, so that each change
//! has its entry and each entry has its change. It contains no tokens and no claims.
//!
//! Entries are read as [`StoredAuditEntry`], whose actor, action and state are text: a newer
//! version may write values that this version does not know. Such an entry must not make a whole
//! list unreadable, and must not be left out of it.

use std::time::{Duration, SystemTime};

use crate::model::{AcsId, Event, EventKind, EventSource, ExternalId, Reason, Record, StateName};

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// The ID of the action: the invocation's ID, as in its receipt and its log lines.
    pub id: String,
    /// When the action was recorded, by our clock.
    pub at: SystemTime,
    /// The user whose identity was affected.
    pub user: ExternalId,
    /// The actor.
    pub by: Actor,
    /// The action.
    pub action: AuditAction,
    /// The identity, if there was one.
    pub identity: Option<AcsId>,
    /// The state of the record after the action.
    pub state: StateName,
    /// The actor's free-text reason.
    pub reason: Option<Reason>,
}

/// The actor of an action in the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// An administrator, with their external ID.
    Administrator(ExternalId),
    /// An event.
    Event {
        /// The source of the event.
        source: EventSource,
        /// The ID of the event at its source.
        id: String,
    },
    /// A cleanup run, by schedule or started by an operator.
    Cleanup {
        /// The ID of the run.
        run: String,
    },
}

impl Actor {
    /// The key to look up entries by actor: the administrator's external ID, the name of the
    /// event source, or `cleanup`.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Administrator(id) => id.as_str(),
            Self::Event { source, .. } => source.as_str(),
            Self::Cleanup { .. } => CLEANUP,
        }
    }

    /// The actor's reference for the action: an event's ID, or a run's ID.
    #[must_use]
    pub fn reference(&self) -> Option<&str> {
        match self {
            Self::Administrator(_) => None,
            Self::Event { id, .. } => Some(id),
            Self::Cleanup { run } => Some(run),
        }
    }

    /// The kind of actor, as stored and as shown: `administrator`, `event` or `cleanup`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Administrator(_) => "administrator",
            Self::Event { .. } => "event",
            Self::Cleanup { .. } => CLEANUP,
        }
    }
}

/// The action of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditAction {
    /// An identity was created.
    CreateIdentity,
    /// An identity of ACS was recorded as the user's.
    ImportIdentity,
    /// A token was issued.
    IssueToken,
    /// Every token was revoked.
    RevokeTokens,
    /// Every token was revoked, and the user was blocked.
    BlockUser,
    /// The user was unblocked.
    UnblockUser,
    /// The identity was marked for deletion.
    DeleteIdentity,
    /// The user was assigned to Teams Phone.
    AssignPhone,
    /// The user lost their assignment to Teams Phone.
    UnassignPhone,
    /// The change that an event of this type reports was applied.
    Event(EventKind),
}

impl AuditAction {
    /// Every action.
    pub const ALL: [Self; 14] = [
        Self::CreateIdentity,
        Self::ImportIdentity,
        Self::IssueToken,
        Self::RevokeTokens,
        Self::BlockUser,
        Self::UnblockUser,
        Self::DeleteIdentity,
        Self::AssignPhone,
        Self::UnassignPhone,
        Self::Event(EventKind::SignedOut),
        Self::Event(EventKind::CredentialsChanged),
        Self::Event(EventKind::Disabled),
        Self::Event(EventKind::Enabled),
        Self::Event(EventKind::Deleted),
    ];

    /// The name as stored and as shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CreateIdentity => "create-identity",
            Self::ImportIdentity => "import-identity",
            Self::IssueToken => "issue-token",
            Self::RevokeTokens => "revoke-tokens",
            Self::BlockUser => "block-user",
            Self::UnblockUser => "unblock-user",
            Self::DeleteIdentity => "delete-identity",
            Self::AssignPhone => "assign-phone",
            Self::UnassignPhone => "unassign-phone",
            Self::Event(kind) => kind.as_str(),
        }
    }

    /// Parses the output of [`as_str`](Self::as_str).
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str() == raw)
    }
}

impl AuditEntry {
    /// Creates the entry of a step that results in the record `next`.
    #[must_use]
    pub fn of(next: &Record, id: &str, by: Actor, action: AuditAction, at: SystemTime) -> Self {
        Self {
            id: id.to_owned(),
            at,
            user: next.external_id.clone(),
            by,
            action,
            identity: next.acs_id().or(next.last_acs_id.as_ref()).cloned(),
            state: next.state.name(),
            reason: None,
        }
    }
}

/// An entry as it was stored, for display.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAuditEntry {
    /// See [`AuditEntry::id`].
    pub id: String,
    /// When the action was recorded, in whole milliseconds.
    pub at: SystemTime,
    /// The user whose identity was affected.
    pub user: ExternalId,
    /// See [`Actor::name`].
    pub by: String,
    /// See [`Actor::kind`]; may be a value that only a newer version knows.
    pub actor: String,
    /// See [`Actor::reference`].
    pub reference: Option<String>,
    /// See [`AuditAction::as_str`]; may be a value that only a newer version knows.
    pub action: String,
    /// The identity, if there was one.
    pub identity: Option<AcsId>,
    /// See [`StateName::as_str`]; may be a value that only a newer version knows.
    pub state: String,
    /// The actor's free-text reason.
    pub reason: Option<String>,
}

impl From<&AuditEntry> for StoredAuditEntry {
    fn from(entry: &AuditEntry) -> Self {
        Self {
            id: entry.id.clone(),
            at: Event::at_millisecond(entry.at),
            user: entry.user.clone(),
            by: entry.by.name().to_owned(),
            actor: entry.by.kind().to_owned(),
            reference: entry.by.reference().map(str::to_owned),
            action: entry.action.as_str().to_owned(),
            identity: entry.identity.clone(),
            state: entry.state.as_str().to_owned(),
            reason: entry.reason.as_ref().map(|reason| reason.as_str().to_owned()),
        }
    }
}

/// Selects the entries to list. Each variant is one index of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuditFilter {
    /// Actions on this user.
    User(ExternalId),
    /// Actions by the actor with this [name](Actor::name).
    Actor(String),
    /// Actions on the UTC day that contains this time.
    Day(SystemTime),
}

/// A request for one page of the audit log.
#[derive(Clone, Debug)]
pub struct AuditQuery {
    /// The filter.
    pub filter: AuditFilter,
    /// Only entries recorded at this time or later.
    pub since: Option<SystemTime>,
    /// Only entries that follow this position, which means older ones.
    pub after: Option<AuditPosition>,
    /// The maximum number of entries.
    pub limit: u16,
}

/// One page of the audit log.
#[derive(Clone, Debug, Default)]
pub struct AuditPage {
    /// The entries, newest first.
    pub entries: Vec<StoredAuditEntry>,
    /// The position to continue after; `None` at the end. The last page can be empty.
    pub next: Option<AuditPosition>,
}

/// The position of an entry in the log: sorted by time, then by id, then by user.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AuditPosition {
    /// The time of the entry.
    pub at: SystemTime,
    /// The entry's id.
    pub id: String,
    /// The entry's user: one cleanup run writes an entry for each user under one id.
    pub user: ExternalId,
}

impl From<&StoredAuditEntry> for AuditPosition {
    fn from(entry: &StoredAuditEntry) -> Self {
        Self { at: entry.at, id: entry.id.clone(), user: entry.user.clone() }
    }
}

/// The number of the UTC day that contains `at`, counted from 1970.
#[must_use]
pub fn day_number(at: SystemTime) -> u64 {
    at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs() / SECONDS_PER_DAY
}

/// The start of the day with this [`day_number`].
#[must_use]
pub fn start_of_day(number: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(number * SECONDS_PER_DAY)
}

const CLEANUP: &str = "cleanup";
const SECONDS_PER_DAY: u64 = 24 * 60 * 60;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::record::State;
    use crate::testing::{acs_id, record, user};

    #[test]
    fn an_entry_is_stored_with_its_actor_and_its_action_as_text() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_micros(1_800_000_000_123_456);
        let event = Actor::Event { source: EventSource::Okta, id: "e-1".to_owned() };
        let cleanup = Actor::Cleanup { run: "run-1".to_owned() };
        for (by, action, name, kind, reference) in [
            (
                Actor::Administrator(user("root")),
                AuditAction::BlockUser,
                "root",
                "administrator",
                None,
            ),
            (event, AuditAction::Event(EventKind::Disabled), "okta", "event", Some("e-1")),
            (cleanup, AuditAction::DeleteIdentity, "cleanup", "cleanup", Some("run-1")),
        ] {
            let alice = record("alice", State::blocked("8:acs:1"), at);
            let entry = AuditEntry::of(&alice, "r-1", by, action, at);
            let entry = AuditEntry { reason: Reason::parse("left"), ..entry };
            let stored = StoredAuditEntry {
                id: "r-1".to_owned(),
                at: SystemTime::UNIX_EPOCH + Duration::from_millis(1_800_000_000_123),
                user: user("alice"),
                by: name.to_owned(),
                actor: kind.to_owned(),
                reference: reference.map(str::to_owned),
                action: action.as_str().to_owned(),
                identity: Some(acs_id("8:acs:1")),
                state: "blocked".to_owned(),
                reason: Some("left".to_owned()),
            };
            assert_eq!(StoredAuditEntry::from(&entry), stored);
        }
    }

    #[test]
    fn every_action_has_a_name_and_reads_back_from_it() {
        assert_eq!(AuditAction::BlockUser.as_str(), "block-user");
        for action in AuditAction::ALL {
            assert_eq!(AuditAction::parse(action.as_str()), Some(action));
        }
        assert_eq!(AuditAction::parse("future-action"), None);
    }

    #[test]
    fn a_day_lasts_from_midnight_to_midnight() {
        let midnight = SystemTime::UNIX_EPOCH + Duration::from_hours(20_000 * 24);
        assert_eq!(start_of_day(20_000), midnight);
        assert_eq!(day_number(midnight + Duration::from_millis(86_399_999)), 20_000);
        assert_eq!(day_number(midnight + Duration::from_hours(24)), 20_001);
    }
}
