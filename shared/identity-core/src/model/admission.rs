//! The admission check: decides whether a user may have a token now.
//!
//! A token leaves this service only through a method of the ports
//! [`IdentityClient`](crate::ports::IdentityClient) and
//! [`TeamsTokenExchange`](crate::ports::TeamsTokenExchange), and each of these methods requires
//! an [`Admission`]. Only the operations of this crate can create one for a user, by calling
//! `admit`, so code that skips the check does not compile:
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
//! The check uses the record as it was read. Changes that happen while ACS answers are detected
//! by the write that commits the token, or by a second check if nothing is written.

use std::time::{Duration, SystemTime};

use tracing::warn;

use crate::model::{AdmittedGuest, Error, ExternalId, Record, State};

/// The age claims of a caller's bearer token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bearer {
    /// When the token was issued: the claim `iat`, in whole seconds.
    pub issued_at: Option<SystemTime>,
    /// When the user last signed in: the claim `auth_time`, in whole seconds. A refreshed token
    /// keeps it.
    pub authenticated_at: Option<SystemTime>,
}

/// The party that requests a token, with the rules that apply to it.
#[derive(Clone, Debug)]
pub enum Requester {
    /// The user requests a token for themselves. Their bearer token must be newer than the last
    /// cut-off, and their pace limits them.
    User {
        /// The bearer token of the request.
        bearer: Bearer,
        /// How often the user may ask; `None` for no limit.
        pace: Option<TokenPace>,
    },
    /// A guest requests a token. The invitation has admitted their device; they have no bearer
    /// token.
    Guest {
        /// The decision of the invitation.
        entry: AdmittedGuest,
        /// How often the guest may ask; `None` for no limit.
        pace: Option<TokenPace>,
    },
    /// An administrator requests a token for an identity. The user's own bearer tokens and pace
    /// do not apply.
    Administrator {
        /// The administrator's ID, for the audit log.
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
    /// For an operator who tests with the credentials of the cloud account. Clippy forbids it in
    /// the functions because it does not check any record.
    pub fn of_operator() -> Self {
        Self { pace_until: None }
    }

    /// The value for [`pace_until`](Record::pace_until) once the token is issued.
    #[must_use]
    pub fn pace_until(&self) -> Option<SystemTime> {
        self.pace_until
    }
}

/// How often one user may ask for a token: a burst, then one per interval. (The generic cell rate
/// algorithm, known from ATM.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenPace {
    interval: Duration,
}

impl TokenPace {
    /// The burst size: an app that starts in several tabs asks for one token in each.
    pub const AT_ONCE: u32 = 6;

    /// Accepts up to 600 per minute; 0 means no limit.
    pub fn per_minute(number: u32) -> Result<Option<Self>, &'static str> {
        match number {
            0 => Ok(None),
            // Whole milliseconds, because the store keeps milliseconds.
            1..=600 => {
                Ok(Some(Self { interval: Duration::from_millis(60_000 / u64::from(number)) }))
            }
            _ => Err("must be a whole number from 0 to 600"),
        }
    }

    /// Returns the new end of the pace after one more call at `now`; `Err` contains the time to
    /// wait.
    ///
    /// If `until` is later than this pace allows, the clock was set back. `until` then counts as
    /// the latest value that still allows one more call.
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

/// The longest lifetime of a bearer token: Auth0 allows 30 days, Supabase a week, Cognito, Entra
/// and Okta one day. Once a cut-off is older than this, every bearer token from before it has
/// expired.
pub const LONGEST_BEARER_LIFE: Duration = Duration::from_hours(30 * 24);

/// Decides whether `requester` may have a token of the user whose record is `record`.
///
/// The order of the checks matters: a blocked user gets that error before the error that asks for
/// a new sign-in, and only requests that pass the other checks use up the pace.
pub(crate) fn admit(
    record: Option<&Record>,
    requester: &Requester,
    now: SystemTime,
) -> Result<Admission, Error> {
    if let Some(record) = record {
        check_state(record)?;
    }
    let (bearer, pace) = match requester {
        Requester::User { bearer, pace } => (Some(*bearer), pace),
        Requester::Guest { entry: _, pace } => (None, pace),
        Requester::Administrator { .. } => {
            return Ok(Admission { pace_until: record.and_then(|record| record.pace_until) });
        }
    };
    if let Some((record, bearer)) = record.zip(bearer) {
        admit_bearer(record, bearer, now)?;
    }
    let until = record.and_then(|record| record.pace_until);
    let pace_until = match pace {
        None => until,
        Some(pace) => Some(pace.take(until, now).map_err(|retry_after| {
            warn!(
                metric.users_paced = 1_u64,
                "token issuance refused: rate limit of the user exceeded"
            );
            Error::TooManyTokens { retry_after }
        })?),
    };
    Ok(Admission { pace_until })
}

/// Decides whether a caller may still act for other users: a cut-off of the caller ends that
/// right. `record` is the caller's own record, if there is one.
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
        // The tombstone of a guest keeps the decisions: an invitation that is extended in the last
        // moment must not bring back a blocked guest.
        State::Deleted if record.due_at.is_some() && record.decisions.is_blocked() => {
            Err(Error::Blocked)
        }
        _ => Ok(()),
    }
}

/// Refuses a bearer token from before the last cut-off. `iat` counts whole seconds, so the
/// cut-off is compared in whole seconds too: a bearer token of the same second may be older than
/// the cut-off and is refused.
pub(crate) fn admit_bearer(record: &Record, bearer: Bearer, now: SystemTime) -> Result<(), Error> {
    let Some(not_before) = record.not_before else { return Ok(()) };
    let Some(issued_at) = bearer.issued_at else {
        let age = now.duration_since(not_before).unwrap_or_default();
        if age >= LONGEST_BEARER_LIFE {
            return Ok(());
        }
        warn!(
            "bearer refused: it has no `iat`, and the user was signed out or cut off \
             within the last 30 days"
        );
        return Err(Error::SignInRequired);
    };
    let signed_in_anew = match (record.account_deleted_at, bearer.authenticated_at) {
        // A user whose account was deleted must sign in again; a refreshed token is not enough.
        (Some(deleted_at), Some(signed_in_at)) => whole(signed_in_at) > whole(deleted_at),
        _ => true,
    };
    if whole(issued_at) > whole(not_before) && signed_in_anew {
        return Ok(());
    }
    warn!("bearer refused: it was issued before the user was signed out or cut off");
    Err(Error::SignInRequired)
}

/// Converts to whole seconds since 1970.
fn whole(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests;
