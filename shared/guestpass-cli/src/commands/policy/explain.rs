//! `guestpass policy explain`

use identity_core::policy::Policy;
use identity_core::ports::SystemClock;
use serde::Serialize;
use serde_json::{Map, Value};

use super::loaded::{ClaimsSource, policy_in, rule_name, scope_names};
use crate::commands::CommandContext;
use crate::input::{UnverifiedJwt, secret_in, token_in};
use crate::options::PolicyExplainArguments;
use crate::report::{CliError, Result, Row, note};

/// What the user of a bearer may have, with one of the authorizers.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct ExplainedGrant {
    authorizer: ClaimsSource,
    /// The number of the rule that applies, from 1, or `otherwise`.
    rule: String,
    scopes: Vec<&'static str>,
    max_lifetime_minutes: u16,
    /// The ACS resource of new identities, if the policy names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<String>,
    /// The earlier rules, and the claims that each of them misses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unmet: Vec<String>,
    verified: bool,
}

impl Row for ExplainedGrant {
    const COLUMNS: &'static [&'static str] =
        &["authorizer", "rule", "scopes", "max lifetime", "resource", "rules that do not apply"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.authorizer.as_str().to_owned(),
            self.rule.clone(),
            self.scopes.join(" "),
            format!("{} min", self.max_lifetime_minutes),
            self.resource.clone().unwrap_or_default(),
            self.unmet.join("; "),
        ]
    }
}

/// Shows which rule applies to a bearer.
pub(crate) fn run(arguments: &PolicyExplainArguments, context: &CommandContext) -> Result<()> {
    let policy = policy_in(arguments.policy.as_deref())?;
    let text = secret_in(&arguments.bearer_file, "the bearer")?;
    let token =
        token_in(text.expose()).and_then(|token| UnverifiedJwt::read(&token)).ok_or_else(|| {
            CliError::usage("invalid bearer: expected a JSON Web Token")
                .hint("give the access token of a user; an opaque one has no claims")
        })?;
    note("the bearer was decoded, but not verified");
    let explained = ClaimsSource::ALL.map(|source| explain(&policy, source, &token.claims));
    context.show_rows(explained.into(), &SystemClock::default())
}

fn explain(
    policy: &Policy,
    authorizer: ClaimsSource,
    token: &Map<String, Value>,
) -> ExplainedGrant {
    let claims = authorizer.claims(token);
    let earlier = policy.rules().iter().take_while(|rule| !rule.condition().is_met_by(&claims));
    let unmet = (1..).zip(earlier).map(|(number, rule)| {
        let names: Vec<&str> = rule.condition().unmet(&claims).collect();
        format!("rule {number}: {} missing or with another value", names.join(", "))
    });
    let grant = policy.grant(&claims);
    ExplainedGrant {
        authorizer,
        rule: rule_name(policy, &claims),
        scopes: scope_names(grant),
        max_lifetime_minutes: grant.max_lifetime().minutes(),
        resource: grant.resource().map(ToString::to_string),
        unmet: unmet.collect(),
        verified: false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_rule_that_applies_is_named_for_each_authorizer_and_the_others_with_their_claims() {
        let policy: Policy = serde_json::from_value(json!({
            "rules": [
                { "if": { "realm_access.roles": "staff" }, "scopes": ["voip"] },
                { "if": { "groups": "guests", "ok": true }, "scopes": ["voip.join"] },
            ],
            "otherwise": { "scopes": ["chat.join"], "maxLifetimeMinutes": 60 },
        }))
        .unwrap();
        let token = json!({ "realm_access": { "roles": ["staff"] }, "groups": ["guests"] });
        let explained = |source| explain(&policy, source, token.as_object().unwrap());
        let jwt = explained(ClaimsSource::Jwt);
        assert_eq!((&*jwt.rule, jwt.max_lifetime_minutes), ("otherwise", 60));
        assert_eq!(jwt.scopes, ["chat.join"]);
        assert_eq!(
            jwt.unmet,
            [
                "rule 1: realm_access.roles missing or with another value",
                "rule 2: ok missing or with another value",
            ]
        );
        let lambda = explained(ClaimsSource::Lambda);
        assert_eq!((&*lambda.rule, lambda.scopes, lambda.unmet), ("1", vec!["voip"], vec![]));
    }
}
