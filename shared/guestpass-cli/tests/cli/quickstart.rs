//! The quickstart: does what the page says, and leaves nothing.

use serde_json::Value;

use crate::{
    snapshot::Session,
    stack::{Stack, command, ran},
};

#[test]
fn the_quickstart_walks_the_page_and_cleans_up() {
    let stack = Stack::start();
    let mut session = Session::new(&stack);
    session.run("quickstart -o table");
    session.matches("quickstart");
    assert_eq!(stack.identities(), 0);
    let steps = stack.json(&["quickstart"]);
    let titles: Vec<&str> =
        steps.as_array().unwrap().iter().filter_map(|step| step["title"].as_str()).collect();
    assert_eq!(
        titles,
        [
            "Authenticate",
            "Create an identity",
            "Issue an access token",
            "Create an identity and issue a token in one request",
            "Refresh an access token",
            "Revoke access tokens",
            "Exchange a Teams user's token",
            "Delete the identities",
        ]
    );
    for (operation, count) in [
        ("createIdentity", 2),
        ("createIdentityWithToken", 2),
        ("issueAccessToken", 4),
        ("revokeAccessTokens", 2),
        ("deleteIdentity", 4),
    ] {
        assert_eq!(stack.asked(operation), count, "{operation}, in two runs");
    }
}

#[test]
fn a_quickstart_that_fails_cleans_up_too() {
    let stack = Stack::start();
    let broken = serde_json::json!({ "status": 500 });
    stack.fault("revokeAccessTokens", &broken);
    let failed = stack.run(&["quickstart"]);
    assert_eq!(failed.code, 5, "{failed:?}");
    assert_eq!(stack.identities(), 0);
}

#[test]
fn a_deployed_service_is_not_used_unasked() {
    let stack = Stack::start();
    let mut command = command(std::path::Path::new("/"), &["quickstart"]);
    command.env("COMMUNICATION_SERVICES_CONNECTION_STRING", stack.connection_string());
    let refused = ran(&mut command, "");
    assert!(refused.code == 2 && refused.stderr.contains("--yes"), "{refused:?}");
    assert_eq!(stack.emulator("GET requests", &Value::Null)["requests"], serde_json::json!([]));
}

#[test]
fn with_nothing_there_it_says_what_would_do() {
    let nowhere = tempfile::tempdir().unwrap();
    let tool = nowhere.path().join("guestpass");
    std::fs::copy(env!("CARGO_BIN_EXE_guestpass"), &tool).unwrap();
    let mut command = std::process::Command::new(tool);
    let failed = ran(command.arg("quickstart").env_clear().current_dir(nowhere.path()), "");
    assert!(failed.stderr.contains("there is no local-stack beside"), "{failed:?}");
    assert_eq!(failed.code, 1);
}
