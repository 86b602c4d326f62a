//! Flags and values that several commands share.

use clap::{Args, ValueEnum};
use identity_core::identity::Scope;

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

/// A scope of an access token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TokenScope {
    /// Full access to Chat, until 30 September 2028
    #[value(name = "chat")]
    Chat,
    /// Chat, without creating, changing or deleting threads
    #[value(name = "chat.join")]
    ChatJoin,
    /// Like chat.join, without adding or removing participants
    #[value(name = "chat.join.limited")]
    ChatJoinLimited,
    /// Full access to Calling
    #[value(name = "voip")]
    Voip,
    /// Join calls, without starting them
    #[value(name = "voip.join")]
    VoipJoin,
}

impl From<TokenScope> for Scope {
    fn from(scope: TokenScope) -> Self {
        match scope {
            TokenScope::Chat => Self::Chat,
            TokenScope::ChatJoin => Self::ChatJoin,
            TokenScope::ChatJoinLimited => Self::ChatJoinLimited,
            TokenScope::Voip => Self::Voip,
            TokenScope::VoipJoin => Self::VoipJoin,
        }
    }
}

fn parse_rate(raw: &str) -> Result<f64, String> {
    // ACS allows 500 deletions in 30 s, which are 16.7 per second.
    let rate = raw.parse().ok().filter(|rate| (0.1..=16.0).contains(rate));
    rate.ok_or_else(|| "expected a number from 0.1 to 16".to_owned())
}
