//! What an identity provider says about a user, and what follows from it.
//!
//! Events carry their own time, and arrive late, doubled and in any order. Three rules
//! make every order end the same:
//!
//! 1. *Blocked or not* follows the newest decision. At the very same time a block wins.
//! 2. *Revocation* is a watermark, the newest time of any: an event that moves it
//!    revokes, even if a newer "enabled" was obeyed before, for tokens older than it
//!    must die. A block that takes effect revokes, too.
//! 3. *Deletion* applies to an identity created before it.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::{
    identity::{ExternalId, IdentityRef},
    record::{By, Cause, Order, Reason, ReceiptId, Record, State},
};

/// Something that happened to a user at their identity provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// To whom.
    pub identity: IdentityRef,
    /// When, in whole milliseconds; see [`Event::at_millisecond`].
    pub occurred_at: SystemTime,
    /// The provider's name for the event.
    pub id: String,
    /// Why, in somebody's own words.
    pub reason: Option<Reason>,
}

impl Event {
    /// An event may come from a clock that is ahead of ours by this much. From further
    /// ahead it is malformed: obeyed, it would block somebody until then whatever is
    /// said later.
    pub const TOLERATED_SKEW: Duration = Duration::from_mins(5);

    /// The longest name of an event that is kept, in characters.
    pub const MAX_ID_LENGTH: usize = 128;

    /// The time as it is stored: a record reads back as it was written.
    #[must_use]
    pub fn at_millisecond(time: SystemTime) -> SystemTime {
        let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let millis = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(millis)).unwrap_or(time)
    }

    /// Whether the event says it happened later than any clock may say now.
    #[must_use]
    pub fn is_from_the_future(&self, now: SystemTime) -> bool {
        self.occurred_at > now + Self::TOLERATED_SKEW
    }

    /// Corrects a clock that is a little ahead: nothing happened after we heard of it.
    /// Otherwise it would hide, for as long as it is ahead, what happens next.
    pub fn not_after(&mut self, heard: SystemTime) {
        if self.occurred_at > heard && !self.is_from_the_future(heard) {
            self.occurred_at = Self::at_millisecond(heard);
        }
    }

    fn cause(&self) -> Cause {
        let id = self.id.chars().take(Self::MAX_ID_LENGTH).collect();
        Cause { by: By::Event { kind: self.kind, id }, reason: self.reason.clone() }
    }
}

/// What can happen to a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum EventKind {
    /// They ended their sessions, or somebody did it for them: revoke.
    #[serde(rename = "user.signed-out")]
    SignedOut,
    /// Their password or second factor changed: revoke.
    #[serde(rename = "user.credentials-changed")]
    CredentialsChanged,
    /// They may not sign in: revoke and block.
    #[serde(rename = "user.disabled")]
    Disabled,
    /// They may sign in again: unblock.
    #[serde(rename = "user.enabled")]
    Enabled,
    /// Their account is gone: delete.
    #[serde(rename = "user.deleted")]
    Deleted,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 5] =
        [Self::SignedOut, Self::CredentialsChanged, Self::Disabled, Self::Enabled, Self::Deleted];

    /// As an event's `detail-type` spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SignedOut => "user.signed-out",
            Self::CredentialsChanged => "user.credentials-changed",
            Self::Disabled => "user.disabled",
            Self::Enabled => "user.enabled",
            Self::Deleted => "user.deleted",
        }
    }

    /// Reads a `detail-type`.
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == raw)
    }
}

/// What follows from an event, given a user's record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The record becomes this, and what it then leaves to do at ACS is done.
    Change(Box<Record>),
    /// The record knows already, and what was begun for it is not finished.
    Finish,
    /// Somebody is creating the identity right now: once they have, the event is obeyed.
    Wait,
    /// Nothing is to be done.
    Nothing(Why),
}

/// Why an event has no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// It was obeyed before, or something newer was.
    NothingNew,
    /// The identity was created after it.
    CreatedLater,
    /// There is no such identity.
    NoIdentity,
}

impl Why {
    /// As logged and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NothingNew => "nothing-new",
            Self::CreatedLater => "created-later",
            Self::NoIdentity => "no-identity",
        }
    }
}

/// Decides what `event` means for `user`, whose record is `seen`. Changes nothing: the
/// same decision serves those who obey it and those who only want to know.
#[must_use]
pub fn decide(
    seen: Option<&Record>,
    user: &ExternalId,
    event: &Event,
    receipt: ReceiptId,
    now: SystemTime,
) -> Decision {
    let record = seen.cloned().unwrap_or_else(|| Record::unseen(user, now));
    let at = event.occurred_at;
    // Of an identity that is stuck, a message that comes again is somebody who looks.
    let is_stuck = matches!(record.state, State::Stuck { .. });
    let revokes = is_stuck || record.revoked_through.is_none_or(|through| through < at);
    let next = match event.kind {
        EventKind::SignedOut | EventKind::CredentialsChanged => {
            revokes.then(|| record.revoked(&order(event, receipt, false), now))
        }
        EventKind::Disabled => {
            let is_new = record.decided_at.is_none_or(|decided| decided < at);
            let is_tied = record.decided_at == Some(at) && !record.state.is_blocked();
            let blocks = is_new || is_tied;
            (revokes || blocks).then(|| record.revoked(&order(event, receipt, blocks), now))
        }
        EventKind::Enabled if matches!(record.state, State::Provisioning { .. }) => {
            // Its owner would find the record changed, and take the identity back.
            return Decision::Wait;
        }
        EventKind::Enabled => {
            let is_new = record.decided_at.is_none_or(|decided| decided < at);
            is_new.then(|| record.unblocked(at, now))
        }
        EventKind::Deleted => match record.state {
            State::Deleted | State::Blocked { acs_id: None } => {
                return Decision::Nothing(Why::NoIdentity);
            }
            _ if record.created_at >= at => return Decision::Nothing(Why::CreatedLater),
            _ => record.marked_for_deletion(&receipt, now),
        },
    };
    match next {
        Some(next) => Decision::Change(Box::new(next)),
        None if record.pending_revocation.is_some() && !is_stuck => Decision::Finish,
        None => Decision::Nothing(Why::NothingNew),
    }
}

fn order(event: &Event, receipt: ReceiptId, block: bool) -> Order {
    Order { receipt, at: event.occurred_at, block, cause: event.cause() }
}

#[cfg(test)]
mod tests;
