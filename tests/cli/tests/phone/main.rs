//! Assignments to Teams Phone: made, compared with ACS and ended with the operator's tool.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests may panic")]

use cli::{CliStack, Session, ToolOutput};
use serde_json::{Value, json};

/// The development tenant, application and user of the emulator's Entra.
const TENANT: &str = "e0000000-0000-4000-8000-000000000001";
const APP: &str = "e0000000-0000-4000-8000-000000000002";
const USER: &str = "e0000000-0000-4000-8000-000000000003";

const ACCOUNT: &str = "f0000000-0000-4000-8000-000000000004";

fn of(object: &str) -> String {
    format!("--tenant {TENANT} --object {object}")
}

/// An Entra token of the user for Teams Phone, changed by `claims`.
fn entra(stack: &CliStack, claims: &Value) -> String {
    let mut order = json!({ "scp": "TeamsExtension.ManageCalls" });
    order.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
    stack.emulator("POST entra/token", &order)["token"].as_str().unwrap().to_owned()
}

fn words(line: &str) -> Vec<&str> {
    line.split(' ').collect()
}

#[test]
fn assignments_are_made_shown_listed_and_ended() {
    let stack = CliStack::start();
    let mut session = Session::new(&stack);
    let (user, account) = (of(USER), of(ACCOUNT));
    session.run(&format!("phone show {user}"));
    session.run(&format!("phone assign {user}"));
    session.run("phone assign --tenant contoso --object x");
    session.run(&format!("phone assign {user} --client-id {APP} --user 8:acs:1_2"));
    session.run(&format!("phone assign {user} --client-id {APP} --user alice -o table"));
    session.run(&format!("phone assign {account} --kind resource-account -o tsv"));
    session.run(&format!("phone show {user} -o table"));
    session.run("phone list -o table");
    session.run("phone list -o none");
    session.run("phone reconcile -o tsv");
    session.run(&format!("phone unassign {user}"));
    session.run(&format!("phone unassign {user} --yes"));
    session.run(&format!("phone unassign {user} --yes"));
    session.run("phone list -o tsv");
    session.matches("phone");
    assert_eq!(stack.request_count("putTeamsExtensionAssignment"), 2);
    assert_eq!(stack.request_count("deleteTeamsExtensionAssignment"), 2);
}

#[test]
fn a_list_has_the_first_assignment_first_and_is_narrowed() {
    let stack = CliStack::start();
    for (object, user) in [(USER, "bob"), (ACCOUNT, "alice")] {
        let assign = format!("phone assign {} --client-id {APP} --user {user}", of(object));
        assert_eq!(stack.run(&words(&assign)).code, 0);
    }
    let listed = |filter: &str| -> Vec<String> {
        let listed = stack.json(&words(&format!("phone list{filter}")));
        let users = listed.as_array().unwrap().iter().map(|one| one["user"].as_str().unwrap());
        users.map(ToOwned::to_owned).collect()
    };
    for (filter, users) in [
        ("", &["bob", "alice"][..]),
        (" --user alice", &["alice"]),
        (" --user carol", &[]),
        (" --matching …0004", &["alice"]),
        (" --matching bo", &["bob"]),
        (" --matching e0000000-0000-4000-8000-000000000001", &["bob", "alice"]),
        (" --state assigned", &["bob", "alice"]),
        (" --state removing", &[]),
        (" --limit 1", &["bob"]),
        (" --limit 0", &[]),
        (" --unverified", &[]),
    ] {
        assert_eq!(listed(filter), users, "{filter}");
    }
    stack.console("POST clock", &json!({ "advanceSeconds": 8 * 24 * 3600 }));
    assert_eq!(listed(" --unverified"), ["bob", "alice"]);
    stack.json(&words(&format!("phone show {}", of(USER))));
    assert_eq!(listed(" --unverified"), ["alice"]);
}

// Without the exit code, a job that compares every night reports nothing.
#[test]
fn what_acs_no_longer_has_is_found_and_repaired() {
    let stack = CliStack::start();
    let assign = format!("phone assign {} --client-id {APP}", of(USER));
    assert_eq!(stack.run(&words(&assign)).code, 0);
    let compared = stack.run(&words("phone reconcile -o tsv"));
    assert_eq!(compared.code, 0, "{compared:?}");
    let drifted = stack.run(&words("phone reconcile -o tsv --drifted"));
    assert_eq!((drifted.code, drifted.stdout.as_str()), (0, ""), "{drifted:?}");
    stack.emulator("POST reset", &json!({}));
    let compared = stack.run(&words("phone reconcile -o tsv"));
    assert_eq!(compared.code, 1, "{compared:?}");
    assert!(compared.stdout.contains("missing-at-acs"), "{compared:?}");
    assert!(compared.stderr.contains("1 assignment differs from ACS"), "{compared:?}");
    let drifted = stack.run(&words("phone reconcile -o tsv --drifted"));
    assert_eq!((drifted.code, drifted.stdout), (1, compared.stdout));
    let shown = stack.json(&words(&format!("phone show {}", of(USER))));
    assert_eq!((&shown["drift"], &shown["state"]), (&json!("missing-at-acs"), &json!("assigned")));
    assert_eq!(stack.run(&words(&assign)).code, 0);
    assert_eq!(stack.run(&words("phone reconcile -o tsv")).code, 0);
}

#[test]
fn a_users_token_is_exchanged_while_they_are_assigned() {
    let stack = CliStack::start();
    let token = entra(&stack, &json!({}));
    let exchange = words("phone exchange -o json");
    let early = stack.run_with(&exchange, &token);
    assert_eq!(early.code, 4, "{early:?}");
    assert!(early.stderr.contains("guestpass phone assign"), "{early:?}");
    let none = stack.run_with(&exchange, "opaque");
    assert!(none.stderr.contains("expected a JSON Web Token"), "{none:?}");
    let assign = format!("phone assign {} --client-id {APP}", of(USER));
    assert_eq!(stack.run(&words(&assign)).code, 0);
    let exchanged = stack.run_with(&exchange, &token);
    assert_eq!(exchanged.code, 0, "{exchanged:?}");
    let exchanged: Value = serde_json::from_str(&exchanged.stdout).unwrap();
    let id = exchanged["user"]["communicationUserId"].as_str().unwrap();
    assert!(id.ends_with(&format!("_{TENANT}_{USER}")), "{id}");
    assert!(exchanged["token"].is_string());
}

#[test]
fn the_doctor_names_what_is_missing_for_teams_phone() {
    let stack = CliStack::start();
    let look = |token: &str| -> ToolOutput {
        stack.run_with(&words("doctor --phone-token-file - -o json"), token)
    };
    let finds = |found: &ToolOutput, text: &str| {
        assert_eq!(found.code, 7, "{text}: {found:?}");
        let checks: Value = serde_json::from_str(&found.stdout).unwrap();
        let checks = checks.as_array().unwrap().clone();
        let check = checks.into_iter().find(|check| check["check"] == "Teams Phone token").unwrap();
        assert!(check.to_string().contains(text), "{text}: {check}");
    };
    finds(&look("opaque"), "not a JSON Web Token");
    let graph = json!({ "aud": "https://graph.microsoft.com" });
    finds(&look(&entra(&stack, &graph)), "its audience is not ACS");
    finds(&look(&entra(&stack, &json!({ "scp": "Teams.ManageCalls" }))), "consent");
    let token = entra(&stack, &json!({}));
    finds(&look(&token), "the user is not assigned");
    let assign = |more: &str| {
        let assigned = stack.run(&words(&format!("phone assign {} {more}", of(USER))));
        assert_eq!(assigned.code, 0, "{assigned:?}");
    };
    assign(&format!("--client-id {USER}"));
    finds(&look(&token), &format!("the token is of {APP}"));
    assign("--kind resource-account");
    finds(&look(&token), "the assignment is of a resourceAccount");
    assign(&format!("--client-id {APP}"));
    finds(&look(&entra(&stack, &json!({ "expiresInSeconds": -1 }))), "has not expired");
    let well = look(&token);
    assert_eq!(well.code, 0, "{well:?}");
    assert!(well.stdout.contains("ACS exchanges it"), "{well:?}");
}
