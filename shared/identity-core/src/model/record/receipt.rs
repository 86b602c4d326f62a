//! The stored data of a revocation: who requested it, and its outcome.

use std::time::{Duration, SystemTime};

use serde::Serialize;

use crate::model::{AcsId, EventKind, EventSource, ExternalId, Origin, Reason};

/// The ID of a revocation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct ReceiptId(pub String);

/// A revocation of a user's tokens, with the times from which it is effective.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The ID of the revocation.
    pub id: ReceiptId,
    /// The identity whose tokens were revoked; `None` if the user had no identity.
    pub identity: Option<AcsId>,
    /// Tokens of earlier epochs are revoked.
    pub epoch: u64,
    /// Whether the user was blocked at that time.
    pub blocked: bool,
    /// Who requested the revocation, and why.
    pub cause: Cause,
    /// When the revocation was recorded. Since then, no older token was returned to a caller.
    pub accepted_at: SystemTime,
    /// When ACS confirmed the revocation. Until then, the tokens may still be valid.
    pub revoked_at: Option<SystemTime>,
}

impl Receipt {
    /// ACS documents that a revocation may take this long to reach all of its
    /// services.
    pub const REACHES_EVERYWHERE_WITHIN: Duration = Duration::from_mins(15);

    /// When the revocation has reached every ACS service; `None` until ACS has confirmed it.
    #[must_use]
    pub fn effective_by(&self) -> Option<SystemTime> {
        self.revoked_at.map(|at| at + Self::REACHES_EVERYWHERE_WITHIN)
    }
}

/// Who requested an action on a user, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// Who requested it.
    pub by: By,
    /// The free-text reason. It can contain the names of people and must not be logged.
    pub reason: Option<Reason>,
}

impl Cause {
    /// A request without a reason.
    #[must_use]
    pub fn of(by: By) -> Self {
        Self { by, reason: None }
    }
}

/// The requester of an action on a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// The user, who signed out.
    User,
    /// An administrator.
    Administrator {
        /// The administrator's external ID; unknown in receipts of versions that did not store
        /// it.
        id: Option<ExternalId>,
    },
    /// The identity provider.
    Event {
        /// The source of the event; unknown in receipts of versions that did not store it.
        source: Option<EventSource>,
        /// The type of the event.
        kind: EventKind,
        /// The ID of the event at its source.
        id: String,
    },
    /// What this version does not know: a newer one stored it before a rollback. It is kept as it
    /// is, so that the newer one can read it again.
    Unknown {
        /// The name as stored. It may be a known event of an unknown source.
        name: String,
        /// The name of the event's source.
        source: Option<String>,
        /// The ID of the event at its source.
        id: Option<String>,
    },
}

impl By {
    /// An administrator, given their external ID.
    #[must_use]
    pub fn administrator(id: &ExternalId) -> Self {
        Self::Administrator { id: Some(id.clone()) }
    }

    /// The name as stored and as shown: `user`, `administrator`, or the event's type.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::User => "user",
            Self::Administrator { .. } => "administrator",
            Self::Event { kind, .. } => kind.as_str(),
            Self::Unknown { name, .. } => name,
        }
    }

    /// The origin, which determines the clock and the rights of the decision.
    #[must_use]
    pub fn origin(&self) -> Origin {
        match self {
            Self::User => Origin::USER,
            Self::Administrator { .. } => Origin::ADMINISTRATOR,
            Self::Event { source: Some(source), .. } => source.origin(),
            Self::Unknown { source: Some(source), .. } => {
                Origin::parse(source).unwrap_or(Origin::EARLIER)
            }
            Self::Event { source: None, .. } | Self::Unknown { source: None, .. } => {
                Origin::EARLIER
            }
        }
    }
}

/// The parameters of a revocation.
#[derive(Clone, Debug)]
pub struct RevocationOrder {
    /// The ID of the receipt.
    pub receipt: ReceiptId,
    /// When the revocation was decided: now, or when the event happened.
    pub at: SystemTime,
    /// Bearer tokens that were not issued after this time are refused.
    pub not_before: SystemTime,
    /// Whether to block the user as well.
    pub block: bool,
    /// Who requested the revocation, and why.
    pub cause: Cause,
    /// The new end of the user's pace for sign-outs, if this is a sign-out.
    pub sign_out_pace_until: Option<SystemTime>,
}

/// The cut-off that a deletion applies in addition to deleting the identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CutOff {
    /// A bearer token that was not issued after this time is refused.
    pub not_before: SystemTime,
    /// When the account was deleted at the identity provider, if that is the reason.
    pub account_deleted_at: Option<SystemTime>,
}

/// Adds the newest receipt and removes the oldest ones that exceed a limit.
pub(super) fn with_newest(mut receipts: Vec<Receipt>, newest: Receipt) -> Vec<Receipt> {
    receipts.push(newest);
    let is_own = |receipt: &Receipt| receipt.cause.by == By::User;
    let own = receipts.iter().filter(|receipt| is_own(receipt)).count();
    let mut surplus_own = own.saturating_sub(OWN_RECEIPTS);
    let mut surplus = (receipts.len() - own).saturating_sub(RECEIPTS);
    receipts.retain(|receipt| {
        let surplus = if is_own(receipt) { &mut surplus_own } else { &mut surplus };
        let goes = *surplus > 0;
        *surplus -= usize::from(goes);
        !goes
    });
    receipts
}

/// The number of receipts by administrators and events that a record keeps.
pub const RECEIPTS: usize = 10;

/// The number of receipts of the user's own sign-outs that a record keeps. Every use of the
/// identity writes them again, and older ones are not needed.
pub const OWN_RECEIPTS: usize = 3;
