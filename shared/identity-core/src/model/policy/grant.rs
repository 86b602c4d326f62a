use serde::Deserialize;

use crate::model::{
    error::Error,
    identity::{ExternalId, Lifetime, Scopes, TokenRequest},
    resource::ResourceName,
};

/// The scopes and lifetimes that a caller may have.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "RawGrant")]
pub struct Grant {
    scopes: Scopes,
    default_scopes: Scopes,
    max_lifetime: Lifetime,
    default_lifetime: Lifetime,
    lifetime_spread: LifetimeSpread,
    resource: Option<ResourceName>,
}

/// The percentage by which the default lifetime is reduced at most, depending on the user.
///
/// Without it, all tokens of a morning are renewed in one hour of the afternoon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct LifetimeSpread(u8);

impl LifetimeSpread {
    /// A larger spread would halve the lifetime that the operator chose.
    const MAX_PERCENT: u64 = 50;

    fn parse(percent: Option<u64>) -> Result<Self, &'static str> {
        let Some(percent) = percent else { return Ok(Self::default()) };
        let percent = u8::try_from(percent).ok().filter(|one| u64::from(*one) <= Self::MAX_PERCENT);
        percent.map(Self).ok_or("lifetimeSpread must be a whole number from 0 to 50 percent")
    }
}

impl Default for LifetimeSpread {
    /// A quarter: the renewals of 100,000 users then never exceed their arrivals.
    fn default() -> Self {
        Self(25)
    }
}

impl Default for Grant {
    /// Chat and calling, for one hour by default.
    fn default() -> Self {
        Self {
            scopes: Scopes::chat_and_voip(),
            default_scopes: Scopes::chat_and_voip(),
            max_lifetime: Lifetime::DAY,
            default_lifetime: Lifetime::HOUR,
            lifetime_spread: LifetimeSpread::default(),
            resource: None,
        }
    }
}

/// The lifetimes of a rule, as the policy writes them.
#[derive(Clone, Copy, Default)]
pub(super) struct RawLifetimes {
    pub(super) max_minutes: Option<u64>,
    pub(super) default_minutes: Option<u64>,
    pub(super) spread_percent: Option<u64>,
}

impl Grant {
    /// Reads the scopes and lifetimes of a rule, or says what is wrong with them.
    pub(super) fn parse(
        scopes: &[String],
        raw: RawLifetimes,
        resource: Option<&str>,
    ) -> Result<Self, &'static str> {
        let lifetime = |minutes: Option<u64>, default: Lifetime| match minutes {
            None => Ok(default),
            Some(minutes) => Lifetime::from_minutes(minutes).ok_or(LIFETIME),
        };
        let max_lifetime = lifetime(raw.max_minutes, Lifetime::DAY)?;
        let default_lifetime = lifetime(raw.default_minutes, Lifetime::HOUR)?;
        if default_lifetime > max_lifetime {
            return Err("defaultLifetimeMinutes is larger than maxLifetimeMinutes");
        }
        let scopes = Scopes::parse(scopes.iter().map(String::as_str)).ok_or(SCOPES)?;
        let lifetime_spread = LifetimeSpread::parse(raw.spread_percent)?;
        let default_scopes = scopes.clone();
        let resource = resource.map(|raw| ResourceName::parse(raw).ok_or(RESOURCE)).transpose()?;
        Ok(Self {
            scopes,
            default_scopes,
            max_lifetime,
            default_lifetime,
            lifetime_spread,
            resource,
        })
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

    /// The ACS resource of the new identities of such callers; `None` for the one of the placement.
    #[must_use]
    pub fn resource(&self) -> Option<&ResourceName> {
        self.resource.as_ref()
    }

    /// The lifetime for this user, who requests none: the default, reduced by a part of the spread
    /// that is always the same for a user. It is at least an hour.
    #[must_use]
    pub fn default_lifetime(&self, user: &ExternalId) -> Lifetime {
        let (minutes, spread) = (self.default_lifetime.minutes(), self.lifetime_spread.0);
        let less = u64::from(minutes) * u64::from(spread) * (user.hash() % (STEPS + 1));
        let minutes = u64::from(minutes) - less / (STEPS * 100);
        Lifetime::from_minutes(minutes).unwrap_or(Lifetime::HOUR)
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
    lifetime_spread: Option<u64>,
    #[serde(default)]
    resource: Option<String>,
}

impl TryFrom<RawGrant> for Grant {
    type Error = &'static str;

    fn try_from(raw: RawGrant) -> Result<Self, Self::Error> {
        let lifetimes = RawLifetimes {
            max_minutes: raw.max_lifetime_minutes,
            default_minutes: raw.default_lifetime_minutes,
            spread_percent: raw.lifetime_spread,
        };
        Self::parse(&raw.scopes, lifetimes, raw.resource.as_deref())
    }
}

pub(super) const SCOPES: &str =
    "scopes must be one or more of chat, chat.join, chat.join.limited, voip, voip.join, each once";
pub(super) const LIFETIME: &str = "a lifetime must be 60 to 1440 minutes";
pub(super) const RESOURCE: &str =
    "resource must be the name of an ACS resource: 1 to 16 lower-case letters, digits and hyphens";

/// The number of parts into which the spread divides the users.
const STEPS: u64 = 10_000;

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
            lifetime_spread: LifetimeSpread::default(),
            resource: None,
        };
        assert_eq!(Grant::everything(), expected);
    }

    fn grant(default: u64, spread: Option<u64>) -> Result<Grant, &'static str> {
        let lifetimes = RawLifetimes {
            max_minutes: None,
            default_minutes: Some(default),
            spread_percent: spread,
        };
        Grant::parse(&["chat".to_owned()], lifetimes, None)
    }

    /// The default lifetimes of a thousand users, in minutes, sorted.
    fn lifetimes(default: u64, spread: Option<u64>) -> Vec<u16> {
        let grant = grant(default, spread).unwrap();
        let users = (0..1000).map(|index| crate::testing::user(&format!("https://idp|{index}")));
        let mut minutes: Vec<_> =
            users.map(|user| grant.default_lifetime(&user).minutes()).collect();
        minutes.sort_unstable();
        minutes
    }

    #[test]
    fn default_lifetimes_are_spread_evenly_over_the_users() {
        for (default, spread, least) in
            [(480, None, 360), (480, Some(50), 240), (1440, Some(10), 1296)]
        {
            let minutes = lifetimes(default, spread);
            let step = (minutes[999] - minutes[0]) / 20;
            assert!(minutes[0] >= least && minutes[0] <= least + step, "{minutes:?}");
            assert!(u64::from(minutes[999] + step) >= default, "{minutes:?}");
            assert!(minutes[500].abs_diff(minutes[0].midpoint(minutes[999])) <= step);
        }
        assert_eq!(lifetimes(480, Some(0)), [480; 1000]);
    }

    // A user whose lifetime changed with a new version would renew together with others.
    #[test]
    fn the_part_of_a_user_never_changes() {
        let grant = grant(480, None).unwrap();
        for (name, minutes) in [("alice", 474), ("bob", 372)] {
            let user = crate::testing::user(&format!("https://idp.example|{name}"));
            assert_eq!(grant.default_lifetime(&user).minutes(), minutes, "{name}");
        }
    }

    #[test]
    fn a_spread_lifetime_is_at_least_an_hour_and_the_same_in_each_request() {
        let grant = grant(62, Some(50)).unwrap();
        let users = (0..100).map(|index| crate::testing::user(&format!("user-{index}")));
        let least = users.map(|user| grant.default_lifetime(&user)).min();
        assert_eq!(least, Some(Lifetime::HOUR));
        let alice = crate::testing::user("alice");
        assert_eq!(grant.default_lifetime(&alice), grant.clone().default_lifetime(&alice));
        assert_eq!(Grant::default().default_lifetime(&alice), Lifetime::HOUR);
    }

    #[test]
    fn a_spread_is_a_percentage_up_to_50() {
        assert!(grant(480, Some(50)).is_ok());
        for bad in [51, 256, 306] {
            let reason = "lifetimeSpread must be a whole number from 0 to 50 percent";
            assert_eq!(grant(480, Some(bad)), Err(reason));
        }
    }
}
