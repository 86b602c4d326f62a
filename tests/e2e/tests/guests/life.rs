use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{GuestStack, LINK, NAME, device};

const HOUR: Duration = Duration::from_hours(1);

#[tokio::test]
async fn a_guest_joins_renews_and_is_cut_off_at_once_by_a_revocation() {
    let guests = GuestStack::start().await;
    let invited = guests.invite(json!({})).await;
    let first = guests.exchange(&invited.handle, &device(1)).await;
    assert_eq!(first.status, 200, "{first:?}");
    assert_eq!(first.body["meeting"], json!({ "joinUrl": LINK }));
    assert_eq!(first.body["displayName"], NAME);
    assert_eq!(guests.stack.invalid_reason(&first.body["token"]).await, Value::Null);
    let introspected = json!({ "token": first.body["token"] });
    let introspected = guests.stack.emulator("POST introspect", introspected).await;
    assert_eq!(introspected["scopes"], json!(["voip.join"]));
    let second = guests.exchange(&invited.handle, &device(2)).await;
    assert_eq!((second.status, second.problem()), (403, "invitation-used-up"));
    let renewed = guests.exchange(&invited.handle, &device(1)).await;
    assert_eq!((renewed.status, &renewed.body["user"]), (200, &first.body["user"]));
    let shown = guests.shown(&invited.id).await;
    assert_eq!(shown["devices"], json!({ "most": 1, "used": 1 }));
    let user = &first.body["user"]["communicationUserId"];
    assert_eq!(&shown["guests"][0]["communicationUserId"], user);

    let route = format!("POST /v1/invitations/{}/revoke", invited.id);
    let revoked = guests.call(&route, json!({ "reason": "wrong guest" })).await;
    assert_eq!((revoked.status, &revoked.body["identities"]), (200, &json!(1)), "{revoked:?}");
    for token in [&first.body["token"], &renewed.body["token"]] {
        assert_eq!(guests.stack.invalid_reason(token).await, "revoked");
    }
    let refused = guests.exchange(&invited.handle, &device(1)).await;
    assert_eq!((refused.status, refused.problem()), (410, "invitation-revoked"));
    assert_eq!(guests.call(&route, Value::Null).await.body, revoked.body, "the same receipt");
    assert_eq!(guests.shown(&invited.id).await["receipts"], json!([revoked.body]));
}

/// The clock moves past the end and the deletion; the cleanup is only in the mode plan.
#[tokio::test]
async fn r75_a_guest_is_gone_some_hours_after_the_meeting_and_a_user_is_not() {
    let guests = GuestStack::start().await;
    let alice = guests.stack.user("alice").await;
    assert_eq!(guests.stack.call("POST /v1/token", &alice, Value::Null).await.status, 200);
    let invited = guests.invite(json!({ "deleteAfterHours": 2 })).await;
    let token = guests.exchange(&invited.handle, &device(1)).await;
    assert_eq!(token.status, 200);
    for (hours, left) in [(0, 2), (2, 2), (2, 1)] {
        guests.stack.advance(hours * HOUR).await;
        guests.stack.cleanup(0, "plan").await;
        assert_eq!(guests.identities().await, left, "after {hours} more hours");
    }
    let reason = guests.stack.invalid_reason(&token.body["token"]).await;
    assert_ne!(reason, Value::Null);
    let ended = guests.exchange(&invited.handle, &device(1)).await;
    assert_eq!((ended.status, ended.problem()), (410, "invitation-closed"));
    // The bearer of the back end has expired in these hours.
    let guests = GuestStack::of(guests.stack).await;
    assert_eq!(guests.shown(&invited.id).await["state"], "closed");
    assert_eq!(guests.stack.metric_sum("delete-stale-identities", "GuestIdentitiesDeleted"), 1);
}

#[tokio::test]
async fn an_extended_invitation_keeps_its_guests_and_admits_more() {
    let guests = GuestStack::start().await;
    let invited = guests.invite(json!({ "deleteAfterHours": 0 })).await;
    assert_eq!(guests.exchange(&invited.handle, &device(1)).await.status, 200);
    let closes_at = guests.stack.seconds_from_now(5 * 3600).await;
    let sent = json!({ "closesAt": closes_at, "devices": 2 });
    let extended = guests.call(&format!("PATCH /v1/invitations/{}", invited.id), sent).await;
    assert_eq!(extended.status, 200, "{extended:?}");
    guests.stack.advance(2 * HOUR).await;
    guests.stack.cleanup(0, "apply").await;
    assert_eq!(guests.identities().await, 1);
    for number in [1, 2] {
        assert_eq!(guests.exchange(&invited.handle, &device(number)).await.status, 200);
    }
}

#[tokio::test]
async fn an_invitation_gives_nothing_before_it_opens_and_after_it_closes() {
    let guests = GuestStack::start().await;
    let opens_at = guests.stack.seconds_from_now(1800).await;
    let invited = guests.invite(json!({ "opensAt": opens_at })).await;
    for (minutes, status, problem) in [
        (0, 403, "invitation-not-open"),
        // Five minutes before and after each end: only the clock of the service counts.
        (25, 403, "invitation-not-open"),
        (10, 200, ""),
        (20, 200, ""),
        (10, 410, "invitation-closed"),
    ] {
        guests.stack.advance(Duration::from_mins(minutes)).await;
        let reply = guests.exchange(&invited.handle, &device(1)).await;
        assert_eq!((reply.status, reply.problem()), (status, problem), "after {minutes} more");
        if problem == "invitation-not-open" {
            let wait: u64 = reply.header("retry-after").parse().unwrap();
            assert!((1..=300).contains(&wait), "{wait}");
        }
    }
}

#[tokio::test]
async fn without_guests_in_the_policy_no_route_of_guests_gives_anything() {
    let off = ["--parameter", "Policy={}"];
    let guests = GuestStack::of(e2e::ServiceStack::with(&off).await).await;
    let handle = format!("gp_{}", "A".repeat(22));
    let refused = guests.exchange(&handle, &device(1)).await;
    assert_eq!((refused.status, refused.problem()), (404, "not-found"));
    let id = "A".repeat(43);
    for route in [
        "POST /v1/invitations",
        "GET /v1/invitations",
        &format!("GET /v1/invitations/{id}"),
        &format!("PATCH /v1/invitations/{id}"),
        &format!("POST /v1/invitations/{id}/revoke"),
    ] {
        let refused = guests.call(route, Value::Null).await;
        assert_eq!((refused.status, refused.problem()), (404, "not-found"), "{route}");
    }
    let off = ["--parameter", "InviteScope="];
    let guests = GuestStack::of(e2e::ServiceStack::with(&off).await).await;
    let gone = guests.exchange(&handle, &device(1)).await;
    assert_eq!((gone.status, &gone.body["message"]), (404, &json!("Not Found")));
}
