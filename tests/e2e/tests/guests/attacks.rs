use e2e::ADMIN_ROLE;
use serde_json::{Value, json};

use crate::support::{GuestStack, device};

/// Who asks, about whose invitation: a back end sees and changes its own, an administrator all.
#[tokio::test]
async fn r52_an_invitation_exists_only_for_who_made_it_and_for_administrators() {
    let guests = GuestStack::start().await;
    let invited = guests.invite(json!({})).await;
    let stack = &guests.stack;
    let scope = ("scope", "guestpass.invite guestpass.admin");
    let mallory = stack.bearer("mallory", "guestpass.invite").await;
    let claims_admin = stack.bearer_with(&[("sub", "mallory"), scope]).await;
    let admin = stack.bearer_with(&[("sub", "root"), scope, ADMIN_ROLE]).await;
    let only_admin = stack.admin().await;
    let user = stack.user("back-end").await;
    let unknown = "A".repeat(43);
    let route = |route: &str, id: &str| route.replace("{id}", id);
    for (pattern, body) in [
        ("GET /v1/invitations/{id}", Value::Null),
        ("PATCH /v1/invitations/{id}", json!({ "devices": 2 })),
        ("POST /v1/invitations/{id}/revoke", json!({})),
    ] {
        for bearer in [&mallory, &claims_admin] {
            let foreign = stack.call(&route(pattern, &invited.id), bearer, body.clone()).await;
            let missing = stack.call(&route(pattern, &unknown), bearer, body.clone()).await;
            assert_eq!((foreign.status, foreign.problem()), (404, "not-found"), "{pattern}");
            assert_eq!(foreign.body, missing.body, "{pattern}");
        }
        for bearer in [&only_admin, &user] {
            let refused = stack.call(&route(pattern, &invited.id), bearer, body.clone()).await;
            assert_eq!(refused.status, 403, "{pattern}");
        }
    }
    for (bearer, count) in [(&mallory, 0), (&claims_admin, 0), (&guests.back_end, 1), (&admin, 1)] {
        let listed = stack.call("GET /v1/invitations", bearer, Value::Null).await;
        assert_eq!(listed.body["invitations"].as_array().map(Vec::len), Some(count));
    }
    assert_eq!(guests.shown(&invited.id).await["state"], "open", "nothing of it changed it");
    let revoke = route("POST /v1/invitations/{id}/revoke", &invited.id);
    assert_eq!(stack.call(&revoke, &admin, Value::Null).await.status, 200);
}

#[tokio::test]
async fn a_blocked_back_end_invites_nobody_and_a_stolen_bearer_is_bounded_by_the_policy() {
    let guests = GuestStack::start().await;
    for (members, member) in [
        (json!({ "devices": 11 }), "devices"),
        (json!({ "closesAt": guests.stack.seconds_from_now(31 * 24 * 3600).await }), "closesAt"),
        (json!({ "scopes": ["voip"] }), "scopes"),
    ] {
        let refused = guests.create(members).await;
        assert_eq!((refused.status, refused.problem()), (400, "invalid-invitation"));
        assert!(refused.body["detail"].as_str().unwrap().contains(member), "{refused:?}");
    }
    let route = format!("POST /v1/identities/{}/revoke", guests.stack.address("back-end"));
    let block = json!({ "block": true, "createIfMissing": true });
    let blocked = guests.stack.call(&route, &guests.stack.admin().await, block).await;
    assert_eq!(blocked.status, 200, "{blocked:?}");
    let refused = guests.create(json!({})).await;
    assert_eq!((refused.status, refused.problem()), (403, "user-blocked"));
}

/// An administrator cannot make a guest, and so cannot take the place of one.
#[tokio::test]
async fn nobody_creates_a_guest_by_hand() {
    let guests = GuestStack::start().await;
    let invited = guests.invite(json!({})).await;
    let admin = guests.stack.admin().await;
    for name in [format!("guest|{}|{}", invited.id, device(1)), "guest|x".to_owned()] {
        let sent = json!({ "externalId": name });
        let refused = guests.stack.call("POST /v1/identities", &admin, sent).await;
        assert_eq!((refused.status, refused.problem()), (400, "invalid-external-id"), "{name}");
    }
}

/// Identities of guests are in the inventory, and an administrator can cut off a single guest.
#[tokio::test]
async fn an_administrator_cuts_off_one_guest_of_several() {
    let guests = GuestStack::start().await;
    let invited = guests.invite(json!({ "devices": 2 })).await;
    let [one, other] = [
        guests.exchange(&invited.handle, &device(1)).await,
        guests.exchange(&invited.handle, &device(2)).await,
    ];
    let id = one.body["user"]["communicationUserId"].as_str().unwrap();
    let route = format!("POST /v1/identities/{id}/revoke");
    let admin = guests.stack.admin().await;
    let cut_off = guests.stack.call(&route, &admin, json!({ "block": true })).await;
    assert_eq!(cut_off.status, 200, "{cut_off:?}");
    assert_eq!(guests.stack.invalid_reason(&one.body["token"]).await, "revoked");
    assert_eq!(guests.stack.invalid_reason(&other.body["token"]).await, Value::Null);
    let refused = guests.exchange(&invited.handle, &device(1)).await;
    assert_eq!((refused.status, refused.problem()), (403, "user-blocked"));
    assert_eq!(guests.exchange(&invited.handle, &device(2)).await.status, 200);
}

/// With a resource of their own, guests are created there and nowhere else.
#[tokio::test]
async fn r81_guests_are_in_the_resource_of_the_policy() {
    let policy = json!({ "guests": { "resource": "r2" } });
    let parameter = format!("Policy={policy}");
    let options = ["--resources", "2", "--parameter", &parameter];
    let guests = GuestStack::of(e2e::ServiceStack::with(&options).await).await;
    // Among several, the placement alone would choose the first resource for some.
    let invited = guests.invite(json!({ "devices": 8 })).await;
    for number in 1..=8 {
        let reply = guests.exchange(&invited.handle, &device(number)).await;
        assert_eq!(reply.status, 200, "{reply:?}");
    }
    assert_eq!(guests.identities().await, 0, "the first resource was asked");
}
