//! Invitations: created, used, extended and revoked with the operator's tool.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests may panic")]

use std::fs;

use cli::CliStack;
use serde_json::{Value, json};

const LINK: &str = "https://teams.microsoft.com/l/meetup-join/1\n";

/// Creates an invitation. Returns its handle, its id and its PIN.
fn invite(stack: &CliStack, options: &[&str]) -> (String, String, Option<String>) {
    let create = ["invitation", "create", "-o", "json"];
    let end: &[&str] = if options.contains(&"--closes-in") { &[] } else { &["--closes-in", "2h"] };
    let created = stack.run_with(&[&create, end, options].concat(), LINK);
    assert_eq!(created.code, 0, "{created:?}");
    let created: Value = serde_json::from_str(&created.stdout).unwrap();
    let text = |value: &Value| value.as_str().map(ToOwned::to_owned);
    let (handle, id) = (text(&created["handle"]), text(&created["invitation"]["id"]));
    (handle.unwrap(), id.unwrap(), text(&created["pin"]))
}

#[test]
fn an_invitation_is_created_used_shown_extended_and_revoked() {
    let stack = CliStack::start();
    let (handle, id, _) = invite(&stack, &["--reference", "order-7", "--display-name", "Ada"]);
    let exchange = ["invitation", "exchange", "-o", "json"];
    let token = stack.run_with(&exchange, &handle);
    assert_eq!(token.code, 0, "{token:?}");
    let token: Value = serde_json::from_str(&token.stdout).unwrap();
    assert_eq!(
        (&token["meeting"]["joinUrl"], &token["displayName"]),
        (&LINK.trim().into(), &"Ada".into())
    );
    let refused = stack.run_with(&exchange, &handle);
    assert_ne!(refused.code, 0, "each run is another device: {refused:?}");
    assert!(!format!("{refused:?}").contains(&handle), "{refused:?}");

    let shown = stack.json(&["invitation", "show", &id]);
    let user = &token["user"]["communicationUserId"];
    assert_eq!(&shown["guests"][0]["communicationUserId"], user, "{shown}");
    let extended = stack.json(&["invitation", "extend", &id, "--devices", "2"]);
    assert_eq!(extended["devices"]["most"], 2);
    assert_eq!(stack.run_with(&exchange, &handle).code, 0);
    let listed = stack.json(&["invitation", "list", "--state", "open"]);
    assert_eq!(
        (listed[0]["id"].as_str(), &listed[0]["reference"]),
        (Some(&*id), &"order-7".into())
    );

    let unconfirmed = stack.run(&["invitation", "revoke", &id]);
    assert_ne!(unconfirmed.code, 0, "{unconfirmed:?}");
    let receipt = stack.json(&["invitation", "revoke", &id, "--yes", "--reason", "leaked"]);
    assert_eq!((&receipt["identities"], &receipt["reason"]), (&2.into(), &"leaked".into()));
    assert_eq!(stack.run_with(&exchange, &handle).code, refused.code);
    let revoked = stack.json(&["invitation", "list", "--state", "revoked"]);
    assert_eq!(revoked.as_array().map(Vec::len), Some(1));
}

#[test]
fn an_invitation_is_listed_as_locked_after_ten_wrong_pins_until_it_is_unlocked() {
    let stack = CliStack::start();
    invite(&stack, &["--reference", "open"]);
    let (handle, id, pin) = invite(&stack, &["--reference", "guessed", "--pin"]);
    let (right, wrong) = (stack.dir().join("right"), stack.dir().join("wrong"));
    let pin = pin.unwrap();
    fs::write(&right, &pin).unwrap();
    fs::write(&wrong, if pin == "000000" { "000001" } else { "000000" }).unwrap();
    let exchange = |file: &std::path::Path| {
        let file = file.to_str().unwrap();
        stack.run_with(&["invitation", "exchange", "--pin-file", file], &handle).code
    };
    for _ in 0..10 {
        assert_eq!(references(&stack, " --state locked"), [""; 0]);
        assert_eq!(exchange(&wrong), 4);
    }
    assert_eq!(references(&stack, " --state locked"), ["guessed"]);
    assert_eq!(references(&stack, " --state open"), ["open"]);
    assert_eq!(exchange(&right), 4);
    stack.json(&["invitation", "unlock", &id]);
    assert_eq!(references(&stack, " --state locked"), [""; 0]);
    assert_eq!(exchange(&right), 0);
}

/// One id in 64 begins with a hyphen.
#[test]
fn an_id_that_begins_with_a_hyphen_is_not_taken_for_an_option() {
    let (stack, id) = (CliStack::start(), &*format!("-{}", "i".repeat(42)));
    for (command, option) in
        [("show", "--wide"), ("extend", "--devices=2"), ("unlock", "--wide"), ("revoke", "--yes")]
    {
        for arguments in [[command, id, option], [command, option, id]] {
            let done = stack.run(&[&["invitation"], &arguments[..]].concat());
            assert!(done.code == 3 && done.stderr.contains("invitation not found"), "{done:?}");
        }
    }
}

/// The references of the listed invitations.
fn references(stack: &CliStack, filter: &str) -> Vec<String> {
    let line = format!("invitation list{filter}");
    let listed = stack.json(&line.split(' ').collect::<Vec<_>>());
    let references =
        listed.as_array().unwrap().iter().map(|one| one["reference"].as_str().unwrap());
    references.map(ToOwned::to_owned).collect()
}

#[test]
fn a_list_begins_with_the_first_to_close_whatever_shard_it_is_in() {
    let stack = CliStack::start();
    let mut ids = Vec::new();
    for hours in ["50", "10", "40", "20", "60", "30"] {
        let closes_in = format!("{hours}h");
        ids.push(invite(&stack, &["--reference", hours, "--closes-in", &closes_in]).1);
    }
    assert_eq!(references(&stack, ""), ["10", "20", "30", "40", "50", "60"]);
    let own = stack.json(&["invitation", "list", "--limit", "1"]);
    let own = own[0]["createdBy"].as_str().unwrap();
    assert!(own.starts_with("cli|"), "{own}");
    let end: String = ids[4].chars().skip(35).collect();
    for (filter, listed) in [
        (" --limit 2".to_owned(), &["10", "20"][..]),
        (" --limit 0".to_owned(), &[]),
        (" --closing-within 30h".to_owned(), &["10", "20", "30"]),
        (" --closing-within 30h --state closed".to_owned(), &[]),
        (format!(" --matching …{end}"), &["60"]),
        (" --matching 0".to_owned() + " --state open --closing-within 15h", &["10"]),
        (format!(" --by {own} --limit 1"), &["10"]),
        (" --by https://idp.example|carol".to_owned(), &[]),
    ] {
        assert_eq!(references(&stack, &filter), listed, "{filter}");
    }
    stack.console("POST clock", &serde_json::json!({ "advanceSeconds": 15 * 3600 }));
    assert_eq!(references(&stack, " --state closed"), ["10"]);
    assert_eq!(references(&stack, " --closing-within 10h"), ["20"]);
    assert_eq!(references(&stack, " --state open --limit 2"), ["20", "30"]);
}

#[test]
fn an_invitation_that_is_being_revoked_is_listed_first() {
    let stack = CliStack::start();
    invite(&stack, &["--reference", "soon", "--closes-in", "1h"]);
    let (handle, id, _) = invite(&stack, &["--reference", "later", "--closes-in", "9h"]);
    assert_eq!(stack.run_with(&["invitation", "exchange"], &handle).code, 0);
    assert_eq!(references(&stack, ""), ["soon", "later"]);
    stack.fault("revokeAccessTokens", &serde_json::json!({ "status": 503 }));
    assert_ne!(stack.run(&["invitation", "revoke", &id, "--yes"]).code, 0);
    assert_eq!(references(&stack, " --state revoking"), ["later"]);
    assert_eq!(references(&stack, ""), ["later", "soon"]);
    assert_eq!(references(&stack, " --closing-within 2h"), ["soon"]);
}

#[test]
fn the_doctor_checks_the_resource_and_the_page_of_the_guests() {
    let stack = CliStack::start();
    let policy = stack.dir().join("policy.json");
    let told = |guests: &str, page: &str| {
        fs::write(&policy, format!(r#"{{"guests":{guests}}}"#)).unwrap();
        let policy = policy.to_str().unwrap();
        let ran =
            stack.run(&["doctor", "--policy", policy, "--guest-join-url", page, "-o", "json"]);
        let checks: Vec<Value> = serde_json::from_str(&ran.stdout).unwrap();
        let finding = |name: &str| {
            let check = checks.iter().find(|check| check["check"] == name).unwrap();
            (check["verdict"].as_str().unwrap().to_owned(), check["finding"].to_string())
        };
        (ran.code, finding("guests"), finding("guest page"))
    };
    let (code, guests, page) = told(r#"{"resource":"lobby"}"#, "http://app.example.com/join/");
    assert_eq!(code, 7);
    assert!(guests.0 == "bad" && guests.1.contains("no connection string"), "{guests:?}");
    assert!(page.0 == "bad" && page.1.contains("not an https link"), "{page:?}");
    let (code, guests, page) = told("{}", "https://app.example.com/join/");
    assert_eq!(code, 0);
    assert!(guests.0 == "note" && guests.1.contains("ACS resource of their own"), "{guests:?}");
    assert_eq!(page.0, "good");
}

/// What the doctor finds about the cleanup of guests, if it says anything.
fn guest_cleanup(stack: &CliStack, options: &[&str]) -> Option<(String, String)> {
    let ran = stack.run(&[&["doctor", "-o", "json"], options].concat());
    let checks: Vec<Value> = serde_json::from_str(&ran.stdout).unwrap();
    let check = checks.into_iter().find(|check| check["check"] == "guest cleanup")?;
    let text = |name: &str| check[name].as_str().unwrap().to_owned();
    Some((text("verdict"), text("finding")))
}

#[test]
fn the_doctor_says_which_guests_the_cleanup_leaves_behind() {
    let stack = CliStack::start();
    let policy = stack.dir().join("policy.json");
    fs::write(&policy, r#"{"guests":{"resource":"main"}}"#).unwrap();
    let with_guests = ["--policy", policy.to_str().unwrap()];
    let cleanup = |mode: &str, due: u64| {
        let guests = json!({ "due": due, "deleted": 0, "extended": 0, "skipped": false });
        let run = json!({ "id": "one", "guestMode": mode, "guests": guests }).to_string();
        let item = json!({ "externalId": { "S": " run" }, "run": { "S": run } });
        stack.dynamodb("PutItem", &json!({ "TableName": stack.text("/table"), "Item": item }));
    };
    assert_eq!(guest_cleanup(&stack, &with_guests).unwrap().0, "skipped");
    cleanup("plan", 3);
    for options in [&with_guests[..], &[]] {
        let (verdict, finding) = guest_cleanup(&stack, options).unwrap();
        assert_eq!(verdict, "note");
        let says = ["identities of 3 guests stay", "CleanupGuests=apply"];
        assert!(says.iter().all(|text| finding.contains(text)), "{finding}");
    }
    cleanup("apply", 0);
    assert_eq!(guest_cleanup(&stack, &with_guests).unwrap().0, "good");
    assert_eq!(guest_cleanup(&stack, &[]), None, "no guests");
}

#[test]
fn an_invitation_names_the_guest_whom_acs_refuses_to_revoke() {
    let stack = CliStack::start();
    let (handle, id, _) = invite(&stack, &["--devices", "2"]);
    for _ in 0..2 {
        assert_eq!(stack.run_with(&["invitation", "exchange"], &handle).code, 0);
    }
    let revoke = ["invitation", "revoke", &id, "--yes"];
    let refused =
        json!({ "operation": "revokeAccessTokens", "times": 1, "action": { "status": 403 } });
    stack.emulator("POST faults", &json!({ "faults": [refused] }));
    assert_ne!(stack.run(&revoke).code, 0);
    let shown = stack.json(&["invitation", "show", &id]);
    let states = shown["guests"].as_array().unwrap().iter().map(|guest| &guest["revocation"]);
    let mut states: Vec<String> = states.map(ToString::to_string).collect();
    states.sort();
    let [confirmed, pending] =
        ["confirmed", "pending"].map(|state| json!({ "state": state, "failures": 0 }).to_string());
    assert_eq!(states, [confirmed, pending], "{shown}");
    let table = stack.run(&["invitation", "show", &id, "-o", "table"]).stdout;
    assert!(table.contains("(pending)") && table.contains("revoking"), "{table}");
    assert_eq!(stack.run(&revoke).code, 0);
    let shown = stack.json(&["invitation", "show", &id]);
    assert_eq!(
        (&shown["state"], &shown["guests"][0]["revocation"]),
        (&"revoked".into(), &Value::Null)
    );
}

#[test]
fn a_locked_invitation_is_unlocked() {
    let stack = CliStack::start();
    let (handle, id, pin) = invite(&stack, &["--pin"]);
    let pin = pin.unwrap();
    let (right, wrong) = (stack.dir().join("right"), stack.dir().join("wrong"));
    fs::write(&right, &pin).unwrap();
    fs::write(&wrong, if pin == "000000" { "000001" } else { "000000" }).unwrap();
    let exchange = |pin: &std::path::Path| {
        stack.run_with(&["invitation", "exchange", "--pin-file", pin.to_str().unwrap()], &handle)
    };
    for _ in 0..10 {
        assert_ne!(exchange(&wrong).code, 0);
    }
    assert_eq!(stack.json(&["invitation", "show", &id])["state"], "locked");
    assert_ne!(exchange(&right).code, 0);
    assert_eq!(stack.json(&["invitation", "unlock", &id])["state"], "open");
    assert_eq!(exchange(&right).code, 0);
}

#[test]
fn the_handle_can_be_a_variable_of_the_shell_and_is_printed_once() {
    let stack = CliStack::start();
    let create = ["invitation", "create", "--closes-in", "2h", "--pin", "-o", "env"];
    let created = stack.run_with(&create, LINK);
    assert_eq!(created.code, 0, "{created:?}");
    assert!(created.stdout.starts_with("export GUEST_HANDLE='gp_"), "{created:?}");
    assert!(created.stdout.contains("\nexport GUEST_PIN='"), "{created:?}");
    let handle = created.stdout.split('\'').nth(1).unwrap();
    let link = format!("export GUEST_LINK='{}/join/#{handle}'\n", stack.text("/gateway"));
    assert!(created.stdout.contains(&link), "{link}: {created:?}");
    let elsewhere = ["--join-url", "https://app.example.com/join/"];
    let created = stack.run_with(&[&create, &elsewhere[..]].concat(), LINK);
    assert!(created.stdout.contains("='https://app.example.com/join/#gp_"), "{created:?}");
    for arguments in [&["invitation", "list"][..], &["audit"][..]] {
        let listed = stack.run(&[arguments, &["-o", "json"]].concat());
        assert!(!format!("{listed:?}").contains(handle), "{listed:?}");
    }
}

#[test]
fn what_is_missing_or_invalid_is_explained_without_a_secret() {
    let stack = CliStack::start();
    let endless = stack.run_with(&["invitation", "create"], LINK);
    assert!(endless.stderr.contains("--closes-in 2h"), "{endless:?}");
    let handle = format!("gp_{}", "A".repeat(22));
    let no_id = stack.run(&["invitation", "show", &handle]);
    assert!(no_id.stderr.contains("is not the id"), "{no_id:?}");
    assert!(!no_id.stderr.contains(&handle), "{no_id:?}");
    let missing = stack.run(&["invitation", "show", &"A".repeat(43)]);
    assert_eq!(missing.code, 3, "{missing:?}");
    let evil = ["invitation", "create", "--closes-in", "2h"];
    let evil = stack.run_with(&evil, "https://evil.example/canary");
    assert_ne!(evil.code, 0, "{evil:?}");
    assert!(!format!("{evil:?}").contains("canary"), "{evil:?}");
    let nothing = stack.run(&["invitation", "extend", &"A".repeat(43)]);
    assert!(nothing.stderr.contains("nothing to change"), "{nothing:?}");
}
