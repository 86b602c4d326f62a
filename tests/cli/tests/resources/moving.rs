//! `guestpass user move`: another identity in another resource.

use serde_json::json;

use crate::{count, draining, identity, requests, secret, stack, with_string};

fn line<'a>(user: &'a str, resource: &'a str) -> [&'a str; 6] {
    ["user", "move", user, "--resource", resource, "--yes"]
}

#[test]
fn a_moved_user_has_another_identity_in_the_other_resource_and_none_in_the_old_one() {
    let stack = stack();
    let old = identity(&stack, "alice", "r2");
    let refused = stack.run(&["user", "move", "alice", "--resource", "r3"]);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.stderr.contains("confirmation required"), "{refused:?}");
    assert_eq!(["r2", "r3"].map(|one| count(&stack, one)), [1, 0]);

    let moved = stack.json(&line(&old, "r3"));
    assert_eq!((&moved["resource"], &moved["created"]), (&json!("r3"), &json!(true)));
    assert_ne!(moved["user"]["communicationUserId"], json!(old));
    assert_eq!(["main", "r2", "r3"].map(|one| count(&stack, one)), [0, 0, 1]);
    assert_eq!(stack.json(&["identity", "show", "alice"])["user"], moved["user"]);

    let again = stack.json(&line("alice", "r3"));
    assert_eq!((&again["created"], &again["user"]), (&json!(false), &moved["user"]));
    assert_eq!(["r2", "r3"].map(|one| requests(&stack, one, "deleteIdentity")), [1, 0]);
}

#[test]
fn a_user_who_cannot_be_moved_keeps_their_identity() {
    let stack = stack();
    for user in ["alice", "bob", "carol"] {
        identity(&stack, user, "r2");
    }
    assert_eq!(stack.run(&["user", "block", "bob", "--yes"]).code, 0);
    assert_eq!(stack.run(&["identity", "delete", "carol", "--yes"]).code, 0);
    let placement = draining().replace("r2", "x").replace("r3", "r2").replace('x', "r3");
    let to_draining = [&line("alice", "r3")[..], &["--placement", &placement]].concat();
    for (line, code, text) in [
        (&line("alice", "r4")[..], 2, "unknown resource `r4`"),
        (&to_draining, 2, "the resource `r3` is draining"),
        (&line("bob", "r3"), 4, "the user is blocked"),
        (&line("carol", "r3"), 3, "identity not found"),
        (&line("dave", "r3"), 3, "identity not found"),
    ] {
        let refused = stack.run(line);
        assert_eq!(refused.code, code, "{refused:?}");
        assert!(refused.stderr.contains(text), "{text}: {refused:?}");
    }
    let names = secret(&stack, &["main", "r3"]);
    let unknown = with_string(&stack, &names, &line("alice", "main"));
    assert_eq!(unknown.code, 4, "{unknown:?}");
    assert_eq!(stack.json(&["identity", "show", "alice"])["state"], "active");
    assert_eq!(["r2", "r3"].map(|one| count(&stack, one)), [2, 0]);
}

#[test]
fn a_move_whose_second_half_fails_says_how_to_continue() {
    let stack = stack();
    identity(&stack, "alice", "r2");
    let fault = json!({ "operation": "createIdentity", "action": { "status": 500 } });
    stack.emulator("POST faults", &json!({ "faults": [fault] }));
    let failed = stack.run(&line("alice", "main"));
    assert_ne!(failed.code, 0, "{failed:?}");
    assert!(failed.stderr.contains("deleted, but no new one was created"), "{failed:?}");
    let remedy = "guestpass identity create --resource main --external-id 'alice'";
    assert!(failed.stderr.contains(remedy), "{failed:?}");
    assert_eq!(count(&stack, "r2"), 0);
}
