//! Imports identities that another application created.

use cli::CliStack;
use serde_json::json;

/// Identities of ACS that no record has.
fn foreign(stack: &CliStack, count: usize) -> Vec<String> {
    let names: Vec<String> = (0..count).map(|index| format!("unrecorded-{index}")).collect();
    names
        .iter()
        .map(|name| {
            let id = stack.identity(name);
            stack.dynamodb(
                "DeleteItem",
                &json!({ "TableName": stack.text("/table"), "Key": { "externalId": { "S": name } } }),
            );
            id
        })
        .collect()
}

#[test]
fn identities_are_imported_once_and_get_tokens_without_a_new_identity() {
    let stack = CliStack::start();
    let ids = foreign(&stack, 2);
    let created = stack.request_count("createIdentity");
    let file = format!("externalId,acsId\nhttps://a.example|alice,{}\nbob,{}\n", ids[0], ids[1]);
    let import = ["identity", "import", "-", "--issuer", "https://a.example/", "-o", "tsv"];
    let imported = stack.run_with(&import, &file);
    assert_eq!((imported.code, &imported.stdout[..10]), (0, "2\t0\t0\t0\t0\t"), "{imported:?}");
    assert_eq!(stack.identity("https://a.example/|alice"), ids[0]);
    let again = stack.run_with(&import, &file);
    assert_eq!((again.code, &again.stdout[..10]), (0, "0\t2\t0\t0\t0\t"), "{again:?}");
    assert_eq!(stack.identity("bob"), ids[1]);
    let token = stack.json(&["token", "issue", "--user", "bob", "--scope", "voip"]);
    assert_eq!(token["user"]["communicationUserId"], ids[1]);
    assert_eq!(stack.request_count("createIdentity"), created);
}

#[test]
fn a_conflict_is_reported_and_changes_nothing() {
    let stack = CliStack::start();
    let (ids, alice) = (foreign(&stack, 2), stack.identity("alice"));
    let file = json!([
        { "externalId": "alice", "acsId": ids[0] },
        { "externalId": "bob", "acsId": alice },
        { "externalId": "carol", "acsId": ids[1] },
    ]);
    let ran = stack.run_with(&["identity", "import", "-", "-o", "json"], &file.to_string());
    assert_eq!(ran.code, 6, "{ran:?}");
    let summary: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((&summary["imported"], &summary["left"]), (&json!(1), &json!(0)));
    let mut conflicts = summary["conflicts"].as_array().unwrap().clone();
    conflicts.sort_by_key(|conflict| conflict["externalId"].to_string());
    assert_eq!(
        conflicts,
        [
            json!({ "externalId": "alice", "acsId": ids[0], "why": "the user has another identity" }),
            json!({ "externalId": "bob", "acsId": alice, "why": "the identity belongs to another user" }),
        ]
    );
    assert_eq!(stack.identity("alice"), alice);
    assert_eq!(stack.run(&["identity", "show", "bob"]).code, 3);
}

#[test]
fn a_user_of_another_issuer_is_not_imported() {
    let stack = CliStack::start();
    let ids = foreign(&stack, 1);
    let file = format!("https://a.example|alice,{}\n", ids[0]);
    // Without --issuer, it is the issuer of the stack.
    let ran = stack.run_with(&["identity", "import", "-"], &file);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("the external id of entry 1 is of another issuer"), "{ran:?}");
    assert!(ran.stderr.contains(&stack.text("/issuer")), "{ran:?}");
    let file = format!("{}/|alice,{}\n", stack.text("/issuer"), ids[0]);
    assert_eq!(stack.run_with(&["identity", "import", "-"], &file).code, 0);
    assert_eq!(stack.identity(&format!("{}|alice", stack.text("/issuer"))), ids[0]);
}

#[test]
fn an_invalid_list_is_refused_before_anything_is_imported() {
    let stack = CliStack::start();
    let ids = foreign(&stack, 1);
    let file = format!("alice,{}\nbob,{}\n", ids[0], ids[0]);
    let ran = stack.run_with(&["identity", "import", "-"], &file);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("the ACS id of entry 2 is also in entry 1"), "{ran:?}");
    assert_eq!(stack.run(&["identity", "show", "alice"]).code, 3);
}
