//! The states an identity goes through.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::model::AcsId;

/// The state of an identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Reserved by an invocation that has not yet received an answer from ACS.
    Provisioning {
        /// The invocation's lease.
        lease: Lease,
    },
    /// The identity can be used.
    Active {
        /// The ID of the identity in ACS.
        acs_id: AcsId,
    },
    /// The user gets no token until they are unblocked.
    Blocked {
        /// The ID of the identity in ACS; `None` if the user was blocked before they had one, or
        /// if it was deleted since.
        acs_id: Option<AcsId>,
    },
    /// The identity is being deleted; no token may be issued.
    Deleting {
        /// The ID of the identity in ACS.
        acs_id: AcsId,
        /// Whether the user was blocked: deleting an identity must not unblock them.
        blocked: bool,
    },
    /// A revocation or deletion failed [`MAX_ATTEMPTS`](super::MAX_ATTEMPTS) times. No token is
    /// issued, and the next attempt needs an explicit revocation or deletion request.
    Stuck {
        /// The ID of the identity in ACS.
        acs_id: AcsId,
        /// Whether the user is blocked.
        blocked: bool,
        /// The operation that failed.
        unfinished: Unfinished,
    },
    /// The identity is deleted. The record stays for a while to detect late events for it.
    Deleted,
}

/// An operation that was started at ACS and is not confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfinished {
    /// The revocation of every token.
    Revocation,
    /// The deletion of the identity.
    Deletion,
}

impl State {
    /// Whether the user gets no token until they are unblocked.
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        matches!(
            self,
            Self::Blocked { .. }
                | Self::Deleting { blocked: true, .. }
                | Self::Stuck { blocked: true, .. }
        )
    }

    /// The state with the block set or lifted.
    #[must_use]
    pub(super) fn with_block(&self, block: bool) -> Self {
        match self.clone() {
            Self::Active { acs_id } | Self::Blocked { acs_id: Some(acs_id) } if block => {
                Self::Blocked { acs_id: Some(acs_id) }
            }
            Self::Active { acs_id } | Self::Blocked { acs_id: Some(acs_id) } => {
                Self::Active { acs_id }
            }
            Self::Provisioning { .. } | Self::Deleted | Self::Blocked { acs_id: None } if block => {
                Self::Blocked { acs_id: None }
            }
            Self::Blocked { acs_id: None } => Self::Deleted,
            state @ (Self::Provisioning { .. } | Self::Deleted) => state,
            Self::Deleting { acs_id, .. } => Self::Deleting { acs_id, blocked: block },
            Self::Stuck { acs_id, unfinished, .. } => {
                Self::Stuck { acs_id, unfinished, blocked: block }
            }
        }
    }

    /// The state before the identity became stuck, for another attempt.
    #[must_use]
    pub(super) fn unstuck(&self) -> Self {
        match self.clone() {
            Self::Stuck { acs_id, blocked, unfinished: Unfinished::Deletion } => {
                Self::Deleting { acs_id, blocked }
            }
            Self::Stuck { acs_id, blocked: true, unfinished: Unfinished::Revocation } => {
                Self::Blocked { acs_id: Some(acs_id) }
            }
            Self::Stuck { acs_id, blocked: false, unfinished: Unfinished::Revocation } => {
                Self::Active { acs_id }
            }
            state => state,
        }
    }

    /// The name of the state, without its data.
    #[must_use]
    pub fn name(&self) -> StateName {
        match self {
            Self::Provisioning { .. } => StateName::Provisioning,
            Self::Active { .. } => StateName::Active,
            Self::Blocked { .. } => StateName::Blocked,
            Self::Deleting { .. } => StateName::Deleting,
            Self::Stuck { .. } => StateName::Stuck,
            Self::Deleted => StateName::Deleted,
        }
    }
}

/// A state's name, as stored and as shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StateName {
    /// See [`State::Provisioning`].
    Provisioning,
    /// See [`State::Active`].
    Active,
    /// See [`State::Blocked`].
    Blocked,
    /// See [`State::Deleting`].
    Deleting,
    /// See [`State::Stuck`].
    Stuck,
    /// See [`State::Deleted`].
    Deleted,
}

impl StateName {
    /// Every state.
    pub const ALL: [Self; 6] = [
        Self::Provisioning,
        Self::Active,
        Self::Blocked,
        Self::Deleting,
        Self::Stuck,
        Self::Deleted,
    ];

    /// The name as stored and as shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Provisioning => "provisioning",
            Self::Active => "active",
            Self::Blocked => "blocked",
            Self::Deleting => "deleting",
            Self::Stuck => "stuck",
            Self::Deleted => "deleted",
        }
    }

    /// Parses a name.
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|name| name.as_str() == raw)
    }
}

/// The right of one invocation to create a user's identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The ID, unique to the attempt.
    pub id: LeaseId,
    /// After this time, another invocation may take over.
    pub ends: SystemTime,
}

/// The ID of a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseId(pub String);

/// An identity as it was when a token was requested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Active {
    /// The ID of the identity in ACS.
    pub acs_id: AcsId,
    /// The epoch of the token.
    pub epoch: u64,
}
