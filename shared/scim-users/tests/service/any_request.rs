//! R54: whatever a provider sends, it gets an answer of SCIM, and a user who is inactive was
//! blocked before.

use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::fixture::ScimFixture;

/// JSON with the names and values that the protocol knows, in any combination.
fn any_json() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec![
        "active",
        "Active",
        "userName",
        "externalId",
        "displayName",
        "id",
        "op",
        "path",
        "value",
        "Operations",
        "replace",
        "add",
        "remove",
        "true",
        "False",
        "carol",
        "dave",
        "c-1",
        "",
        "urn:ietf:params:scim:schemas:core:2.0:User",
        "emails[type eq \"work\"].value",
        "userName eq \"carol\"",
        "filter",
        "startIndex",
        "count",
    ]);
    let text = prop_oneof![word.prop_map(ToOwned::to_owned), any::<String>()];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(text.clone(), inner, 0..5)
                .prop_map(|members| members.into_iter().collect()),
        ]
    })
}

/// A body of PATCH with valid operations around any value.
fn any_patch() -> impl Strategy<Value = Value> {
    let op = prop::sample::select(vec!["replace", "Add", "REMOVE", "move"]);
    let path = prop::sample::select(vec![
        None,
        Some("active"),
        Some("externalId"),
        Some("userName"),
        Some("x["),
    ]);
    let value =
        prop_oneof![any_json(), any::<bool>().prop_map(|active| json!({ "active": active }))];
    let operation = (op, path, value)
        .prop_map(|(op, path, value)| json!({ "op": op, "path": path, "value": value }));
    prop::collection::vec(operation, 0..4).prop_map(|all| json!({ "Operations": all }))
}

fn any_route() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "POST Users",
        "PUT Users/id-0",
        "PATCH Users/id-0",
        "DELETE Users/id-0",
        "GET Users/id-0",
        "GET Users",
        "POST Users/.search",
        "GET Schemas",
        "PATCH Users/x",
        "POST Groups",
    ]);
    prop_oneof![
        8 => known.prop_map(ToOwned::to_owned),
        1 => "[A-Z]{1,7} [ -~]{0,40}",
        1 => any::<String>().prop_map(|path| format!("GET {path}")),
    ]
}

static RUNTIME: LazyLock<tokio::runtime::Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_current_thread().build().unwrap());

proptest! {
    #[test]
    fn r54_scim_answers_every_request_and_never_stores_an_inactive_user_without_an_event(
        requests in prop::collection::vec((any_route(), prop_oneof![any_json(), any_patch()]), 1..6),
        junk in any::<Vec<u8>>(),
    ) {
        RUNTIME.block_on(async {
            let fixture = ScimFixture::new();
            fixture.carol(true).await;
            for (route, body) in requests {
                let response = fixture.send(&route, body.to_string().as_bytes()).await;
                prop_assert!((200..502).contains(&response.status), "{route}: {response:?}");
                prop_assert_ne!(response.status, 500, "{} {}", route, body);
                let has_body = response.body.is_some();
                prop_assert_eq!(has_body, response.status != 204);
                let (_, list) = fixture.get("Users?filter=active eq false").await;
                let blocked = fixture.events.sent();
                for user in list["Resources"].as_array().unwrap() {
                    let subject = format!("|{}", user["externalId"].as_str().unwrap());
                    let is_blocked = blocked.iter().any(|event| {
                        event.kind.as_str() == "user.disabled" && event.user.as_str().ends_with(&subject)
                    });
                    prop_assert!(is_blocked || !subject.is_ascii() || subject.contains([' ', '%']), "{}", user);
                }
            }
            let response = fixture.send("PATCH Users/id-0", &junk).await;
            prop_assert!([400, 404, 413].contains(&response.status), "{response:?}");
            Ok(())
        })?;
    }
}
