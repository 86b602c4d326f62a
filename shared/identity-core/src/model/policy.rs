//! The policy: maps the claims of a caller to the scopes and lifetimes that they may request.
//!
//! ```json
//! {
//!   "rules": [
//!     {
//!       "if": { "role": "guest" },
//!       "scopes": ["voip.join", "chat.join.limited"],
//!       "maxLifetimeMinutes": 60
//!     }
//!   ],
//!   "otherwise": { "scopes": ["chat", "voip"], "maxLifetimeMinutes": 1440 }
//! }
//! ```
//!
//! The first rule whose claims all match applies; if no rule matches, `otherwise` applies. A
//! claim matches if it has the given value. A claim whose name marks it as a list, such as
//! `groups`, also matches if the list contains the value. Choose claims that your identity
//! provider controls, and values without spaces. A caller who requests nothing specific gets the
//! scopes of the rule for its `defaultLifetimeMinutes` (60 if absent). A caller may request less,
//! but never more.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::model::{
    error::Error,
    identity::{Lifetime, Scopes, TokenRequest},
};

/// The claims that the caller's identity provider signed. API Gateway formats a list as `[a b]`.
pub type Claims = BTreeMap<String, String>;

/// The permissions of all callers. The default is chat and calling for every caller.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    #[serde(default)]
    rules: Vec<Rule>,
    #[serde(default)]
    otherwise: Grant,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "RawRule")]
struct Rule {
    condition: Condition,
    grant: Grant,
}

/// Claims and their required values, all of which must match: the `if` of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "BTreeMap<String, String>")]
pub struct Condition(BTreeMap<String, String>);

impl TryFrom<BTreeMap<String, String>> for Condition {
    type Error = &'static str;

    fn try_from(claims: BTreeMap<String, String>) -> Result<Self, Self::Error> {
        if claims.is_empty() {
            return Err("a condition needs at least one claim");
        }
        Ok(Self(claims))
    }
}

impl Condition {
    /// Whether the claims meet the condition.
    #[must_use]
    pub fn is_met_by(&self, claims: &Claims) -> bool {
        self.unmet(claims).next().is_none()
    }

    /// The names of the claims that are missing or have another value.
    pub fn unmet<'a>(&'a self, claims: &'a Claims) -> impl Iterator<Item = &'a str> {
        let wanting = self.0.iter().filter(|(name, wanted)| {
            !claims
                .get(*name)
                .is_some_and(|value| value == *wanted || (is_list(name) && lists(value, wanted)))
        });
        wanting.map(|(name, _)| name.as_str())
    }
}

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

impl Policy {
    /// The grant for a caller with these claims.
    #[must_use]
    pub fn grant(&self, claims: &Claims) -> &Grant {
        let rule = self.rules.iter().find(|rule| rule.condition.is_met_by(claims));
        rule.map_or(&self.otherwise, |rule| &rule.grant)
    }
}

/// Whether a claim with this name can be a list: `groups`, `roles`, `permissions` and similar
/// names, also with a namespace prefix (`cognito:groups`, `https://example.com/roles`).
///
/// API Gateway passes a list as the text `[a b]`, which a user could also choose as a name.
/// Therefore no other claim is read as a list. Cognito's custom attributes are not read as lists
/// either, because users may write them.
fn is_list(name: &str) -> bool {
    const LISTS: [&str; 11] = [
        "amr",
        "aud",
        "entitlements",
        "group",
        "groups",
        "permissions",
        "role",
        "roles",
        "scopes",
        "scp",
        "wids",
    ];
    let last = name.rsplit(['/', ':']).next().unwrap_or_default();
    !name.starts_with("custom:") && LISTS.contains(&last)
}

/// Whether `claim` is a list (`[a b]`) that contains `wanted`.
fn lists(claim: &str, wanted: &str) -> bool {
    let inner = claim.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    inner.is_some_and(|inner| inner.split(' ').any(|item| item == wanted))
}

impl Grant {
    /// Every scope and the longest lifetime, for callers without a policy. The default is chat
    /// and calling for one hour.
    #[must_use]
    pub fn everything() -> Self {
        Self { scopes: Scopes::all(), default_scopes: Scopes::chat_and_voip(), ..Self::default() }
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
struct RawRule {
    r#if: BTreeMap<String, String>,
    scopes: Vec<String>,
    max_lifetime_minutes: Option<u64>,
    default_lifetime_minutes: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct RawGrant {
    scopes: Vec<String>,
    max_lifetime_minutes: Option<u64>,
    default_lifetime_minutes: Option<u64>,
}

impl TryFrom<RawRule> for Rule {
    type Error = &'static str;

    fn try_from(raw: RawRule) -> Result<Self, Self::Error> {
        let condition = Condition::try_from(raw.r#if).map_err(
            |_| "a rule needs at least one claim in `if`; use `otherwise` for all other callers",
        )?;
        let grant = Grant::try_from(RawGrant {
            scopes: raw.scopes,
            max_lifetime_minutes: raw.max_lifetime_minutes,
            default_lifetime_minutes: raw.default_lifetime_minutes,
        })?;
        Ok(Self { condition, grant })
    }
}

impl TryFrom<RawGrant> for Grant {
    type Error = &'static str;

    fn try_from(raw: RawGrant) -> Result<Self, Self::Error> {
        let lifetime = |minutes: Option<u64>, default: Lifetime| match minutes {
            None => Ok(default),
            Some(minutes) => {
                Lifetime::from_minutes(minutes).ok_or("a lifetime must be 60 to 1440 minutes")
            }
        };
        let max_lifetime = lifetime(raw.max_lifetime_minutes, Lifetime::DAY)?;
        let default_lifetime = lifetime(raw.default_lifetime_minutes, Lifetime::HOUR)?;
        if default_lifetime > max_lifetime {
            return Err("defaultLifetimeMinutes is larger than maxLifetimeMinutes");
        }
        let scopes = Scopes::parse(raw.scopes.iter().map(String::as_str)).ok_or(
            "scopes must be one or more of chat, chat.join, chat.join.limited, voip, voip.join, each once",
        )?;
        Ok(Self { default_scopes: scopes.clone(), scopes, max_lifetime, default_lifetime })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::model::identity::Scope;

    fn policy() -> Policy {
        serde_json::from_value(json!({
            "rules": [
                { "if": { "role": "guest" }, "scopes": ["voip.join"], "maxLifetimeMinutes": 90 },
                { "if": { "role": "staff", "tier": "gold" }, "scopes": ["chat", "voip", "voip.join"] },
            ],
            "otherwise": { "scopes": ["chat", "voip"], "maxLifetimeMinutes": 120 },
        }))
        .unwrap()
    }

    fn claims(pairs: &[(&str, &str)]) -> Claims {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    // With every claim read as a list, a user whose name is `[root]` is an administrator.
    #[test]
    fn r52_only_a_claim_that_is_a_list_by_its_name_is_read_as_one() {
        for (name, is_met) in [
            ("cognito:groups", true),
            ("groups", true),
            ("https://example.com/roles", true),
            ("permissions", true),
            ("username", false),
            ("cognito:username", false),
            ("name", false),
            ("email", false),
            ("sub", false),
            ("custom:roles", false),
        ] {
            let condition = BTreeMap::from([(name.to_owned(), "root".to_owned())]);
            let condition = Condition::try_from(condition).unwrap();
            let met = |value: &str| condition.is_met_by(&claims(&[(name, value)]));
            assert!(met("root") && !met("root2"), "{name}");
            assert_eq!(met("[root]"), is_met, "{name}");
            assert_eq!(met("[x root]"), is_met, "{name}");
        }
    }

    #[test]
    fn the_first_rule_that_matches_decides() {
        for (who, scopes) in [
            (&[("role", "guest")][..], &["voip.join"][..]),
            (&[("role", "[x guest]")], &["voip.join"]),
            (&[("role", "guests")], &["chat", "voip"]),
            (&[("role", "[x,guest]")], &["chat", "voip"]),
            (&[("role", "staff")], &["chat", "voip"]),
            (&[("role", "staff"), ("tier", "gold")], &["chat", "voip", "voip.join"]),
            (&[], &["chat", "voip"]),
        ] {
            let decided = policy().grant(&claims(who)).decide(None, None).unwrap();
            assert_eq!(Some(decided.scopes), Scopes::parse(scopes.iter().copied()), "{who:?}");
        }
    }

    #[test]
    fn asking_for_more_is_refused_not_cut_down() {
        let policy = policy();
        let guest = policy.grant(&claims(&[("role", "guest")]));
        assert!(matches!(guest.decide(Scopes::parse(["voip"]), None), Err(Error::BeyondPolicy)));
        let long = Lifetime::from_minutes(91);
        assert!(matches!(guest.decide(None, long), Err(Error::BeyondPolicy)));
        assert_eq!(guest.decide(None, Lifetime::from_minutes(90)).unwrap().lifetime.minutes(), 90);
    }

    #[test]
    fn an_invalid_policy_is_refused() {
        for bad in [
            json!({ "otherwise": { "scopes": [] } }),
            json!({ "otherwise": { "scopes": ["root"] } }),
            json!({ "otherwise": { "scopes": ["chat"], "maxLifetimeMinutes": 59 } }),
            json!({ "otherwise": { "scopes": ["chat"], "defaultLifetimeMinutes": 90, "maxLifetimeMinutes": 60 } }),
            json!({ "rules": [{ "if": {}, "scopes": ["chat"] }] }),
            json!({ "rule": [] }),
        ] {
            assert!(serde_json::from_value::<Policy>(bad.clone()).is_err(), "{bad}");
        }
        let an_hour = json!({ "otherwise": { "scopes": ["chat"], "maxLifetimeMinutes": 60 } });
        assert!(serde_json::from_value::<Policy>(an_hour).is_ok(), "the default is not more");
    }

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

    proptest! {
        /// R11: a token never exceeds the rule, whatever the caller requests.
        #[test]
        fn r11_what_is_given_is_what_was_asked_and_never_more(
            asked in prop::collection::vec(0_usize..5, 0..6),
            minutes in 0_u64..2000,
            guest: bool,
        ) {
            let policy = policy();
            let grant = policy.grant(&if guest { claims(&[("role", "guest")]) } else { Claims::new() });
            let scopes = Scopes::of(asked.iter().map(|&i| Scope::ALL[i]).collect());
            let lifetime = Lifetime::from_minutes(minutes);
            if let Ok(given) = grant.decide(scopes.clone(), lifetime) {
                prop_assert!(given.scopes.is_within(&grant.scopes));
                prop_assert!(given.lifetime <= grant.max_lifetime);
                prop_assert!(scopes.is_none_or(|asked| asked == given.scopes));
                prop_assert!(lifetime.is_none_or(|asked| asked == given.lifetime));
            }
        }
    }
}
