use serde::Deserialize;

use crate::model::{
    error::Error,
    identity::{Lifetime, Scopes, TokenRequest},
};

/// The scopes and lifetimes that a caller may have.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "RawGrant")]
pub struct Grant {
    scopes: Scopes,
    default_scopes: Scopes,
    max_lifetime: Lifetime,
    default_lifetime: Lifetime,
}

impl Default for Grant {
    /// Chat and calling, for one hour by default.
    fn default() -> Self {
        Self {
            scopes: Scopes::chat_and_voip(),
            default_scopes: Scopes::chat_and_voip(),
            max_lifetime: Lifetime::DAY,
            default_lifetime: Lifetime::HOUR,
        }
    }
}

impl Grant {
    /// Reads the scopes and lifetimes of a rule, or says what is wrong with them.
    pub(super) fn parse(
        scopes: &[String],
        max_minutes: Option<u64>,
        default_minutes: Option<u64>,
    ) -> Result<Self, &'static str> {
        let lifetime = |minutes: Option<u64>, default: Lifetime| match minutes {
            None => Ok(default),
            Some(minutes) => {
                Lifetime::from_minutes(minutes).ok_or("a lifetime must be 60 to 1440 minutes")
            }
        };
        let max_lifetime = lifetime(max_minutes, Lifetime::DAY)?;
        let default_lifetime = lifetime(default_minutes, Lifetime::HOUR)?;
        if default_lifetime > max_lifetime {
            return Err("defaultLifetimeMinutes is larger than maxLifetimeMinutes");
        }
        let scopes = Scopes::parse(scopes.iter().map(String::as_str)).ok_or(
            "scopes must be one or more of chat, chat.join, chat.join.limited, voip, voip.join, each once",
        )?;
        Ok(Self { default_scopes: scopes.clone(), scopes, max_lifetime, default_lifetime })
    }

    /// Every scope and the longest lifetime, for callers without a policy. The default is chat
    /// and calling for one hour.
    #[must_use]
    pub fn everything() -> Self {
        Self { scopes: Scopes::all(), default_scopes: Scopes::chat_and_voip(), ..Self::default() }
    }

    /// The scopes that a caller may request. Without a request, they get
    /// [the default](Self::decide).
    #[must_use]
    pub fn scopes(&self) -> &Scopes {
        &self.scopes
    }

    /// The longest lifetime that a caller may request.
    #[must_use]
    pub fn max_lifetime(&self) -> Lifetime {
        self.max_lifetime
    }

    /// Whether `other` permits everything that `self` permits.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        self.scopes.is_within(&other.scopes) && self.max_lifetime <= other.max_lifetime
    }

    /// The token for a caller who requests these scopes and this lifetime, each of which is
    /// optional. [`Error::BeyondPolicy`] if the request exceeds the grant: a caller who got less
    /// than requested would notice it only during a call.
    pub fn decide(
        &self,
        scopes: Option<Scopes>,
        lifetime: Option<Lifetime>,
    ) -> Result<TokenRequest, Error> {
        let scopes = scopes.unwrap_or_else(|| self.default_scopes.clone());
        let lifetime = lifetime.unwrap_or(self.default_lifetime);
        let allowed = scopes.is_within(&self.scopes) && lifetime <= self.max_lifetime;
        allowed.then_some(TokenRequest { scopes, lifetime }).ok_or(Error::BeyondPolicy)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct RawGrant {
    scopes: Vec<String>,
    max_lifetime_minutes: Option<u64>,
    default_lifetime_minutes: Option<u64>,
}

impl TryFrom<RawGrant> for Grant {
    type Error = &'static str;

    fn try_from(raw: RawGrant) -> Result<Self, Self::Error> {
        Self::parse(&raw.scopes, raw.max_lifetime_minutes, raw.default_lifetime_minutes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grant_of_everything_names_every_scope_and_the_longest_lifetime() {
        let expected = Grant {
            scopes: Scopes::all(),
            default_scopes: Scopes::chat_and_voip(),
            max_lifetime: Lifetime::DAY,
            default_lifetime: Lifetime::HOUR,
        };
        assert_eq!(Grant::everything(), expected);
    }
}
