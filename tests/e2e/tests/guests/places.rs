use std::collections::BTreeSet;
use std::sync::Arc;

use e2e::HttpReply;
use serde_json::{Value, json};

use crate::support::{GuestStack, device};

/// Two hundred requests at once, each with the device that `device_of` says.
async fn two_hundred(
    guests: &Arc<GuestStack>,
    handle: &str,
    device_of: fn(usize) -> usize,
) -> Vec<HttpReply> {
    let calls: Vec<_> = (0..200)
        .map(|number| {
            let guests = Arc::clone(guests);
            let body = json!({ "handle": handle, "device": device(device_of(number)) });
            tokio::spawn(async move { guests.insist(&body).await })
        })
        .collect();
    let mut replies = Vec::new();
    for call in calls {
        replies.push(call.await.unwrap());
    }
    replies
}

fn users(replies: &[HttpReply]) -> BTreeSet<String> {
    let admitted = replies.iter().filter(|reply| reply.status == 200);
    admitted.map(|reply| reply.body["user"].to_string()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn r70_two_hundred_requests_of_one_device_take_one_place_and_create_one_identity() {
    let guests = Arc::new(GuestStack::without_pace().await);
    let invited = guests.invite(json!({})).await;
    let replies = two_hundred(&guests, &invited.handle, |_| 1).await;
    assert!(replies.iter().all(|reply| reply.status == 200), "{replies:?}");
    assert_eq!(users(&replies).len(), 1);
    assert_eq!(guests.stack.request_count("createIdentityWithToken").await, 1);
    assert_eq!(guests.shown(&invited.id).await["devices"], json!({ "most": 1, "used": 1 }));
    assert!(guests.stack.processes("exchange-guest-pass").await.len() > 1, "several processes");
}

#[tokio::test(flavor = "multi_thread")]
async fn r70_of_two_hundred_devices_three_places_admit_three() {
    let guests = Arc::new(GuestStack::without_pace().await);
    let invited = guests.invite(json!({ "devices": 3 })).await;
    let replies = two_hundred(&guests, &invited.handle, |number| number).await;
    let used_up = replies.iter().filter(|reply| reply.problem() == "invitation-used-up").count();
    assert_eq!((users(&replies).len(), used_up), (3, 197), "{replies:?}");
    assert_eq!(guests.stack.request_count("createIdentityWithToken").await, 3);
    assert_eq!(guests.shown(&invited.id).await["devices"], json!({ "most": 3, "used": 3 }));
    assert!(guests.stack.processes("exchange-guest-pass").await.len() > 1, "several processes");
}

/// A recorded request gives the same identity to whom already has handle and device, and takes no
/// other place.
#[tokio::test]
async fn a_replayed_request_takes_no_place_and_creates_no_identity() {
    let guests = GuestStack::start().await;
    let invited = guests.invite(json!({ "devices": 2 })).await;
    let recorded = json!({ "handle": invited.handle, "device": device(1) });
    let first = guests.send(&recorded).await;
    let replayed = guests.send(&recorded).await;
    assert_eq!((replayed.status, &replayed.body["user"]), (200, &first.body["user"]));
    assert_eq!(guests.shown(&invited.id).await["devices"]["used"], 1);
}

/// Forwarded after the use and before it: the first device has the place, in both orders.
#[tokio::test]
async fn a_forwarded_link_admits_nobody_once_the_places_are_taken() {
    let guests = GuestStack::start().await;
    for (first, second) in [(1, 2), (2, 1)] {
        let invited = guests.invite(json!({})).await;
        assert_eq!(guests.exchange(&invited.handle, &device(first)).await.status, 200);
        let refused = guests.exchange(&invited.handle, &device(second)).await;
        assert_eq!((refused.status, refused.problem()), (403, "invitation-used-up"));
    }
    assert_eq!(guests.identities().await, 2);
}

/// The same device is another guest in another invitation, so that guests cannot be followed.
#[tokio::test]
async fn one_device_is_another_guest_in_another_invitation() {
    let guests = GuestStack::start().await;
    let mut seen = Vec::new();
    for _ in 0..2 {
        let invited = guests.invite(json!({})).await;
        let reply = guests.exchange(&invited.handle, &device(1)).await;
        let shown = guests.shown(&invited.id).await;
        seen.push((reply.body["user"].clone(), shown["guests"][0]["device"].clone()));
    }
    let [first, second] = [&seen[0], &seen[1]];
    assert_ne!(first.0, second.0);
    assert_ne!(first.1, second.1);
    assert_ne!(first.1, Value::Null);
}
