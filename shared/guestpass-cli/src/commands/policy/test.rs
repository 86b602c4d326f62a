//! `guestpass policy test`

use identity_core::identity::Scopes;
use identity_core::policy::Policy;
use identity_core::ports::SystemClock;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::loaded::{ClaimsSource, policy_in, rule_name, scope_names};
use crate::commands::CommandContext;
use crate::input::text_in;
use crate::options::PolicyTestArguments;
use crate::report::{CliError, Exit, Result, Row};

/// Claims and the grant that is expected for them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct PolicyCase {
    name: String,
    claims: Map<String, Value>,
    scopes: Vec<String>,
    max_lifetime_minutes: Option<u16>,
    /// The ACS resource of new identities.
    resource: Option<String>,
    authorizer: Option<ClaimsSource>,
}

/// The result of a case with one of the authorizers.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PolicyCaseResult {
    name: String,
    authorizer: ClaimsSource,
    passed: bool,
    /// The number of the rule that applies, from 1, or `otherwise`.
    rule: String,
    scopes: Vec<&'static str>,
    max_lifetime_minutes: u16,
    /// The ACS resource of new identities, if the policy names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<String>,
}

impl Row for PolicyCaseResult {
    const COLUMNS: &'static [&'static str] =
        &["result", "name", "authorizer", "rule", "scopes", "max lifetime", "resource"];

    fn cells(&self) -> Vec<String> {
        vec![
            if self.passed { "passed" } else { "failed" }.to_owned(),
            self.name.clone(),
            self.authorizer.as_str().to_owned(),
            self.rule.clone(),
            self.scopes.join(" "),
            format!("{} min", self.max_lifetime_minutes),
            self.resource.clone().unwrap_or_default(),
        ]
    }
}

/// Checks a policy against a table of expected grants.
pub(crate) fn run(arguments: &PolicyTestArguments, context: &CommandContext) -> Result<()> {
    let policy = policy_in(arguments.policy.as_deref())?;
    let cases = cases(&text_in(&arguments.file, "the expected grants")?)?;
    let results: Vec<_> = cases.iter().flat_map(|case| results(&policy, case)).collect();
    let failed: Vec<String> = results
        .iter()
        .filter(|result| !result.passed)
        .map(|result| format!("{} ({})", result.name, result.authorizer.as_str()))
        .collect();
    context.show_rows(results, &SystemClock::default())?;
    if failed.is_empty() {
        return Ok(());
    }
    Err(CliError::new(Exit::Unwell, "the policy does not give what is expected")
        .because(format!("failed: {}", failed.join("; ")))
        .hint("correct the policy, or what is expected in the file"))
}

fn cases(text: &str) -> Result<Vec<PolicyCase>> {
    let invalid = |why: String| {
        CliError::usage("invalid table of expected grants")
            .because(why)
            .hint("`guestpass policy test --help` has an example")
    };
    let cases: Vec<PolicyCase> =
        serde_json::from_str(text).map_err(|error| invalid(error.to_string()))?;
    if cases.is_empty() {
        return Err(invalid("the table is empty".to_owned()));
    }
    for PolicyCase { name, scopes, .. } in &cases {
        if Scopes::parse(scopes.iter().map(String::as_str)).is_none() {
            return Err(invalid(format!("unknown, repeated or no scopes in {name:?}")));
        }
    }
    Ok(cases)
}

fn results(policy: &Policy, case: &PolicyCase) -> Vec<PolicyCaseResult> {
    let expected = Scopes::parse(case.scopes.iter().map(String::as_str));
    let sources = ClaimsSource::ALL.into_iter();
    let sources = sources.filter(|source| case.authorizer.is_none_or(|only| only == *source));
    let result = |authorizer: ClaimsSource| {
        let claims = authorizer.claims(&case.claims);
        let grant = policy.grant(&claims);
        let minutes = grant.max_lifetime().minutes();
        let resource = grant.resource().map(ToString::to_string);
        PolicyCaseResult {
            name: case.name.clone(),
            authorizer,
            passed: expected.as_ref() == Some(grant.scopes())
                && case.max_lifetime_minutes.is_none_or(|expected| expected == minutes)
                && case
                    .resource
                    .as_ref()
                    .is_none_or(|expected| resource.as_ref() == Some(expected)),
            rule: rule_name(policy, &claims),
            scopes: scope_names(grant),
            max_lifetime_minutes: minutes,
            resource,
        }
    };
    sources.map(result).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn passed(case: &Value) -> Vec<bool> {
        let policy: Policy = serde_json::from_value(json!({
            "rules": [{ "if": { "/realm/role": "staff" }, "scopes": ["voip", "chat"], "resource": "eu2" }],
            "otherwise": { "scopes": ["voip.join"], "maxLifetimeMinutes": 60 },
        }))
        .unwrap();
        let cases = cases(&json!([case]).to_string()).unwrap();
        results(&policy, &cases[0]).iter().map(|result| result.passed).collect()
    }

    #[test]
    fn a_case_passes_if_the_grant_is_exactly_the_expected_one() {
        let case = |claims: Value, scopes: Value| json!({ "name": "n", "claims": claims, "scopes": scopes });
        assert_eq!(passed(&case(json!({}), json!(["voip.join"]))), [true, true]);
        assert_eq!(passed(&case(json!({}), json!(["voip"]))), [false, false]);
        let staff = json!({ "realm": { "role": "staff" } });
        let mut nested = case(staff, json!(["chat", "voip"]));
        assert_eq!(passed(&nested), [false, true]);
        nested["authorizer"] = "lambda".into();
        assert_eq!(passed(&nested), [true]);
        nested["maxLifetimeMinutes"] = 60.into();
        assert_eq!(passed(&nested), [false]);
        nested["maxLifetimeMinutes"] = 1440.into();
        assert_eq!(passed(&nested), [true]);
        nested["resource"] = "eu2".into();
        assert_eq!(passed(&nested), [true]);
        nested["resource"] = "main".into();
        assert_eq!(passed(&nested), [false]);
        let mut placed = case(json!({}), json!(["voip.join"]));
        placed["resource"] = "eu2".into();
        assert_eq!(passed(&placed), [false, false]);
    }

    #[test]
    fn an_invalid_table_is_refused_with_the_reason() {
        for (text, why) in [
            ("[]", "the table is empty"),
            ("{}", "invalid type"),
            (r#"[{"name":"n","claims":{},"scopes":["root"]}]"#, "no scopes in \"n\""),
            (r#"[{"name":"n","claims":{},"scopes":[]}]"#, "no scopes in \"n\""),
            (r#"[{"name":"n","claims":{},"scopes":["voip"],"life":1}]"#, "unknown field `life`"),
        ] {
            let error = format!("{:?}", cases(text).err().unwrap());
            assert!(error.contains(why.replace('"', "\\\"").as_str()), "{text}: {error}");
        }
    }
}
