//! What is kept about one user, and the states it goes through.
//!
//! ```text
//!  (none) ─reserve(lease)─► provisioning ─activate─► active ◄─unblock/block─► blocked
//!                                                     │                        │
//!                                                     └────── deleting ◄───────┘ ─► (tombstone)
//! ```
//!
//! Every change of what may be answered moves the [`epoch`](Record::epoch), and
//! every such change is made only if the epoch is still the one its author saw.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::identity::{AcsId, ExternalId};

/// One user's record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Whose it is.
    pub external_id: ExternalId,
    /// Where the identity is in its life.
    pub state: State,
    /// Moves with every reservation, revocation, block and deletion. A token asked
    /// for in one epoch is never handed out in the next.
    pub epoch: u64,
    /// When the identity was reserved (or, if there never was one, the record made).
    pub created_at: SystemTime,
    /// When a token was last issued; until then, when the identity was created.
    pub last_issued_at: SystemTime,
    /// When the epoch last moved.
    pub changed_at: SystemTime,
    /// A revocation that is recorded here and not yet confirmed by ACS.
    pub pending_revocation: Option<ReceiptId>,
}

impl Record {
    /// The identity behind the record, if there is one.
    #[must_use]
    pub fn acs_id(&self) -> Option<&AcsId> {
        match &self.state {
            State::Active { acs_id } | State::Deleting { acs_id, .. } => Some(acs_id),
            State::Blocked { acs_id } => acs_id.as_ref(),
            State::Provisioning { .. } | State::Deleted => None,
        }
    }

    /// The step *reserve*: `seen` (nothing, a tombstone, or a reservation whose
    /// lease has ended) gives way to a reservation under `lease`.
    #[must_use]
    pub fn reserved(user: &ExternalId, seen: Option<&Self>, lease: Lease, now: SystemTime) -> Self {
        Self {
            external_id: user.clone(),
            state: State::Provisioning { lease },
            epoch: seen.map_or(0, |seen| seen.epoch) + 1,
            created_at: now,
            last_issued_at: now,
            changed_at: now,
            pending_revocation: None,
        }
    }

    /// The step *activate*: the reservation has its identity.
    #[must_use]
    pub fn activated(&self, acs_id: AcsId, now: SystemTime) -> Self {
        Self { state: State::Active { acs_id }, last_issued_at: now, ..self.clone() }
    }

    /// The step *release*: the reservation is given back. An activation of it can
    /// not succeed any more.
    #[must_use]
    pub fn released(&self, now: SystemTime) -> Self {
        self.moved_to(State::Deleted, now)
    }

    /// The step *begin revocation*: every token issued until now is to die, and
    /// with `block` no new one is issued.
    ///
    /// A reservation does not survive it: whoever holds it finds out when they
    /// activate, and takes back what they created.
    #[must_use]
    pub fn revoked(&self, receipt: ReceiptId, block: bool, now: SystemTime) -> Self {
        let state = match &self.state {
            State::Active { acs_id } if block => State::Blocked { acs_id: Some(acs_id.clone()) },
            State::Active { .. } | State::Blocked { .. } => self.state.clone(),
            State::Deleting { acs_id, blocked } => {
                State::Deleting { acs_id: acs_id.clone(), blocked: *blocked || block }
            }
            State::Provisioning { .. } | State::Deleted if block => State::Blocked { acs_id: None },
            State::Provisioning { .. } | State::Deleted => State::Deleted,
        };
        // A deletion on its way kills the tokens by itself.
        let has_tokens = matches!(state, State::Active { .. } | State::Blocked { acs_id: Some(_) });
        Self { pending_revocation: has_tokens.then_some(receipt), ..self.moved_to(state, now) }
    }

    /// A record for a user who is blocked before they were ever seen.
    #[must_use]
    pub fn blocked_unseen(user: &ExternalId, now: SystemTime) -> Self {
        Self {
            external_id: user.clone(),
            state: State::Blocked { acs_id: None },
            epoch: 1,
            created_at: now,
            last_issued_at: now,
            changed_at: now,
            pending_revocation: None,
        }
    }

    /// The step *take up*: finishing what a dead invocation began is now ours alone. Two
    /// who did it at once would revoke twice, and the second time a token issued since.
    ///
    /// A pending revocation goes by our name from now on, so that nobody who takes it up
    /// in the same millisecond can take our write for theirs.
    #[must_use]
    pub fn taken_up(&self, by: &ReceiptId, now: SystemTime) -> Self {
        let pending_revocation = self.pending_revocation.as_ref().map(|_| by.clone());
        Self { epoch: self.epoch + 1, changed_at: now, pending_revocation, ..self.clone() }
    }

    /// The step *finish revocation*: ACS has confirmed it.
    #[must_use]
    pub fn revocation_confirmed(&self) -> Self {
        Self { pending_revocation: None, ..self.clone() }
    }

    /// The step *begin deletion*. `None` if there is nothing to delete in ACS and
    /// the record can stay as it is.
    #[must_use]
    pub fn marked_for_deletion(&self, now: SystemTime) -> Option<Self> {
        let (acs_id, blocked) = match &self.state {
            State::Active { acs_id } => (acs_id.clone(), false),
            State::Blocked { acs_id: Some(acs_id) } => (acs_id.clone(), true),
            State::Provisioning { .. } => return Some(self.released(now)),
            State::Blocked { acs_id: None } | State::Deleting { .. } | State::Deleted => {
                return None;
            }
        };
        Some(self.moved_to(State::Deleting { acs_id, blocked }, now))
    }

    /// The step *finish deletion*: ACS no longer has the identity. A blocked user
    /// stays blocked, or deleting an account would be a way around the block.
    #[must_use]
    pub fn deletion_confirmed(&self, now: SystemTime) -> Self {
        let state = match self.state {
            State::Deleting { blocked: true, .. } => State::Blocked { acs_id: None },
            _ => State::Deleted,
        };
        self.moved_to(state, now)
    }

    /// What a step from `seen` to `self` makes of the record `found`: a step that does
    /// not change when the identity was last used leaves that as it is.
    #[must_use]
    pub fn written_over(&self, seen: Option<&Self>, found: &Self) -> Self {
        let kept = seen.is_some_and(|seen| seen.last_issued_at == self.last_issued_at);
        let last_issued_at = if kept { found.last_issued_at } else { self.last_issued_at };
        Self { last_issued_at, ..self.clone() }
    }

    fn moved_to(&self, state: State, now: SystemTime) -> Self {
        Self {
            state,
            epoch: self.epoch + 1,
            changed_at: now,
            pending_revocation: None,
            ..self.clone()
        }
    }
}

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
    /// Gone. The record stays for a while so that late events find their like.
    Deleted,
}

impl State {
    /// The state without what belongs to it.
    #[must_use]
    pub fn name(&self) -> StateName {
        match self {
            Self::Provisioning { .. } => StateName::Provisioning,
            Self::Active { .. } => StateName::Active,
            Self::Blocked { .. } => StateName::Blocked,
            Self::Deleting { .. } => StateName::Deleting,
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
    /// See [`State::Deleted`].
    Deleted,
}

impl StateName {
    /// Every state.
    pub const ALL: [Self; 5] =
        [Self::Provisioning, Self::Active, Self::Blocked, Self::Deleting, Self::Deleted];

    /// As stored and as shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Provisioning => "provisioning",
            Self::Active => "active",
            Self::Blocked => "blocked",
            Self::Deleting => "deleting",
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

/// Names a revocation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct ReceiptId(pub String);

/// An identity as it was when a token was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Active {
    /// Its name in ACS.
    pub acs_id: AcsId,
    /// The epoch the token belongs to.
    pub epoch: u64,
}
