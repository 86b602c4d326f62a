//! Events that an identity provider sends about a user, and their effects.
//!
//! Each event contains its own time. Events can arrive late, more than once and in any order.
//! Three rules give the same result for every order:
//!
//!
//! 1. *Blocked or not* follows the decisions of all origins, as
//!    [`Decisions`](crate::model::record::Decisions) defines.
//! 2. *Revocation* is a watermark of each origin: an event that is newer than all earlier ones of
//!    the same origin revokes, even if the user was unblocked since, because tokens older than
//!    the event must be revoked. Extra revocations are harmless, missed ones are not. A block
//!    that takes effect also revokes.
//! 3. *Deletion* applies to an identity created before it. An identity created later is kept, but
//!    its tokens are revoked: they may have been issued for a bearer token from before the
//!    deletion.
//!
//! After any event, a bearer token from before it is refused, unless the event says that the user
//! may sign in again.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::model::{
    identity::{ExternalId, IdentityRef},
    record::{
        BlockDecision, By, Cause, CutOff, Origin, Reason, ReceiptId, Record, RevocationOrder,
        State, end_of,
    },
};

/// Something that happened to a user at their identity provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The source that sent the event.
    pub source: EventSource,
    /// What happened.
    pub kind: EventKind,
    /// The user or identity that the event is about.
    pub identity: IdentityRef,
    /// When it happened, in whole milliseconds; see [`Event::at_millisecond`].
    pub occurred_at: SystemTime,
    /// The resolution of the source's clock: one second if the source sends whole seconds. The
    /// event may have happened at any moment of this interval.
    pub resolution: Duration,
    /// When the event reached this deployment's queue, if it came through one.
    pub heard_at: Option<SystemTime>,
    /// The ID of the event at its source.
    pub id: String,
    /// The free-text reason.
    pub reason: Option<Reason>,
}

impl Event {
    /// The clock of an event source may be ahead of ours by this much. An event from further
    /// ahead is malformed: if it were applied, it would block the user until that time and
    /// override every decision made before then.
    pub const TOLERATED_SKEW: Duration = Duration::from_mins(5);

    /// The maximum length of an event ID that is kept, in characters.
    pub const MAX_ID_LENGTH: usize = 128;

    /// The finest resolution of a source's clock. The store keeps the same resolution.
    pub const FINEST: Duration = Duration::from_millis(1);

    /// Rounds the time to the stored resolution, so that a record reads back as it was written.
    #[must_use]
    pub fn at_millisecond(time: SystemTime) -> SystemTime {
        let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let millis = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(millis)).unwrap_or(time)
    }

    /// Whether the event's time is later than the tolerated skew allows.
    #[must_use]
    pub fn is_from_the_future(&self, now: SystemTime) -> bool {
        self.occurred_at > self.heard_at.unwrap_or(now).min(now) + Self::TOLERATED_SKEW
    }

    /// The time used to compare the event with others: the latest time that its source may mean,
    /// but not later than the time it was received, because the event happened before that.
    ///
    /// Therefore a clock that is ahead does not hide later events, and two events of the same
    /// second keep the order in which they arrived.
    #[must_use]
    pub fn counts_at(&self) -> SystemTime {
        let latest = end_of(self.occurred_at, self.resolution);
        self.heard_at.map_or(latest, |heard| latest.min(Self::at_millisecond(heard)))
    }

    /// The time after which a bearer token must have been issued. It is read from the source's
    /// clock, which also stamps the bearer tokens: if that clock is ahead, it is ahead in both.
    #[must_use]
    pub fn not_before(&self) -> SystemTime {
        end_of(self.occurred_at, self.resolution)
    }

    /// The requester for the action that follows from the event.
    #[must_use]
    pub fn by(&self) -> By {
        let id = self.id.chars().take(Self::MAX_ID_LENGTH).collect();
        By::Event { source: Some(self.source), kind: self.kind, id }
    }
}

/// The source of an event. Each source has its own clock, and can lift only its own blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventSource {
    /// A sender that uses the format of this project.
    Guestpass,
    /// An Amazon Cognito user pool, through `CloudTrail`.
    Cognito,
    /// An Auth0 tenant, through its log stream to `EventBridge`.
    Auth0,
    /// An Okta organisation, through its log stream to `EventBridge`.
    Okta,
}

impl EventSource {
    /// Every source.
    pub const ALL: [Self; 4] = [Self::Guestpass, Self::Cognito, Self::Auth0, Self::Okta];

    /// The name as stored and as logged.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Guestpass => "guestpass",
            Self::Cognito => "cognito",
            Self::Auth0 => "auth0",
            Self::Okta => "okta",
        }
    }

    /// Parses the output of [`as_str`](Self::as_str).
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.as_str() == raw)
    }

    /// The origin of the source's decisions.
    #[must_use]
    pub fn origin(self) -> Origin {
        Origin::of_source(self.as_str())
    }
}

/// The types of events about a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum EventKind {
    /// The user's sessions were ended, by the user or by an administrator: revoke.
    #[serde(rename = "user.signed-out")]
    SignedOut,
    /// The user's password or second factor changed: revoke.
    #[serde(rename = "user.credentials-changed")]
    CredentialsChanged,
    /// The user may not sign in: revoke and block.
    #[serde(rename = "user.disabled")]
    Disabled,
    /// The user may sign in again: unblock.
    #[serde(rename = "user.enabled")]
    Enabled,
    /// The user's account was deleted: delete.
    #[serde(rename = "user.deleted")]
    Deleted,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 5] =
        [Self::SignedOut, Self::CredentialsChanged, Self::Disabled, Self::Enabled, Self::Deleted];

    /// The name as in an event's `detail-type`.
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

    /// Parses a `detail-type`.
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == raw)
    }
}

/// The effect of an event on a user's record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventDecision {
    /// Write this record, then do the pending work at ACS.
    Change(Box<Record>),
    /// The record already contains the event, but the work that follows from it is pending.
    Finish,
    /// Another request is creating the identity right now: apply the event afterwards.
    Wait,
    /// Nothing to do.
    Nothing(NoEffect),
}

/// Why an event has no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoEffect {
    /// The event was already applied, or a newer one of the same origin was.
    NothingNew,
    /// The identity does not exist.
    NoIdentity,
}

impl NoEffect {
    /// The name as logged and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NothingNew => "nothing-new",
            Self::NoIdentity => "no-identity",
        }
    }
}

/// Decides the effect of `event` on `user`, whose record is `seen`. It changes nothing, so that
/// it also serves a dry run.
#[must_use]
pub fn decide(
    seen: Option<&Record>,
    user: &ExternalId,
    event: &Event,
    receipt: ReceiptId,
    now: SystemTime,
) -> EventDecision {
    let record = seen.cloned().unwrap_or_else(|| Record::unseen(user, now));
    let (at, origin) = (event.counts_at(), event.source.origin());
    // For a stuck identity, a repeated message is an operator's retry.
    let is_stuck = matches!(record.state, State::Stuck { .. });
    let revokes = is_stuck || !record.revoked_through.covers(&origin, at);
    let decides = |blocks| record.decisions.would_change(&origin, BlockDecision { at, blocks });
    let next = match event.kind {
        EventKind::SignedOut | EventKind::CredentialsChanged => {
            revokes.then(|| record.revoked(&order(event, receipt, false), now))
        }
        EventKind::Disabled => {
            (revokes || decides(true)).then(|| record.revoked(&order(event, receipt, true), now))
        }
        EventKind::Enabled if matches!(record.state, State::Provisioning { .. }) => {
            // The owner of the reservation would find the record changed and delete the identity.
            return EventDecision::Wait;
        }
        EventKind::Enabled => decides(false).then(|| record.unblocked(origin.clone(), at, now)),
        EventKind::Deleted => delete(&record, event, receipt, now),
    };
    match next {
        Some(next) => EventDecision::Change(Box::new(next)),
        None if record.pending_revocation.is_some() && !is_stuck => EventDecision::Finish,
        None => EventDecision::Nothing(NoEffect::NothingNew),
    }
}

/// The record after the deletion of the user's account; `None` if it already contains the
/// deletion.
fn delete(record: &Record, event: &Event, receipt: ReceiptId, now: SystemTime) -> Option<Record> {
    let at = event.counts_at();
    let is_known = record.account_deleted_at.is_some_and(|known| known >= event.not_before());
    let has_identity = record.acs_id().is_some();
    if has_identity && record.created_at >= at {
        // The identity is newer than the deletion and stays, but the user must sign in again.
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

fn order(event: &Event, receipt: ReceiptId, block: bool) -> RevocationOrder {
    RevocationOrder {
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
