//! Makes a user's record agree with the status of their account in a directory.
//!
//! A directory such as Microsoft Graph says that an account changed, and not what changed. So each
//! message is a reason to look the account up. Several look-ups of one user can run at once, and
//! the answer of an older one can arrive last. The record nevertheless gets the last status:
//!
//! 1. A decision has the time just *before* its look-up began. The directory was read after that
//!    time, so that of two decisions the later one is never older than a change that the earlier
//!    one saw.
//! 2. After each change of the record, the account is looked up again, until the two agree. So the
//!    last look-up began after the last change of the record, and agreed with it.
//! 3. Each change of the account causes a message, and its look-up begins after that change.
//!
//! A look-up that agrees with the record writes nothing, so that a repeated message and one about
//! another property of the account have no effect. For the same reason, an administrator's unblock
//! stays until the account is enabled and disabled again.

use std::error::Error as StdError;
use std::fmt;
use std::time::{Duration, SystemTime};

use crate::model::admission::LONGEST_BEARER_LIFE;
use crate::model::{
    BlockDecision, Error, Event, EventDecision, EventKind, IdentityRef, Invocation, Record, State,
};
use crate::operations::apply_event::{Applied, apply_event, foresee_event};
use crate::ports::{
    AccountDirectory, AccountLookUp, AccountStatus, Clock, IdentityClients, IdentityStore,
};

/// Why a record could not be brought into agreement. The message must be delivered again.
#[derive(Debug)]
pub enum FollowError<E> {
    /// The directory did not answer.
    Directory(E),
    /// The record could not be read, or the account changed during each look-up.
    Core(Error),
    /// This event could not be applied. As with [`apply_event`], the record can have been written.
    Event(Box<Event>, Error),
}

/// How far a record was brought into agreement with an account.
#[derive(Debug)]
#[must_use = "`end` can be an error"]
pub struct FollowedDirectory<E> {
    /// The events that were applied, with their outcomes: none if the two agreed already.
    pub applied: Vec<(Event, Applied)>,
    /// If the two agree without a change: the event that blocked the user before. What else it ends
    /// may have been left undone by a delivery that died.
    pub end: Result<Option<Event>, FollowError<E>>,
}

/// Looks up an account and applies what follows, until record and account agree.
pub async fn follow_directory<D: AccountDirectory>(
    store: &impl IdentityStore,
    acs: &impl IdentityClients,
    clock: &impl Clock,
    directory: &D,
    look_up: &AccountLookUp,
    invocation: &Invocation,
) -> FollowedDirectory<D::Error> {
    let mut applied = Vec::new();
    for _ in 0..MOST_LOOK_UPS {
        let found = match compare(store, clock, directory, look_up, invocation).await {
            Ok(found) => found,
            Err(error) => return FollowedDirectory { applied, end: Err(error) },
        };
        if found.missing.is_empty() {
            let standing = found.standing.filter(|_| applied.is_empty());
            return FollowedDirectory { applied, end: Ok(standing) };
        }
        for event in found.missing {
            let invocation = Invocation {
                id: format!("{}/{}", invocation.id, applied.len()),
                ..invocation.clone()
            };
            match apply_event(store, acs, clock, &event, &invocation).await {
                Ok(outcome) => applied.push((event, outcome)),
                Err(error) => {
                    let end = Err(FollowError::Event(Box::new(event), error));
                    return FollowedDirectory { applied, end };
                }
            }
        }
    }
    FollowedDirectory { applied, end: Err(FollowError::Core(Error::busy())) }
}

/// Returns what [`follow_directory`] would apply now. Changes nothing.
pub async fn foresee_directory<D: AccountDirectory>(
    store: &impl IdentityStore,
    clock: &impl Clock,
    directory: &D,
    look_up: &AccountLookUp,
    invocation: &Invocation,
) -> Result<Vec<(Event, EventDecision)>, FollowError<D::Error>> {
    let mut foreseen = Vec::new();
    for event in compare(store, clock, directory, look_up, invocation).await?.missing {
        let decision = foresee_event(store, clock, &event).await.map_err(FollowError::Core)?;
        foreseen.push((event, decision));
    }
    Ok(foreseen)
}

/// What a look-up says about a record.
#[derive(Default)]
struct Comparison {
    /// The events by which the record gets the status of the account.
    missing: Vec<Event>,
    /// The event that blocked the user, if the account is still disabled.
    standing: Option<Event>,
}

/// Looks the account up, and compares it with the record.
async fn compare<D: AccountDirectory>(
    store: &impl IdentityStore,
    clock: &impl Clock,
    directory: &D,
    look_up: &AccountLookUp,
    invocation: &Invocation,
) -> Result<Comparison, FollowError<D::Error>> {
    let asked_at = Event::at_millisecond(clock.now());
    let until = invocation.deadline.checked_sub(TIME_TO_APPLY).unwrap_or(asked_at);
    let status = directory.status(look_up, until).await.map_err(FollowError::Directory)?;
    let record = store.find(&look_up.user).await.map_err(FollowError::Core)?;
    Ok(comparison(look_up, status, record.as_ref(), asked_at))
}

/// Compares `record` with the status that the account had at `asked_at` or later.
fn comparison(
    look_up: &AccountLookUp,
    status: AccountStatus,
    record: Option<&Record>,
    asked_at: SystemTime,
) -> Comparison {
    let event = |kind, occurred_at, resolution| Event {
        source: look_up.source,
        kind,
        identity: IdentityRef::External(look_up.user.clone()),
        occurred_at,
        resolution,
        // The time in the queue says nothing about the time of the look-up.
        heard_at: None,
        id: look_up.id.clone(),
        reason: None,
    };
    let now = |kind| event(kind, asked_at, Event::FINEST);
    let missing = |missing| Comparison { missing, standing: None };
    let known = record.and_then(|record| decision(record, look_up));
    let is_blocked = known.is_some_and(|known| known.blocks);
    // If a delivery died after its write, the same event again finishes the work at ACS.
    let is_pending = record.is_some_and(|record| {
        // A stuck identity is retried by an operator, and not by every message.
        record.pending_revocation.is_some() && !is_stuck(record)
    });
    match status {
        AccountStatus::Missing | AccountStatus::Present { is_enabled: false, .. } => {
            match known.filter(|known| known.blocks) {
                None => missing(vec![now(EventKind::Disabled)]),
                Some(known) => {
                    let before = event(EventKind::Disabled, known.at, Event::FINEST);
                    if is_pending {
                        missing(vec![before])
                    } else {
                        Comparison { standing: Some(before), ..Comparison::default() }
                    }
                }
            }
        }
        AccountStatus::Present { is_enabled: true, sign_ins_valid_from } => {
            let enabled = is_blocked.then(|| now(EventKind::Enabled));
            let signed_out = sign_ins_valid_from
                .filter(|from| *from + MATTERS_FOR > asked_at)
                .map(|from| event(EventKind::SignedOut, Event::at_millisecond(from), SECOND))
                .filter(|event| is_pending || is_new(record, event));
            missing(signed_out.into_iter().chain(enabled).collect())
        }
    }
}

/// The newest decision of the directory about the user.
fn decision(record: &Record, look_up: &AccountLookUp) -> Option<BlockDecision> {
    record.decisions.of(&look_up.source.origin())
}

/// Whether the record lacks a sign-out.
fn is_new(record: Option<&Record>, event: &Event) -> bool {
    record.is_none_or(|record| {
        !record.revoked_through.covers(&event.source.origin(), event.counts_at())
    })
}

fn is_stuck(record: &Record) -> bool {
    matches!(record.state, State::Stuck { .. })
}

impl<E: fmt::Display> fmt::Display for FollowError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(error) => error.fmt(f),
            Self::Core(error) | Self::Event(_, error) => error.fmt(f),
        }
    }
}

impl<E: StdError> StdError for FollowError<E> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Directory(_) => None,
            Self::Core(error) | Self::Event(_, error) => error.source(),
        }
    }
}

/// One to find the change, one to confirm it, and one more of each if the account changes meanwhile.
const MOST_LOOK_UPS: usize = 4;

/// The time that is kept for the writes and for ACS.
const TIME_TO_APPLY: Duration = Duration::from_secs(3);

/// The resolution of the directory's time of a sign-out.
const SECOND: Duration = Duration::from_secs(1);

/// How long a sign-out matters: a bearer from before it is valid for as long as any bearer is, and
/// may have got a token of ACS at its end, which is valid for 24 hours. Without this limit, the
/// first look-up of each user would revoke because of a password that changed years ago.
const MATTERS_FOR: Duration = LONGEST_BEARER_LIFE.saturating_add(Duration::from_hours(24));

#[cfg(test)]
mod tests;
