use std::time::Duration;

use e2e::ServiceStack;
use serde_json::{Value, json};

use crate::support::{GuestStack, LINK, NAME, device};

/// What it asserts is in the stack: when it is dropped, every file, table and queue is searched.
/// The functions run at `RUST_LOG=trace`.
#[tokio::test]
async fn r73_neither_a_log_nor_the_table_has_the_handle_the_pin_the_device_the_name_or_the_meeting()
{
    let guests = GuestStack::of(ServiceStack::on_disk().await).await;
    let invited = guests.invite(json!({ "pin": true, "reference": "order-canary" })).await;
    let pin = invited.pin.clone().unwrap();
    let wrong = if pin == "000000" { "000001" } else { "000000" };
    for (device, pin) in [(1, wrong), (1, &*pin), (1, &*pin), (2, &*pin)] {
        guests.exchange_with_pin(&invited.handle, &self::device(device), pin).await;
    }
    let ids =
        json!({ "meeting": { "meetingId": "987 654 321 canary", "passcode": "c4nary-pass" } });
    let other = guests.create(ids).await;
    assert_eq!((other.status, other.problem()), (400, "invalid-invitation"));
    let ids = json!({ "meeting": { "meetingId": "987 654 321 0", "passcode": "c4nary-pass" } });
    let other = guests.invite(ids).await;
    assert_eq!(guests.exchange(&other.handle, &device(3)).await.status, 200);
    let one = format!("/v1/invitations/{}", invited.id);
    for (route, body) in [
        ("GET /v1/invitations".to_owned(), Value::Null),
        (format!("GET {one}"), Value::Null),
        (format!("PATCH {one}"), json!({ "devices": 4 })),
        (format!("POST {one}/revoke"), json!({ "reason": "reason-canary" })),
    ] {
        assert_eq!(guests.call(&route, body).await.status, 200, "{route}");
    }
    guests.stack.advance(Duration::from_hours(5)).await;
    guests.stack.cleanup(0, "plan").await;

    // A PIN has so few digits that a time could have the same ones, so it is searched as a text.
    let texts = [format!("\"{pin}\""), format!("\\\"{pin}\\\""), format!("pin={pin}")];
    let secrets = [&*device(1), &*device(2), &*device(3), NAME, LINK, "987 654 321", "c4nary-pass"];
    for secret in texts.iter().map(String::as_str).chain(secrets) {
        guests.stack.keep_secret(&Value::from(secret));
    }
    // The table has the reference, for the list.
    for function in [
        "create-invitation",
        "delete-stale-identities",
        "exchange-guest-pass",
        "extend-invitation",
        "get-invitation",
        "list-invitations",
        "revoke-invitation",
    ] {
        let log = guests.stack.log(function);
        assert!(!log.is_empty() && !log.contains("order-canary"), "{function}: {log}");
        assert!(!log.contains("reason-canary"), "{function}: {log}");
        assert!(!has_word(&log, &pin), "{function}: {log}");
    }
    assert!(guests.stack.log("exchange-guest-pass").contains(&invited.id), "the id is logged");
}

/// Whether a text has these digits as a word: not within a time or an ID.
fn has_word(text: &str, digits: &str) -> bool {
    text.match_indices(digits).any(|(at, _)| {
        let (before, after) =
            (text[..at].chars().next_back(), text[at + digits.len()..].chars().next());
        let goes_on = |next: Option<char>| next.is_some_and(|next| next.is_ascii_alphanumeric());
        !goes_on(before) && before != Some('.') && !goes_on(after)
    })
}

#[tokio::test]
async fn no_response_of_a_back_end_has_what_only_the_guest_may_have() {
    let guests = GuestStack::start().await;
    let invited = guests.invite(json!({ "pin": true, "reference": "order-7" })).await;
    let pin = format!("\"{}\"", invited.pin.unwrap());
    let patch = json!({ "devices": 3 });
    for (route, body) in [
        ("GET /v1/invitations".to_owned(), Value::Null),
        (format!("GET /v1/invitations/{}", invited.id), Value::Null),
        (format!("PATCH /v1/invitations/{}", invited.id), patch),
        (format!("POST /v1/invitations/{}/revoke", invited.id), Value::Null),
    ] {
        let reply = guests.call(&route, body).await;
        assert_eq!(reply.status, 200, "{route}: {reply:?}");
        let text = reply.body.to_string();
        // The stack itself searches each response for the handle.
        for secret in [&*pin, NAME, LINK] {
            assert!(!text.contains(secret), "{route}: {text}");
        }
    }
}
