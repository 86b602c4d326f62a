//! Security event tokens (SETs, RFC 8417) of the Shared Signals Framework 1.0, with the events of
//! CAEP 1.0 and RISC 1.0.
//!
//! A SET is read in this order: `SignedToken::parse_as` with [`SET_PROFILE`], `verified_claims` of
//! `issuer-keys` (the issuer before any key is fetched, then the signature), [`read`].

mod event_type;
mod set_claims;
mod set_error;
mod subject;
mod why_ignored;

use std::time::SystemTime;

use bearer_verifier::TokenProfile;
use identity_core::event::EventKind;
use serde_json::{Map, Value};

use crate::config::SsfSettings;
use crate::signal::UserSignal;
use event_type::{Meaning, meaning_of};
use set_claims::SetClaims;
use subject::{SubjectUsers, users_of};

pub use set_error::{SetError, SetErrorCode};
pub use why_ignored::WhySetIgnored;

/// A SET has the type `secevent+jwt` (SSF 1.0 §4.1.1), and is at most as long as a request body.
pub const SET_PROFILE: TokenProfile = TokenProfile::typed(&["secevent+jwt"], 64 * 1024);

/// What a SET means for this deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetReading {
    /// Something happened to users: at least one signal.
    Signals(Vec<UserSignal>),
    /// The transmitter tests the stream.
    Verification,
    /// The transmitter changed the state of the stream to this one.
    StreamUpdated(&'static str),
    /// Nothing follows; the transmitter is told that the SET was accepted.
    Ignored(WhySetIgnored),
}

/// Reads the claims of a SET whose signature was verified. `now` is the time of its arrival.
///
/// # Errors
/// A claim is missing or must not be there.
pub fn read(
    claims: &Map<String, Value>,
    settings: &SsfSettings,
    now: SystemTime,
) -> Result<SetReading, SetError> {
    let set = SetClaims::read(claims, &settings.issuer, now)?;
    let mut signals: Vec<UserSignal> = Vec::new();
    let mut ignored = WhySetIgnored::UnknownEvent;
    for (name, event) in set.events {
        let kind = match meaning_of(name, event, settings) {
            Meaning::Unknown => continue,
            Meaning::Verification => return Ok(SetReading::Verification),
            Meaning::StreamUpdated(status) => return Ok(SetReading::StreamUpdated(status)),
            Meaning::Nothing => {
                ignored = WhySetIgnored::NoEffect;
                continue;
            }
            Meaning::Event(kind) => kind,
        };
        match users_of(set.subjects_of(event), settings) {
            SubjectUsers::Users(users) => {
                let signal = |user| set.signal(user, kind, event);
                let is_new = |signal: &UserSignal| !has_same(&signals, signal.kind, signal);
                let new: Vec<_> = users.into_iter().map(signal).filter(is_new).collect();
                signals.extend(new);
            }
            SubjectUsers::Ignored(why) => ignored = why,
        }
    }
    Ok(if signals.is_empty() { SetReading::Ignored(ignored) } else { SetReading::Signals(signals) })
}

/// Several events of a SET are synonyms of one: what they say twice is said once.
fn has_same(signals: &[UserSignal], kind: EventKind, other: &UserSignal) -> bool {
    signals.iter().any(|signal| signal.kind == kind && signal.user == other.user)
}
