//! The table of identity providers in infra/README.md: each row works as it says, with the claims
//! of the provider's tokens.

use std::collections::{BTreeMap, BTreeSet};

use e2e::ServiceStack;
use serde_json::Value;

/// The audience of the local stack, which is that of the template's parameter.
const AUDIENCE: &str = "guestpass-local";

/// The form that requests a token like those of each provider of the table. Providers without a
/// profile of their own have the claims of their documentation.
fn forms() -> BTreeMap<&'static str, Vec<(&'static str, &'static str)>> {
    let user = ("sub", "carol");
    let scope = ("scope", "guestpass.token");
    BTreeMap::from([
        ("Cognito", vec![("profile", "cognito"), user, ("scope", "guestpass/token openid")]),
        ("Auth0", vec![("profile", "auth0"), user]),
        ("Okta", vec![("profile", "okta"), user]),
        ("Entra, workforce", vec![("profile", "entra"), user]),
        ("Entra External ID", vec![("profile", "entra"), user]),
        (
            "Azure AD B2C",
            vec![
                user,
                ("scp", "guestpass.token"),
                ("scope", ""),
                ("tfp", "B2C_1_signin"),
                ("ver", "1.0"),
            ],
        ),
        ("Keycloak", vec![("profile", "keycloak"), user]),
        ("Firebase", vec![("profile", "firebase"), user]),
        ("Supabase", vec![("profile", "supabase"), user]),
        (
            "Clerk",
            vec![
                user,
                ("scope", ""),
                ("aud", ""),
                ("azp", AUDIENCE),
                ("sid", "sess_1"),
                ("sts", "active"),
            ],
        ),
        ("WorkOS Connect", vec![user, scope, ("client_id", AUDIENCE), ("org_id", "org_1")]),
        (
            "WorkOS sessions",
            vec![user, ("scope", ""), ("aud", ""), ("sid", "session_1"), ("role", "member")],
        ),
        ("Google", vec![("profile", "google"), user]),
        ("Apple", vec![("profile", "apple"), user]),
    ])
}

/// A row of the table.
struct ProviderRow {
    provider: String,
    /// `jwt`, `lambda` or `none`: the simplest authorizer that works.
    authorizer: String,
    /// `NAME=VALUE`.
    parameters: BTreeSet<String>,
}

fn rows() -> Vec<ProviderRow> {
    let readme = include_str!("../../../../infra/README.md");
    let (_, section) = readme.split_once("## Which identity provider").unwrap();
    let rows = section.lines().skip_while(|line| !line.starts_with("| provider"));
    let rows = rows.take_while(|line| line.starts_with('|')).skip(2);
    let row = |line: &str| {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        ProviderRow {
            provider: cells[1].to_owned(),
            authorizer: cells[2].trim_matches('`').to_owned(),
            parameters: quoted(cells[5]),
        }
    };
    rows.map(row).collect()
}

/// The texts in backticks.
fn quoted(cell: &str) -> BTreeSet<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Whether the provider's users get a token, for each provider with these parameters.
async fn accepted(
    authorizer: &str,
    parameters: &BTreeSet<String>,
    providers: &[&str],
) -> Vec<bool> {
    let mut options = vec!["--parameter".to_owned(), format!("Authorizer={authorizer}")];
    for parameter in parameters {
        options.extend(["--parameter".to_owned(), parameter.clone()]);
    }
    let options: Vec<_> = options.iter().map(String::as_str).collect();
    let stack = ServiceStack::with(&options).await;
    let forms = forms();
    let mut accepted = Vec::new();
    for provider in providers {
        let bearer = stack.bearer_with(&forms[provider]).await;
        let reply = stack.call("POST /v1/token", &bearer, Value::Null).await;
        assert!([200, 401, 403].contains(&reply.status), "{provider}: {reply:?}");
        accepted.push(reply.status == 200);
    }
    accepted
}

#[tokio::test]
async fn every_provider_of_the_table_works_with_the_authorizer_that_it_names() {
    let rows = rows();
    let named: BTreeSet<_> = rows.iter().map(|row| row.provider.as_str()).collect();
    assert_eq!(named, forms().into_keys().collect(), "the table and the forms differ");
    let mut groups = BTreeMap::<_, Vec<&ProviderRow>>::new();
    for row in &rows {
        groups.entry(&row.parameters).or_default().push(row);
    }
    for (parameters, rows) in groups {
        let providers: Vec<_> = rows.iter().map(|row| row.provider.as_str()).collect();
        for authorizer in ["jwt", "lambda"] {
            let accepted = accepted(authorizer, parameters, &providers).await;
            for (row, accepted) in rows.iter().zip(accepted) {
                // The function accepts everything that API Gateway accepts.
                let expected = row.authorizer == "jwt" || row.authorizer == authorizer;
                assert_eq!(accepted, expected, "{} with {authorizer}", row.provider);
            }
        }
    }
}

#[tokio::test]
async fn a_user_of_entra_is_one_user_in_two_apps_of_the_tenant() {
    for authorizer in ["jwt", "lambda"] {
        let options = [
            "--parameter",
            &format!("Authorizer={authorizer}"),
            "--parameter",
            "Audience=app-one,app-two",
            "--parameter",
            "SubjectClaims=tid,oid",
        ];
        let stack = ServiceStack::with(&options).await;
        let mut users = BTreeSet::new();
        // `sub` is pairwise: another one for each app.
        for (sub, audience) in [("pairwise-1", "app-one"), ("pairwise-2", "app-two")] {
            let form = [("profile", "entra"), ("sub", sub), ("aud", audience), ("oid", "carol")];
            let bearer = stack.bearer_with(&form).await;
            let reply = stack.call("POST /v1/token", &bearer, Value::Null).await;
            assert_eq!(reply.status, 200, "{authorizer}: {reply:?}");
            users.insert(reply.body["user"].to_string());
        }
        assert_eq!(users.len(), 1, "{authorizer}");
    }
}

#[tokio::test]
async fn a_nested_role_of_keycloak_decides_the_policy() {
    let policy = r#"Policy={
        "rules": [{ "if": { "realm_access.roles": "host" }, "scopes": ["chat", "voip"] }],
        "otherwise": { "scopes": ["voip.join"], "maxLifetimeMinutes": 60 }
    }"#;
    let stack =
        ServiceStack::with(&["--parameter", "Authorizer=lambda", "--parameter", policy]).await;
    for (role, status) in [("host", 200), ("guest", 403)] {
        let roles = format!(r#"{{"roles":["user","{role}"]}}"#);
        let form = [("profile", "keycloak"), ("sub", role), ("realm_access", &roles)];
        let bearer = stack.bearer_with(&form).await;
        let body = serde_json::json!({ "scopes": ["chat"] });
        let reply = stack.call("POST /v1/token", &bearer, body).await;
        assert_eq!(reply.status, status, "{role}: {reply:?}");
    }
}
