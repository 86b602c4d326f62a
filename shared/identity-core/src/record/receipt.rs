//! What is kept about a revocation: who asked for it, and what became of it.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::{
    event::{EventKind, Source},
    identity::{AcsId, ExternalId},
    record::Origin,
};

/// Names a revocation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct ReceiptId(pub String);

/// What was done about a user's tokens, and from when on it can be relied upon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Names the revocation.
    pub id: ReceiptId,
    /// Whose tokens; nothing if the user had no identity.
    pub identity: Option<AcsId>,
    /// Tokens of earlier epochs are dead.
    pub epoch: u64,
    /// Whether the user was blocked by then.
    pub blocked: bool,
    /// Who asked for it, and why.
    pub cause: Cause,
    /// From when on no older token was handed out.
    pub accepted_at: SystemTime,
    /// When ACS had confirmed it; until then the tokens may live.
    pub revoked_at: Option<SystemTime>,
}

impl Receipt {
    /// ACS documents that a revocation may take this long to reach all of its
    /// services.
    pub const REACHES_EVERYWHERE_WITHIN: Duration = Duration::from_mins(15);

    /// When the revocation has reached every ACS service; unknown until ACS has
    /// confirmed it.
    #[must_use]
    pub fn effective_by(&self) -> Option<SystemTime> {
        self.revoked_at.map(|at| at + Self::REACHES_EVERYWHERE_WITHIN)
    }
}

/// Who wants something done to a user, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// Who.
    pub by: By,
    /// Why, in somebody's own words. It can name people: not for logs.
    pub reason: Option<Reason>,
}

impl Cause {
    /// Somebody who gives no reason.
    #[must_use]
    pub fn of(by: By) -> Self {
        Self { by, reason: None }
    }
}

/// Who wants something done to a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// They themselves: they signed out.
    User,
    /// An administrator.
    Administrator {
        /// Their external id; unknown in receipts of versions that did not note it.
        id: Option<ExternalId>,
    },
    /// Their identity provider.
    Event {
        /// Who sent it; unknown in receipts of versions that did not note it.
        source: Option<Source>,
        /// What it said.
        kind: EventKind,
        /// Its name for the event.
        id: String,
    },
}

impl By {
    /// An administrator, by their external id.
    #[must_use]
    pub fn administrator(id: &ExternalId) -> Self {
        Self::Administrator { id: Some(id.clone()) }
    }

    /// As stored and as shown: `user`, `administrator`, or the event's type.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Administrator { .. } => "administrator",
            Self::Event { kind, .. } => kind.as_str(),
        }
    }

    /// Whose clock and whose right the decision has.
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

/// A reason in somebody's own words, kept with the receipt.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Reason(String);

impl Reason {
    /// The longest, in characters.
    pub const MAX_LENGTH: usize = 256;

    /// Accepts up to 256 characters, none of them a control character.
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        let fits = raw.chars().count() <= Self::MAX_LENGTH && !raw.chars().any(char::is_control);
        (fits && !raw.trim().is_empty()).then(|| Self(raw.trim().to_owned()))
    }

    /// Whatever fits of it.
    #[must_use]
    pub fn shortened(raw: &str) -> Option<Self> {
        let kept = raw.chars().filter(|c| !c.is_control()).take(Self::MAX_LENGTH);
        Self::parse(&kept.collect::<String>())
    }

    /// The words.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What is wanted of a revocation.
#[derive(Clone, Debug)]
pub struct Order {
    /// What its receipt is named.
    pub receipt: ReceiptId,
    /// When it was decided: now, or when the event happened.
    pub at: SystemTime,
    /// Bearers that were not issued after this open nothing any more.
    pub not_before: SystemTime,
    /// Whether the user is to be blocked, too.
    pub block: bool,
    /// Who wants it, and why.
    pub cause: Cause,
    /// The new end of the user's pace of sign-outs, if it is one.
    pub sign_out_pace_until: Option<SystemTime>,
}
