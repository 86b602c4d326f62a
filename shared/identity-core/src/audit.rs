//! The audit log: what administrators, events and the cleanup did to users.
//!
//! An entry is written in the same request as the change that it tells of, so that there
//! is no change without its entry, and no entry without its change. It holds no token and
//! no claim.

use std::time::SystemTime;

use crate::{
    event::{EventKind, Source},
    identity::{AcsId, ExternalId},
    record::{Reason, Record, StateName},
};

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Names the action: the invocation's id, as in its receipt and its log lines.
    pub id: String,
    /// When it was recorded, by our clock.
    pub at: SystemTime,
    /// To whose identity it was done.
    pub user: ExternalId,
    /// Who did it.
    pub by: Actor,
    /// What was done.
    pub action: Action,
    /// The identity, if there was one.
    pub identity: Option<AcsId>,
    /// The state of the record after it.
    pub state: StateName,
    /// Why, in the actor's own words.
    pub reason: Option<Reason>,
}

/// Who did something that is kept in the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// An administrator, by their external id.
    Administrator(ExternalId),
    /// An event.
    Event {
        /// Who sent it.
        source: Source,
        /// Its sender's name for it.
        id: String,
    },
    /// The scheduled cleanup, or an operator's: the run it belongs to.
    Cleanup {
        /// The run's name.
        run: String,
    },
}

impl Actor {
    /// What entries are looked up by: the administrator's external id, the name of the event
    /// source, or `cleanup`.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Administrator(id) => id.as_str(),
            Self::Event { source, .. } => source.as_str(),
            Self::Cleanup { .. } => CLEANUP,
        }
    }

    /// What the actor calls the cause: an event's id, or a run's name.
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

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// An identity was created.
    CreateIdentity,
    /// A token was issued.
    IssueToken,
    /// Every token was revoked.
    RevokeTokens,
    /// Every token was revoked, and the user gets no new one.
    BlockUser,
    /// The user gets tokens again.
    UnblockUser,
    /// The identity was marked for deletion.
    DeleteIdentity,
    /// What an event says was done.
    Event(EventKind),
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 11] = [
        Self::CreateIdentity,
        Self::IssueToken,
        Self::RevokeTokens,
        Self::BlockUser,
        Self::UnblockUser,
        Self::DeleteIdentity,
        Self::Event(EventKind::SignedOut),
        Self::Event(EventKind::CredentialsChanged),
        Self::Event(EventKind::Disabled),
        Self::Event(EventKind::Enabled),
        Self::Event(EventKind::Deleted),
    ];

    /// As stored and as shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CreateIdentity => "create-identity",
            Self::IssueToken => "issue-token",
            Self::RevokeTokens => "revoke-tokens",
            Self::BlockUser => "block-user",
            Self::UnblockUser => "unblock-user",
            Self::DeleteIdentity => "delete-identity",
            Self::Event(kind) => kind.as_str(),
        }
    }

    /// Reads what [`as_str`](Self::as_str) gave.
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str() == raw)
    }
}

impl AuditEntry {
    /// The entry of a step that makes the record `next`.
    #[must_use]
    pub fn of(next: &Record, id: &str, by: Actor, action: Action, at: SystemTime) -> Self {
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

const CLEANUP: &str = "cleanup";
