use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::model::secret::Secret;

/// The permissions of a token, spelled as ACS spells them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
pub enum Scope {
    /// All operations of Chat.
    #[serde(rename = "chat")]
    Chat,
    /// Chat without creating, changing or deleting threads.
    #[serde(rename = "chat.join")]
    ChatJoin,
    /// Like `chat.join`, without adding or removing people; meant for guests.
    #[serde(rename = "chat.join.limited")]
    ChatJoinLimited,
    /// All operations of Calling.
    #[serde(rename = "voip")]
    Voip,
    /// Joining calls, but not starting them.
    #[serde(rename = "voip.join")]
    VoipJoin,
}

impl Scope {
    /// Every scope that ACS supports.
    pub const ALL: [Self; 5] =
        [Self::Chat, Self::ChatJoin, Self::ChatJoinLimited, Self::Voip, Self::VoipJoin];

    /// The name in the spelling of ACS.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::ChatJoin => "chat.join",
            Self::ChatJoinLimited => "chat.join.limited",
            Self::Voip => "voip",
            Self::VoipJoin => "voip.join",
        }
    }

    /// Whether `self` permits everything that `other` permits.
    #[must_use]
    pub fn includes(self, other: Self) -> bool {
        match self {
            Self::Chat => matches!(other, Self::Chat | Self::ChatJoin | Self::ChatJoinLimited),
            Self::ChatJoin => matches!(other, Self::ChatJoin | Self::ChatJoinLimited),
            Self::Voip => matches!(other, Self::Voip | Self::VoipJoin),
            Self::ChatJoinLimited | Self::VoipJoin => self == other,
        }
    }

    /// Parses the spelling of ACS.
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == raw)
    }
}

/// One or more scopes without duplicates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Scopes(Vec<Scope>);

impl Scopes {
    /// Accepts scopes as ACS spells them: at least one, without duplicates or unknown values.
    #[must_use]
    pub fn parse<'a>(raw: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let scopes: Option<Vec<Scope>> = raw.into_iter().map(Scope::parse).collect();
        scopes.and_then(Self::of)
    }

    /// Accepts at least one scope, without duplicates.
    #[must_use]
    pub fn of(mut scopes: Vec<Scope>) -> Option<Self> {
        let asked = scopes.len();
        scopes.sort_unstable();
        scopes.dedup();
        (asked > 0 && scopes.len() == asked).then_some(Self(scopes))
    }

    /// Chat and calling, for meetings with chat and calls.
    #[must_use]
    pub fn chat_and_voip() -> Self {
        Self(vec![Scope::Chat, Scope::Voip])
    }

    /// Every scope.
    #[must_use]
    pub fn all() -> Self {
        Self(Scope::ALL.to_vec())
    }

    /// The scopes, in a fixed order.
    #[must_use]
    pub fn as_slice(&self) -> &[Scope] {
        &self.0
    }

    /// Whether `self` permits nothing beyond `other`.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        self.0.iter().all(|scope| other.0.iter().any(|had| had.includes(*scope)))
    }
}

/// The lifetime of a token. ACS accepts one hour to one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lifetime {
    minutes: u16,
}

impl Lifetime {
    /// The shortest lifetime that ACS allows.
    pub const HOUR: Self = Self { minutes: 60 };
    /// The longest lifetime that ACS allows.
    pub const DAY: Self = Self { minutes: 1440 };

    /// Accepts 60 to 1,440 minutes.
    #[must_use]
    pub fn from_minutes(minutes: u64) -> Option<Self> {
        let minutes = u16::try_from(minutes).ok()?;
        (Self::HOUR.minutes..=Self::DAY.minutes).contains(&minutes).then_some(Self { minutes })
    }

    /// The lifetime in minutes, the unit that ACS uses.
    #[must_use]
    pub fn minutes(self) -> u16 {
        self.minutes
    }
}

/// The properties of a requested token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRequest {
    /// The scopes of the token.
    pub scopes: Scopes,
    /// The lifetime of the token.
    pub lifetime: Lifetime,
}

/// A token that ACS issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessToken {
    /// The bearer token.
    pub token: Secret,
    /// When the token expires.
    pub expires_on: SystemTime,
}
