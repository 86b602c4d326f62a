//! The stored data of a revocation: who requested it, and its outcome.

use std::time::{Duration, SystemTime};

use serde::Serialize;

use crate::model::{
    event::{EventKind, EventSource},
    identity::{AcsId, ExternalId},
    record::{decision::Origin, reason::Reason},
};

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
}

impl By {
    /// An administrator, given their external ID.
    #[must_use]
    pub fn administrator(id: &ExternalId) -> Self {
        Self::Administrator { id: Some(id.clone()) }
    }

    /// The name as stored and as shown: `user`, `administrator`, or the event's type.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Administrator { .. } => "administrator",
            Self::Event { kind, .. } => kind.as_str(),
        }
    }

    /// The origin, which determines the clock and the rights of the decision.
    #[must_use]
    pub fn origin(&self) -> Origin {
        match self {
            Self::User => Origin::USER,
            Self::Administrator { .. } => Origin::ADMINISTRATOR,
            Self::Event { source: Some(source), .. } => source.origin(),
            Self::Event { source: None, .. } => Origin::EARLIER,
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
