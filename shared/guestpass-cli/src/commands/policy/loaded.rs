//! The policy of a command, and the forms in which the authorizers pass claims to it.

use std::path::Path;

use identity_core::policy::{Claims, Grant, Policy};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::checks::policy::below_otherwise;
use crate::input::{flattened_claims, text_in};
use crate::report::{CliError, Result, note};

/// Reads the policy, and warns if its fallback gives too much.
pub(super) fn policy_in(file: Option<&Path>) -> Result<Policy> {
    let Some(file) = file else { return Ok(Policy::default()) };
    let policy: Policy = serde_json::from_str(&text_in(file, "the policy")?).map_err(|error| {
        CliError::usage(format!("invalid policy in {}", file.display()))
            .because(error.to_string())
            .hint("correct the file; the README has an example")
    })?;
    if let Some(warning) = below_otherwise(&policy) {
        note(&format!("warning: {warning}"));
    }
    Ok(policy)
}

/// Which authorizer passes the claims: the template parameter Authorizer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ClaimsSource {
    /// API Gateway's JWT authorizer: text only.
    Jwt,
    /// A Lambda authorizer: JSON.
    Lambda,
}

impl ClaimsSource {
    /// Both authorizers.
    pub(super) const ALL: [Self; 2] = [Self::Jwt, Self::Lambda];

    /// The value of the template parameter.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Jwt => "jwt",
            Self::Lambda => "lambda",
        }
    }

    /// The claims of a token in the form in which this authorizer passes them.
    pub(super) fn claims(self, token: &Map<String, Value>) -> Claims {
        match self {
            Self::Jwt => flattened_claims(token),
            Self::Lambda => Claims::json(token.clone()),
        }
    }
}

/// The name of the rule that applies: its number from 1, or `otherwise`.
pub(super) fn rule_name(policy: &Policy, claims: &Claims) -> String {
    let position = policy.rules().iter().position(|rule| rule.condition().is_met_by(claims));
    position.map_or_else(|| "otherwise".to_owned(), |index| (index + 1).to_string())
}

/// The scopes of a grant, in the order of ACS.
pub(super) fn scope_names(grant: &Grant) -> Vec<&'static str> {
    grant.scopes().as_slice().iter().map(|scope| scope.as_str()).collect()
}
