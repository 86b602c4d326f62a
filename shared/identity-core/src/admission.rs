//! The gate that every token passes: whether a user may have one now.
//!
//! A token leaves this service only by a method of the ports
//! [`IdentityClient`](crate::ports::IdentityClient) and
//! [`TeamsTokenExchange`](crate::ports::TeamsTokenExchange), and each of them wants an
//! [`Admission`]. Only the operations of this crate can get one for a user, by `admit`, so a
//! token path without the gate does not compile:
//!
//! ```compile_fail,E0451
//! use identity_core::admission::Admission;
//!
//! let forged = Admission { pace_until: None };
//! ```
//!
//! ```compile_fail,E0603
//! use identity_core::admission::admit;
//! ```
//!
//! The rule looks at the record as it was read. What changes while ACS is answering is
//! the business of the write that commits the token, and of the second look where there
//! is no such write.

use std::time::{Duration, SystemTime};

use tracing::warn;

use crate::{
    Error,
    identity::ExternalId,
    record::{Record, State},
};

/// What the bearer token of a caller says about its own age.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bearer {
    /// When it was issued: the claim `iat`, in whole seconds.
    pub issued_at: Option<SystemTime>,
    /// When its user last signed in: the claim `auth_time`, in whole seconds. A refreshed
    /// token keeps it.
    pub authenticated_at: Option<SystemTime>,
}

/// For whom a token is wanted, and what holds for them.
#[derive(Clone, Debug)]
pub enum Requester {
    /// For the caller. Their bearer must be newer than the last cut-off, and they are held
    /// to a pace.
    User {
        /// With which they came.
        bearer: Bearer,
        /// How often they may ask; `None` for as often as they like.
        pace: Option<Pace>,
    },
    /// For an identity that an administrator names: the user's own bearers and pace are not
    /// concerned.
    Administrator {
        /// Who, for the audit log.
        id: ExternalId,
    },
}

/// The right to one token.
#[derive(Debug)]
#[must_use]
pub struct Admission {
    pace_until: Option<SystemTime>,
}

impl Admission {
    /// For an operator who tries something with the credentials of the cloud account. Clippy
    /// refuses it in the functions: it looks at no record.
    pub fn of_operator() -> Self {
        Self { pace_until: None }
    }

    /// What the record keeps as [`pace_until`](Record::pace_until) once the token is issued.
    #[must_use]
    pub fn pace_until(&self) -> Option<SystemTime> {
        self.pace_until
    }
}

/// How often one user may ask for a token: so many at once, then one per interval. (The
/// generic cell rate algorithm, as ATM has it.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    interval: Duration,
}

impl Pace {
    /// So many at once: an app that starts in several tabs asks for one each.
    pub const AT_ONCE: u32 = 6;

    /// Accepts up to 600 a minute; 0 is no pace at all.
    pub fn per_minute(number: u32) -> Result<Option<Self>, &'static str> {
        match number {
            0 => Ok(None),
            // Whole milliseconds: what the store keeps.
            1..=600 => {
                Ok(Some(Self { interval: Duration::from_millis(60_000 / u64::from(number)) }))
            }
            _ => Err("it is a whole number from 0 to 600"),
        }
    }

    /// The pace's new end after one more call at `now`; `Err` says how long to wait.
    ///
    /// An end that is further ahead than this pace can reach is a clock that was set back:
    /// it counts as the furthest that lets one more call through.
    pub fn take(self, until: Option<SystemTime>, now: SystemTime) -> Result<SystemTime, Duration> {
        let tolerance = self.interval * (Self::AT_ONCE - 1);
        let until = until.unwrap_or(now).max(now);
        let until = if until > now + tolerance + self.interval { now + tolerance } else { until };
        match until.duration_since(now).unwrap_or_default().checked_sub(tolerance) {
            Some(wait) if !wait.is_zero() => Err(wait),
            _ => Ok(until + self.interval),
        }
    }
}

/// No bearer that an identity provider issues to an app lives longer: a day is the longest
/// that Cognito, Auth0, Entra and Okta allow for access tokens of users. A cut-off that is
/// older than this needs no defence against bearers from before it.
pub const LONGEST_BEARER_LIFE: Duration = Duration::from_hours(24);

/// Decides whether `requester` may have a token of the user whose record is `record`.
///
/// The order of the answers: a user who is cut off hears so before they hear that a new
/// sign-in is needed, and pace is only spent by those who may have a token at all.
pub(crate) fn admit(
    record: Option<&Record>,
    requester: &Requester,
    now: SystemTime,
) -> Result<Admission, Error> {
    if let Some(record) = record {
        check_state(record)?;
    }
    let Requester::User { bearer, pace } = requester else {
        return Ok(Admission { pace_until: record.and_then(|record| record.pace_until) });
    };
    if let Some(record) = record {
        admit_bearer(record, *bearer, now)?;
    }
    let until = record.and_then(|record| record.pace_until);
    let pace_until = match pace {
        None => until,
        Some(pace) => Some(pace.take(until, now).map_err(|retry_after| {
            warn!(metric.users_paced = 1_u64, "token refused: the user asks too often");
            Error::TooManyTokens { retry_after }
        })?),
    };
    Ok(Admission { pace_until })
}

/// Decides whether a caller who acts for others may still do so: a cut-off of their own
/// ends that, too. `record` is their own record, if they have one.
pub(crate) fn admit_acting(
    record: Option<&Record>,
    bearer: Bearer,
    now: SystemTime,
) -> Result<(), Error> {
    match record {
        Some(record) if record.state.is_blocked() => Err(Error::Blocked),
        Some(record) => admit_bearer(record, bearer, now),
        None => Ok(()),
    }
}

fn check_state(record: &Record) -> Result<(), Error> {
    match &record.state {
        state if state.is_blocked() => Err(Error::Blocked),
        State::Stuck { .. } => Err(Error::Stuck),
        State::Deleting { .. } => Err(Error::busy()),
        _ => Ok(()),
    }
}

/// A bearer from before the last cut-off opens nothing. `iat` counts seconds, so the
/// cut-off does, too: a bearer of the very same second may be older, and is refused.
pub(crate) fn admit_bearer(record: &Record, bearer: Bearer, now: SystemTime) -> Result<(), Error> {
    let Some(not_before) = record.not_before else { return Ok(()) };
    let Some(issued_at) = bearer.issued_at else {
        let age = now.duration_since(not_before).unwrap_or_default();
        if age >= LONGEST_BEARER_LIFE {
            return Ok(());
        }
        warn!(
            "bearer refused: it has no `iat`, and the user was signed out or cut off \
             within the last 24 h"
        );
        return Err(Error::SignInRequired);
    };
    let signed_in_anew = match (record.account_deleted_at, bearer.authenticated_at) {
        // Whose account was deleted must have signed in since; a refresh is not enough.
        (Some(deleted_at), Some(signed_in_at)) => whole(signed_in_at) > whole(deleted_at),
        _ => true,
    };
    if whole(issued_at) > whole(not_before) && signed_in_anew {
        return Ok(());
    }
    warn!("bearer refused: it was issued before the user was signed out or cut off");
    Err(Error::SignInRequired)
}

/// In whole seconds since 1970.
fn whole(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests;
