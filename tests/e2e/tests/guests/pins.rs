use std::sync::Arc;

use serde_json::json;

use crate::support::{GuestStack, device};

/// Six digits that are not the PIN.
fn wrong(pin: &str, number: usize) -> String {
    let right: usize = pin.parse().unwrap();
    format!("{:06}", (right + 1 + number) % 1_000_000)
}

#[tokio::test(flavor = "multi_thread")]
async fn r74_of_two_hundred_guesses_at_once_ten_are_compared_and_then_the_invitation_is_locked() {
    let guests = Arc::new(GuestStack::without_pace().await);
    let invited = guests.invite(json!({ "pin": true })).await;
    let pin = invited.pin.unwrap();
    let answers: Vec<_> = (0..200)
        .map(|number| {
            let (guests, handle) = (Arc::clone(&guests), invited.handle.clone());
            let wrong_pin = wrong(&pin, number);
            let body = json!({ "handle": handle, "device": device(number), "pin": wrong_pin });
            tokio::spawn(async move { guests.insist(&body).await })
        })
        .collect();
    let mut problems = Vec::new();
    for answer in answers {
        problems.push(answer.await.unwrap().problem().to_owned());
    }
    let count = |kind: &str| problems.iter().filter(|problem| *problem == kind).count();
    assert!(count("pin-wrong") <= 10, "compared: {}", count("pin-wrong"));
    assert_eq!(count("pin-wrong") + count("invitation-locked"), 200, "{problems:?}");
    assert_eq!(guests.shown(&invited.id).await["state"], "locked");

    let right = || guests.exchange_with_pin(&invited.handle, "right-device-0000000001", &pin);
    let refused = right().await;
    assert_eq!((refused.status, refused.problem()), (403, "invitation-locked"));
    let unlocked = guests
        .call(&format!("PATCH /v1/invitations/{}", invited.id), json!({ "unlock": true }))
        .await;
    assert_eq!((unlocked.status, &unlocked.body["state"]), (200, &json!("open")));
    assert_eq!(right().await.status, 200);
    assert_eq!(guests.stack.metric_sum("exchange-guest-pass", "InvitationsLocked"), 1);
}

/// An attacker who has the link locks it on purpose: guests who are in stay in.
#[tokio::test]
async fn a_locked_invitation_still_serves_the_devices_that_it_admitted() {
    let guests = GuestStack::without_pace().await;
    let invited = guests.invite(json!({ "pin": true, "devices": 2 })).await;
    let pin = invited.pin.unwrap();
    assert_eq!(guests.exchange_with_pin(&invited.handle, &device(1), &pin).await.status, 200);
    for number in 0..10 {
        let wrong_pin = wrong(&pin, number);
        let refused = guests.exchange_with_pin(&invited.handle, &device(2), &wrong_pin).await;
        assert_eq!((refused.status, refused.problem()), (403, "pin-wrong"), "{number}");
    }
    let refused = guests.exchange_with_pin(&invited.handle, &device(2), &pin).await;
    assert_eq!((refused.status, refused.problem()), (403, "invitation-locked"));
    assert_eq!(guests.exchange(&invited.handle, &device(1)).await.status, 200, "without a PIN");
}

/// Forwarded before the use: without the PIN, the link gives nothing.
#[tokio::test]
async fn a_forwarded_link_with_a_pin_admits_nobody_who_does_not_have_the_pin() {
    let guests = GuestStack::start().await;
    let invited = guests.invite(json!({ "pin": true })).await;
    let refused = guests.exchange(&invited.handle, &device(2)).await;
    assert_eq!((refused.status, refused.problem()), (403, "pin-required"));
    assert_eq!(guests.identities().await, 0);
    let pin = invited.pin.unwrap();
    assert_eq!(guests.exchange_with_pin(&invited.handle, &device(1), &pin).await.status, 200);
}

#[tokio::test]
async fn a_policy_can_require_a_pin() {
    let policy = json!({ "guests": { "pin": "required" } });
    let parameter = format!("Policy={policy}");
    let stack = e2e::ServiceStack::with(&["--parameter", &parameter]).await;
    let guests = GuestStack::of(stack).await;
    assert!(guests.invite(json!({})).await.pin.is_some());
    let refused = guests.create(json!({ "pin": false })).await;
    assert_eq!((refused.status, refused.problem()), (400, "invalid-invitation"));
}
