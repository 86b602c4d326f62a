//! Explains and tests policies, without a service.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use cli::{ToolOutput, guestpass, run};
use serde_json::{Value, json};

fn policy(otherwise: &[&str]) -> Value {
    json!({
        "rules": [{ "if": { "groups": "staff" }, "scopes": ["chat", "voip"] }],
        "otherwise": { "scopes": otherwise, "maxLifetimeMinutes": 60 },
    })
}

/// Runs `guestpass policy` with the policy, and with `input` on stdin.
fn policy_command(arguments: &[&str], policy: &Value, input: &str) -> ToolOutput {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("policy"), policy.to_string()).unwrap();
    let line = [&["policy"], arguments, &["--policy", "policy", "-o", "json"]].concat();
    run(&mut guestpass(directory.path(), &line), input)
}

#[test]
fn a_bearer_is_explained_without_its_claims_and_without_verification() {
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = json!({ "groups": ["x", "staff"], "email": "canary@example.com" });
    let bearer = format!("{}.{}.c2ln", part(&json!({ "alg": "RS256" })), part(&claims));
    let explain = ["explain", "--bearer-file", "-"];
    let ran = policy_command(&explain, &policy(&["voip.join"]), &bearer);
    assert_eq!(ran.code, 0, "{ran:?}");
    let expected = |authorizer| {
        json!({
            "authorizer": authorizer, "rule": "1", "scopes": ["chat", "voip"],
            "maxLifetimeMinutes": 1440, "verified": false,
        })
    };
    let explained: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(explained, json!([expected("jwt"), expected("lambda")]));
    assert!(ran.stderr.contains("not verified") && !ran.stderr.contains("warning"), "{ran:?}");
    assert!(!format!("{ran:?}").contains("canary"), "{ran:?}");
    let wide = policy_command(&explain, &policy(&["chat", "voip", "voip.join"]), &bearer);
    assert_eq!(wide.code, 0);
    let narrow_rule = json!({
        "rules": [{ "if": { "role": "guest" }, "scopes": ["voip.join"] }],
        "otherwise": { "scopes": ["voip"] },
    });
    let warned = policy_command(&explain, &narrow_rule, &bearer);
    assert!(warned.stderr.contains("warning: `otherwise` gives more than rule 1"), "{warned:?}");
    let opaque = policy_command(&explain, &policy(&["voip"]), "opaque");
    assert_eq!(opaque.code, 2, "{opaque:?}");
}

#[test]
fn a_table_of_expected_grants_is_checked() {
    let staff =
        json!({ "name": "staff", "claims": { "groups": ["staff"] }, "scopes": ["chat", "voip"] });
    let guest =
        json!({ "name": "guest", "claims": {}, "scopes": ["voip.join"], "maxLifetimeMinutes": 60 });
    let table = json!([staff, guest]).to_string();
    let passed = policy_command(&["test", "-"], &policy(&["voip.join"]), &table);
    assert_eq!(passed.code, 0, "{passed:?}");
    let failed = policy_command(&["test", "-"], &policy(&["voip"]), &table);
    assert_eq!(failed.code, 7, "{failed:?}");
    assert!(failed.stderr.contains("failed: guest (jwt); guest (lambda)"), "{failed:?}");
    let invalid = policy_command(&["test", "-"], &policy(&["root"]), &table);
    assert_eq!(invalid.code, 2, "{invalid:?}");
    assert!(invalid.stderr.contains("scopes must be one or more of"), "{invalid:?}");
}
