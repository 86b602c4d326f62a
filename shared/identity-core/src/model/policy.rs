//! The policy: maps the claims of a caller to the scopes and lifetimes that they may request.
//!
//! ```json
//! {
//!   "rules": [
//!     { "if": { "groups": "staff", "email_verified": true }, "scopes": ["chat", "voip"] }
//!   ],
//!   "otherwise": { "scopes": ["voip.join", "chat.join.limited"], "maxLifetimeMinutes": 60 }
//! }
//! ```
//!
//! The first rule whose claims all match applies; if no rule matches, `otherwise` applies. Give
//! `otherwise` the least of all: then a claim that a token lacks never gives its user more. A
//! caller who requests nothing specific gets the scopes of the rule for its
//! `defaultLifetimeMinutes` (60 if absent). A caller may request less, but never more.
//!
//! `lifetimeSpread` (25 if absent, 0 to 50) reduces the default lifetime by up to that percentage,
//! but never below an hour. A user always gets the same part of it, so that the tokens of users
//! who came together are not renewed together.
//!
//! `resource` names the ACS resource in which the identities of the rule's users are created, for
//! example because these users call each other. Without it, the placement chooses. An identity
//! that exists stays where it is.
//!
//! `guests` permits invitations for people without an account; without it, they are not enabled.
//! All its members are optional:
//!
//! ```json
//! {
//!   "guests": {
//!     "scopes": ["voip.join"], "maxLifetimeMinutes": 60, "maxDays": 30, "maxDevices": 10,
//!     "pin": "optional", "deleteAfterHours": 2, "resource": "guests", "meetingHosts": []
//!   }
//! }
//! ```
//!
//! A claim matches if it has the given value, or if it is a list that contains the value. A value
//! is text, a whole number, `true` or `false`, and equals a claim with the same text: `true`
//! equals `"true"`, because API Gateway's JWT authorizer passes both in the same way. Choose
//! claims that your identity provider controls.
//!
//! The two authorizers pass lists and nested claims differently:
//!
//! * The **JWT authorizer** of API Gateway passes text only. A list is `[a b]`, and is read as a
//!   list only if the last part of its name says that it is one, as in `groups`,
//!   `cognito:groups` and `https://example.com/roles`. Such a claim cannot be compared with a
//!   value that contains a space. Nested claims cannot be reached.
//! * A **Lambda authorizer** passes the claims as they are in the token. A JSON array is a list,
//!   whatever its name; a string never is. Nested claims can be reached.
//!
//! A name in a policy is resolved in this order:
//!
//! 1. A name that begins with `/` is a JSON pointer (RFC 6901), for example
//!    `/realm_access/roles`. It needs a Lambda authorizer. `~1` stands for a slash in a name, and
//!    `~0` for a tilde.
//! 2. Any other name is the name of a claim, if the token has that claim. So dots and slashes in
//!    names, as in `https://example.com/roles`, have no meaning.
//! 3. Otherwise, the dots of a name without `://` separate nested names: `realm_access.roles` is
//!    `/realm_access/roles`. It needs a Lambda authorizer.

mod claims;
mod condition;
mod grant;
mod guests;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::model::ResourceName;

pub use claims::Claims;
pub use condition::Condition;
pub use grant::Grant;
pub use guests::GuestPolicy;

/// The permissions of all callers. The default is chat and calling for every caller.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    #[serde(default)]
    rules: Vec<Rule>,
    #[serde(default)]
    otherwise: Grant,
    #[serde(default)]
    guests: Option<GuestPolicy>,
}

/// A rule of a policy: who has what.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "RawRule")]
pub struct Rule {
    condition: Condition,
    grant: Grant,
}

impl Rule {
    /// The claims that a caller must have.
    #[must_use]
    pub fn condition(&self) -> &Condition {
        &self.condition
    }

    /// What such a caller may request.
    #[must_use]
    pub fn grant(&self) -> &Grant {
        &self.grant
    }
}

impl Policy {
    /// The grant for a caller with these claims.
    #[must_use]
    pub fn grant(&self, claims: &Claims) -> &Grant {
        let rule = self.rules.iter().find(|rule| rule.condition.is_met_by(claims));
        rule.map_or(&self.otherwise, |rule| &rule.grant)
    }

    /// The rules, in the order in which they are tried.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// What invitations may give to guests; `None` if invitations are not enabled.
    #[must_use]
    pub fn guests(&self) -> Option<&GuestPolicy> {
        self.guests.as_ref()
    }

    /// The ACS resources that a rule, `otherwise` or `guests` names.
    pub fn resources(&self) -> impl Iterator<Item = &ResourceName> {
        let grants = self.rules.iter().map(Rule::grant).chain([&self.otherwise]);
        let of_guests = self.guests().and_then(GuestPolicy::resource);
        grants.filter_map(Grant::resource).chain(of_guests)
    }

    /// The numbers of the rules, from 1, that give less than `otherwise`. A token that lacks a
    /// claim of such a rule by mistake gives its user more.
    pub fn rules_below_otherwise(&self) -> impl Iterator<Item = usize> {
        let below = |rule: &Rule| !self.otherwise.is_within(&rule.grant);
        let numbered = (1..).zip(&self.rules);
        numbered.filter(move |(_, rule)| below(rule)).map(|(number, _)| number)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct RawRule {
    r#if: BTreeMap<String, Value>,
    scopes: Vec<String>,
    max_lifetime_minutes: Option<u64>,
    default_lifetime_minutes: Option<u64>,
    lifetime_spread: Option<u64>,
    #[serde(default)]
    resource: Option<String>,
}

impl TryFrom<RawRule> for Rule {
    type Error = String;

    fn try_from(raw: RawRule) -> Result<Self, Self::Error> {
        if raw.r#if.is_empty() {
            let reason = "a rule needs at least one claim in `if`; use `otherwise` for all other \
                          callers";
            return Err(reason.to_owned());
        }
        let condition = Condition::try_from(raw.r#if)?;
        let lifetimes = grant::RawLifetimes {
            max_minutes: raw.max_lifetime_minutes,
            default_minutes: raw.default_lifetime_minutes,
            spread_percent: raw.lifetime_spread,
        };
        let grant = Grant::parse(&raw.scopes, lifetimes, raw.resource.as_deref())?;
        Ok(Self { condition, grant })
    }
}

#[cfg(test)]
mod tests;
