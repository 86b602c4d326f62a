//! Values of arguments that several commands read.

use std::time::SystemTime;

use identity_core::identity::{ExternalId, IdentityRef, Lifetime, Scope, Scopes, TokenRequest};
use identity_core::record::Reason;

use crate::report::{CliError, Result, duration, timestamp};

/// Reads an external id or an ACS id.
pub(crate) fn parse_identity(raw: &str) -> Result<IdentityRef> {
    IdentityRef::parse(raw).ok_or_else(|| {
        CliError::usage(format!("{raw:?} is not a valid id"))
            .because("an ACS id is like 8:acs:…_…; an external id has 1 to 1,024 visible ASCII characters and does not begin with 8:")
            .hint("copy an ACS id from the answer that created it; with a table, `guestpass identity list` shows all")
    })
}

/// Reads an external id.
pub(crate) fn parse_external_id(raw: &str) -> Result<ExternalId> {
    ExternalId::parse_named(raw).ok_or_else(|| {
        CliError::usage(format!("{raw:?} is not a valid external id"))
            .because(
                "it has 1 to 1,024 visible ASCII characters and does not begin with 8: or guest|",
            )
            .hint("use <issuer>|<subject> for a user who signs in")
    })
}

/// A new external id, in the same form as those that the service generates.
pub(crate) fn generated_external_id() -> Result<ExternalId> {
    parse_external_id(&format!("generated|{}", uuid::Uuid::new_v4()))
}

/// Reads a time.
pub(crate) fn parse_time(raw: &str) -> Result<SystemTime> {
    timestamp::parse(raw).ok_or_else(|| {
        CliError::usage(format!("{raw:?} is not a valid timestamp"))
            .because("expected RFC 3339")
            .hint("write one like 2026-11-22T17:00:00Z")
    })
}

/// Reads a reason.
pub(crate) fn parse_reason(raw: &str) -> Result<Reason> {
    Reason::parse(raw).ok_or_else(|| {
        CliError::usage("invalid value for --reason")
            .because("it has 1 to 256 characters on one line")
            .hint("give --reason in a few words")
    })
}

/// Reads the scopes and the lifetime of a token.
pub(crate) fn parse_token_request(
    scopes: Vec<Scope>,
    expires_in: Option<&str>,
) -> Result<TokenRequest> {
    let scopes = Scopes::of(scopes).ok_or_else(|| {
        CliError::usage("invalid value for --scope")
            .because("a token needs at least one scope, and no scope twice")
            .hint("give --scope voip, or --scope chat voip")
    })?;
    let lifetime = expires_in.map_or(Ok(Lifetime::HOUR), lifetime)?;
    Ok(TokenRequest { scopes, lifetime })
}

fn lifetime(raw: &str) -> Result<Lifetime> {
    let wrong = |why: String| {
        CliError::usage(format!("{raw:?} is not a valid value for --expires-in"))
            .because(why)
            .hint("give --expires-in 60m, 90m, … 24h")
    };
    let span = duration::parse(raw).map_err(wrong)?;
    let minutes =
        (span.subsec_nanos() == 0 && span.as_secs() % 60 == 0).then_some(span.as_secs() / 60);
    minutes
        .and_then(Lifetime::from_minutes)
        .ok_or_else(|| wrong("ACS takes 60 minutes to 24 hours, in whole minutes".to_owned()))
}
