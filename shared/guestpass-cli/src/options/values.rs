//! Flags and values that several commands share.

use std::time::{Duration, SystemTime};

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use identity_core::identity::Scope;

use crate::report::{duration, timestamp};

/// The flag that skips the confirmation prompt.
#[derive(Args)]
pub(crate) struct Confirmation {
    /// Skip the confirmation prompt
    #[arg(short, long)]
    pub(crate) yes: bool,
}

/// The rate of a bulk deletion.
#[derive(Args)]
pub(crate) struct DeletionRate {
    /// Deletions per second, 0.1 to 16. ACS allows about 16 for the resource, which the service
    /// shares
    #[arg(long, value_name = "N", default_value_t = 8.0, value_parser = parse_rate)]
    pub(crate) rate: f64,
}

/// The reason of a revocation.
#[derive(Args)]
pub(crate) struct RevocationReason {
    /// The reason, 1 to 256 characters; it is stored with the receipt
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
}

/// The issuer of the users' tokens.
#[derive(Args)]
pub(crate) struct TokenIssuer {
    /// The issuer of the users' tokens: their claim `iss` [env: GUESTPASS_ISSUER]
    #[arg(long, value_name = "URL")]
    pub(crate) issuer: Option<String>,
}

/// The start of a list.
#[derive(Clone, Copy)]
pub(crate) enum Since {
    /// At this time.
    Time(SystemTime),
    /// So long before now.
    Ago(Duration),
}

impl Since {
    /// The time of the start.
    pub(crate) fn at(self, now: SystemTime) -> SystemTime {
        match self {
            Self::Time(time) => time,
            Self::Ago(span) => now.checked_sub(span).unwrap_or(SystemTime::UNIX_EPOCH),
        }
    }
}

/// Reads a time, or a duration before now.
pub(super) fn parse_since(raw: &str) -> Result<Since, String> {
    let time = timestamp::parse(raw).map(Since::Time);
    time.or_else(|| duration::parse(raw).ok().map(Since::Ago)).ok_or_else(|| {
        "expected RFC 3339, for example 2026-11-26T12:00:00Z, or a duration such as 90m, 12h or 30d"
            .to_owned()
    })
}

/// Reads a part of an id, also one that was copied with the mark of a shortened one.
#[expect(clippy::unnecessary_wraps, reason = "clap expects a result")]
pub(super) fn parse_part(raw: &str) -> Result<String, String> {
    Ok(raw.trim_start_matches('…').to_owned())
}

/// Reads one of these values by its name. Each has the text of `--help`, which can be empty.
pub(super) fn one_of<T: Clone + Send + Sync + 'static>(
    values: &'static [(T, &'static str)],
    name: fn(T) -> &'static str,
) -> impl TypedValueParser<Value = T> {
    let named = values.iter().map(move |(value, help)| {
        let named = PossibleValue::new(name(value.clone()));
        if help.is_empty() { named } else { named.help(*help) }
    });
    PossibleValuesParser::new(named).try_map(move |raw| {
        let found = values.iter().find(|(value, _)| name(value.clone()) == raw);
        found.map(|(value, _)| value.clone()).ok_or("unknown value")
    })
}

/// The scopes of an access token.
pub(super) const SCOPES: [(Scope, &str); 5] = [
    (Scope::Chat, "Full access to Chat, until 30 September 2028"),
    (Scope::ChatJoin, "Chat, without creating, changing or deleting threads"),
    (Scope::ChatJoinLimited, "Like chat.join, without adding or removing participants"),
    (Scope::Voip, "Full access to Calling"),
    (Scope::VoipJoin, "Join calls, without starting them"),
];

fn parse_rate(raw: &str) -> Result<f64, String> {
    // ACS allows 500 deletions in 30 s, which are 16.7 per second.
    let rate = raw.parse().ok().filter(|rate| (0.1..=16.0).contains(rate));
    rate.ok_or_else(|| "expected a number from 0.1 to 16".to_owned())
}
