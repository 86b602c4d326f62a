//! The states an identity goes through.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::identity::AcsId;

/// Where an identity is in its life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Reserved by an invocation that has not yet heard from ACS.
    Provisioning {
        /// Who reserved it, and until when.
        lease: Lease,
    },
    /// Usable.
    Active {
        /// Its name in ACS.
        acs_id: AcsId,
    },
    /// Cut off: no token until somebody unblocks the user.
    Blocked {
        /// Its name in ACS; nothing if the user was blocked before they had one, or
        /// if it was deleted since.
        acs_id: Option<AcsId>,
    },
    /// On its way out; no token may be issued.
    Deleting {
        /// Its name in ACS.
        acs_id: AcsId,
        /// Whether the user was blocked: deleting an identity must not unblock them.
        blocked: bool,
    },
    /// What was begun failed [`MAX_ATTEMPTS`](super::MAX_ATTEMPTS) times: no token, and
    /// no more attempts until somebody looks, and revokes or deletes once more.
    Stuck {
        /// Its name in ACS.
        acs_id: AcsId,
        /// Whether the user is blocked.
        blocked: bool,
        /// What is not done.
        unfinished: Unfinished,
    },
    /// Gone. The record stays for a while so that late events find their like.
    Deleted,
}

/// What was begun at ACS and is not confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfinished {
    /// Every token is to die.
    Revocation,
    /// The identity is to go.
    Deletion,
}

impl State {
    /// Whether the user gets no token until somebody unblocks them.
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

    /// What it was before it got stuck: somebody looks, and it is tried again.
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

    /// The state without what belongs to it.
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

    /// As stored and as shown.
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

    /// Reads a name.
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|name| name.as_str() == raw)
    }
}

/// The right of one invocation to create a user's identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Unique to the attempt.
    pub id: LeaseId,
    /// After this, another invocation may take over.
    pub ends: SystemTime,
}

/// Names a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseId(pub String);

/// An identity as it was when a token was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Active {
    /// Its name in ACS.
    pub acs_id: AcsId,
    /// The epoch the token belongs to.
    pub epoch: u64,
}
