//! What an identity provider says about a user, and what follows from it.
//!
//! Events carry their own time, and arrive late, doubled and in any order. Three rules
//! make every order end the same:
//!
//! 1. *Blocked or not* follows the decisions of all origins, as
//!    [`Decisions`](crate::record::Decisions) says.
//! 2. *Revocation* is a watermark of each origin: an event that is newer than any before it
//!    of the same origin revokes, even if the user was let in again since, for tokens older
//!    than it must die. Extra revocations are harmless, missed ones are not. A block that
//!    takes effect revokes, too.
//! 3. *Deletion* applies to an identity created before it. An identity created since keeps
//!    its place, and its tokens die: a bearer from before the deletion may have bought them.
//!
//! Whatever the event, a bearer from before it opens nothing any more, unless it says that
//! the user may sign in again.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::{
    identity::{ExternalId, IdentityRef},
    record::{
        By, Cause, CutOff, Decision as Ruling, Order, Origin, Reason, ReceiptId, Record, State,
        end_of,
    },
};

/// Something that happened to a user at their identity provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Who sent it.
    pub source: Source,
    /// What happened.
    pub kind: EventKind,
    /// To whom.
    pub identity: IdentityRef,
    /// When, in whole milliseconds; see [`Event::at_millisecond`].
    pub occurred_at: SystemTime,
    /// How finely the source tells the time: a second where it tells whole seconds. The event
    /// may have happened at any moment of it.
    pub resolution: Duration,
    /// When it reached this deployment's queue, if it came through one.
    pub heard_at: Option<SystemTime>,
    /// The provider's name for the event.
    pub id: String,
    /// Why, in somebody's own words.
    pub reason: Option<Reason>,
}

impl Event {
    /// An event may come from a clock that is ahead of ours by this much. From further
    /// ahead it is malformed: applied, it would block the user until then whatever is
    /// said later.
    pub const TOLERATED_SKEW: Duration = Duration::from_mins(5);

    /// The longest name of an event that is kept, in characters.
    pub const MAX_ID_LENGTH: usize = 128;

    /// The finest that a source may tell the time, and what the store keeps.
    pub const FINEST: Duration = Duration::from_millis(1);

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
        self.occurred_at > self.heard_at.unwrap_or(now).min(now) + Self::TOLERATED_SKEW
    }

    /// The time that counts when the event is compared with others: the latest that its source
    /// may mean, and not later than it was heard, for nothing happens after that.
    ///
    /// So a clock that is ahead hides nothing that happens next, and two events of one second
    /// stay in the order in which they came.
    #[must_use]
    pub fn counts_at(&self) -> SystemTime {
        let latest = end_of(self.occurred_at, self.resolution);
        self.heard_at.map_or(latest, |heard| latest.min(Self::at_millisecond(heard)))
    }

    /// From when on a bearer must have been issued. By the source's own clock, which stamps the
    /// bearers, too: if it is ahead, it is ahead in both.
    #[must_use]
    pub fn not_before(&self) -> SystemTime {
        end_of(self.occurred_at, self.resolution)
    }

    /// Who wants what the event says.
    #[must_use]
    pub fn by(&self) -> By {
        let id = self.id.chars().take(Self::MAX_ID_LENGTH).collect();
        By::Event { source: Some(self.source), kind: self.kind, id }
    }
}

/// Who tells of events. Each has a clock of its own, and lifts its own blocks only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// A sender of our own format.
    Guestpass,
    /// An Amazon Cognito user pool, by way of `CloudTrail`.
    Cognito,
    /// An Auth0 tenant, by its log stream to `EventBridge`.
    Auth0,
    /// An Okta organisation, by its log stream to `EventBridge`.
    Okta,
}

impl Source {
    /// Every source.
    pub const ALL: [Self; 4] = [Self::Guestpass, Self::Cognito, Self::Auth0, Self::Okta];

    /// As stored and as logged.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Guestpass => "guestpass",
            Self::Cognito => "cognito",
            Self::Auth0 => "auth0",
            Self::Okta => "okta",
        }
    }

    /// Reads what [`as_str`](Self::as_str) gave.
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.as_str() == raw)
    }

    /// Whose decisions these are.
    #[must_use]
    pub fn origin(self) -> Origin {
        Origin::of_source(self.as_str())
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
    /// Another request is creating the identity right now: once it has, the event is applied.
    Wait,
    /// Nothing is to be done.
    Nothing(Why),
}

/// Why an event has no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// It was applied before, or something newer of the same origin was.
    NothingNew,
    /// There is no such identity.
    NoIdentity,
}

impl Why {
    /// As logged and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NothingNew => "nothing-new",
            Self::NoIdentity => "no-identity",
        }
    }
}

/// Decides what `event` means for `user`, whose record is `seen`. Changes nothing: the
/// same decision serves those who apply it and those who only want to know.
#[must_use]
pub fn decide(
    seen: Option<&Record>,
    user: &ExternalId,
    event: &Event,
    receipt: ReceiptId,
    now: SystemTime,
) -> Decision {
    let record = seen.cloned().unwrap_or_else(|| Record::unseen(user, now));
    let (at, origin) = (event.counts_at(), event.source.origin());
    // Of an identity that is stuck, a message that comes again is an operator's retry.
    let is_stuck = matches!(record.state, State::Stuck { .. });
    let revokes = is_stuck || !record.revoked_through.covers(&origin, at);
    let decides = |blocks| record.decisions.would_change(&origin, Ruling { at, blocks });
    let next = match event.kind {
        EventKind::SignedOut | EventKind::CredentialsChanged => {
            revokes.then(|| record.revoked(&order(event, receipt, false), now))
        }
        EventKind::Disabled => {
            (revokes || decides(true)).then(|| record.revoked(&order(event, receipt, true), now))
        }
        EventKind::Enabled if matches!(record.state, State::Provisioning { .. }) => {
            // Its owner would find the record changed, and take the identity back.
            return Decision::Wait;
        }
        EventKind::Enabled => decides(false).then(|| record.unblocked(origin.clone(), at, now)),
        EventKind::Deleted => delete(&record, event, receipt, now),
    };
    match next {
        Some(next) => Decision::Change(Box::new(next)),
        None if record.pending_revocation.is_some() && !is_stuck => Decision::Finish,
        None => Decision::Nothing(Why::NothingNew),
    }
}

/// The record after its user's account was deleted; `None` if it says so already.
fn delete(record: &Record, event: &Event, receipt: ReceiptId, now: SystemTime) -> Option<Record> {
    let at = event.counts_at();
    let is_known = record.account_deleted_at.is_some_and(|known| known >= event.not_before());
    let has_identity = record.acs_id().is_some();
    if has_identity && record.created_at >= at {
        // The identity stays; who had the account must sign in again all the same.
        return (!is_known).then(|| Record {
            account_deleted_at: record.account_deleted_at.max(Some(event.not_before())),
            ..record.revoked(&order(event, receipt, false), now)
        });
    }
    let is_to_go = has_identity && !matches!(record.state, State::Deleting { .. });
    let cut =
        CutOff { not_before: event.not_before(), account_deleted_at: Some(event.not_before()) };
    (is_to_go || !is_known).then(|| record.cut_off(&cut, &receipt, now))
}

fn order(event: &Event, receipt: ReceiptId, block: bool) -> Order {
    Order {
        receipt,
        at: event.counts_at(),
        not_before: event.not_before(),
        block,
        cause: Cause { by: event.by(), reason: event.reason.clone() },
        sign_out_pace_until: None,
    }
}

#[cfg(test)]
mod tests;
