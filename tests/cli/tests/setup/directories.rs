//! What the doctor says about the users of Entra whose changes the service follows.

use cli::CliStack;
use serde_json::{Value, json};

/// The verdict about the users of Entra, and the finding.
fn entra_users(stack: &CliStack) -> (String, String) {
    let ran = stack.run(&["doctor", "-o", "json"]);
    let checks: Vec<Value> = serde_json::from_str(&ran.stdout).unwrap();
    let [check] = checks
        .iter()
        .filter(|check| check["check"] == "Entra users")
        .collect::<Vec<_>>()
        .try_into()
        .unwrap();
    let text = |name: &str| check[name].as_str().unwrap().to_owned();
    (text("verdict"), text("finding"))
}

#[test]
fn the_doctor_says_when_the_changes_of_entra_were_last_followed() {
    let stack = CliStack::with_functions_and(&["--parameter", "SubjectClaims=tid,oid"]);
    let (verdict, finding) = entra_users(&stack);
    assert_eq!(verdict, "skipped");
    assert!(finding.starts_with("not configured"), "{finding}");
    let run = stack.console("POST functions/watch-entra-users/invoke", &json!({}));
    let tenant = run["tenants"][0]["tenant"].as_str().unwrap();
    let (verdict, finding) = entra_users(&stack);
    assert_eq!(verdict, "good", "{finding}");
    assert!(finding.contains(tenant) && finding.contains("the subscription ends in"), "{finding}");
}
