//! Checks a bearer: do the routes for administrators accept it?

use identity_core::policy::Condition;

use crate::checks::Check;
use crate::input::{UnverifiedJwt, flattened_claims};

/// Reports whether a bearer is an administrator's, and why. A bearer of a user is not a fault,
/// because most bearers are.
pub(crate) fn look(bearer: &str, scope: &str, condition: Option<&Condition>) -> Check {
    let no = |why: String| Check::skipped("administrator", why);
    let Some(token) = UnverifiedJwt::read(bearer) else {
        return no("no: the bearer is not a JSON Web Token".to_owned());
    };
    let mut scopes = token.words("scope");
    scopes.extend(token.words("scp"));
    if !scopes.iter().any(|one| one == scope) {
        return no(format!("no: the bearer lacks the scope {scope:?}"));
    }
    let Some(condition) = condition else {
        return no(
            "no: AdminCondition is empty or not given (--admin-condition), so the administrators' routes are closed"
                .to_owned(),
        );
    };
    let claims = flattened_claims(&token.claims);
    let unmet: Vec<&str> = condition.unmet(&claims).collect();
    if unmet.is_empty() {
        return Check::good("administrator", "yes: the scope and every claim of AdminCondition");
    }
    no(format!("no: {} is missing or has another value than AdminCondition asks", unmet.join(", ")))
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;
    use serde_json::{Value, json};

    use super::*;

    fn bearer(claims: &Value) -> String {
        let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.c2ln", part(&json!({ "alg": "RS256" })), part(claims))
    }

    #[test]
    fn an_administrator_has_the_scope_and_meets_the_condition() {
        let groups: Condition = serde_json::from_str(r#"{"cognito:groups": "admins"}"#).unwrap();
        for (claims, condition, is_one) in [
            (json!({ "scope": "a.admin", "cognito:groups": ["x", "admins"] }), Some(&groups), true),
            (json!({ "scp": ["a.admin"], "cognito:groups": "admins" }), Some(&groups), true),
            (json!({ "scope": "a.admin", "cognito:groups": ["x"] }), Some(&groups), false),
            (json!({ "scope": "a.admin" }), Some(&groups), false),
            (json!({ "scope": "a.token", "cognito:groups": ["admins"] }), Some(&groups), false),
            (json!({ "scope": "a.admin", "cognito:groups": ["admins"] }), None, false),
        ] {
            let check = look(&bearer(&claims), "a.admin", condition);
            assert_eq!(check.is_good(), is_one, "{claims}");
        }
    }
}
