//! What follows from an event, by its type.

use identity_core::event::EventKind;
use serde_json::Value;

use crate::config::SsfSettings;

/// What follows from an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Event(EventKind),
    /// The type is known, and changes nothing here.
    Nothing,
    Unknown,
    Verification,
    /// The new state of the stream.
    StreamUpdated(&'static str),
}

/// The meaning of the event with this type and these members.
pub(super) fn meaning_of(name: &str, event: &Value, settings: &SsfSettings) -> Meaning {
    let known = FAMILIES.iter().find_map(|(base, read)| {
        let name = name.strip_prefix(base)?;
        read(name, event, settings)
    });
    known.unwrap_or(Meaning::Unknown)
}

/// Reads the last part of a type; `None` if the family has no such type.
type ReadType = fn(&str, &Value, &SsfSettings) -> Option<Meaning>;

const FAMILIES: [(&str, ReadType); 4] = [
    ("https://schemas.openid.net/secevent/caep/event-type/", caep),
    ("https://schemas.openid.net/secevent/risc/event-type/", risc),
    ("https://schemas.openid.net/secevent/ssf/event-type/", ssf),
    ("https://schemas.login.gov/secevent/risc/event-type/", login_gov),
];

/// CAEP 1.0 §3.
fn caep(name: &str, event: &Value, settings: &SsfSettings) -> Option<Meaning> {
    Some(match name {
        "session-revoked" => Meaning::Event(EventKind::SignedOut),
        "credential-change" => credential_change(event),
        "token-claims-change" => claims_change(event, settings),
        "assurance-level-change"
        | "device-compliance-change"
        | "risk-level-change"
        | "session-established"
        | "session-presented" => Meaning::Nothing,
        _ => return None,
    })
}

/// A new credential takes nothing from its user. Every other change may be an attacker's loss, and
/// so is one that is not understood. What credential it is does not matter: transmitters name them
/// freely.
fn credential_change(event: &Value) -> Meaning {
    let change = event.get("change_type").and_then(Value::as_str).unwrap_or_default();
    if change.eq_ignore_ascii_case("create") {
        Meaning::Nothing
    } else {
        Meaning::Event(EventKind::CredentialsChanged)
    }
}

/// A user whose claims changed needs a bearer with the new claims. That is a sign-out.
fn claims_change(event: &Value, settings: &SsfSettings) -> Meaning {
    let changed = event.get("claims").and_then(Value::as_object);
    let matters = settings.claims.as_ref().is_none_or(|claims| {
        changed.is_none_or(|changed| claims.iter().any(|claim| changed.contains_key(claim)))
    });
    if matters { Meaning::Event(EventKind::SignedOut) } else { Meaning::Nothing }
}

/// RISC 1.0 §2.
fn risc(name: &str, _: &Value, _: &SsfSettings) -> Option<Meaning> {
    Some(match name {
        "account-disabled" => Meaning::Event(EventKind::Disabled),
        "account-enabled" => Meaning::Event(EventKind::Enabled),
        // The next owner of a recycled identifier is another person.
        "account-purged" | "identifier-recycled" => Meaning::Event(EventKind::Deleted),
        "sessions-revoked" => Meaning::Event(EventKind::SignedOut),
        "account-credential-change-required" | "credential-compromise" => {
            Meaning::Event(EventKind::CredentialsChanged)
        }
        "identifier-changed"
        | "opt-in"
        | "opt-out-initiated"
        | "opt-out-cancelled"
        | "opt-out-effective"
        | "recovery-activated"
        | "recovery-information-changed" => Meaning::Nothing,
        _ => return None,
    })
}

/// SSF 1.0 §8.1.4 and §8.1.5: about the stream itself.
fn ssf(name: &str, event: &Value, _: &SsfSettings) -> Option<Meaning> {
    match name {
        "verification" => Some(Meaning::Verification),
        "stream-updated" => {
            let status = event.get("status").and_then(Value::as_str).unwrap_or_default();
            let known = ["enabled", "paused", "disabled"].into_iter().find(|name| *name == status);
            Some(Meaning::StreamUpdated(known.unwrap_or("unknown")))
        }
        _ => None,
    }
}

/// The types that login.gov has of its own.
fn login_gov(name: &str, _: &Value, _: &SsfSettings) -> Option<Meaning> {
    match name {
        "password-reset" => Some(Meaning::Event(EventKind::CredentialsChanged)),
        "mfa-limit-account-locked" | "recovery-information-changed" | "reproof-completed" => {
            Some(Meaning::Nothing)
        }
        _ => None,
    }
}
