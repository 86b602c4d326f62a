mod look_ups;
mod support;

use std::collections::BTreeSet;

use api_types::format_timestamp;
use identity_core::Error as CoreError;
use identity_core::event::{Event, EventMode};
use identity_core::record::State;
use identity_events::EventSource;
use proptest::prelude::*;
use serde_json::json;

use self::support::{
    ISSUER, NamedAccounts, batch, context, count, deliver, event, find, fixture_of, is_blocked,
    logged, revocations, rules,
};
use super::*;

#[tokio::test]
async fn r20_however_often_an_event_comes_its_user_is_revoked_once() {
    let fixture = fixture_of(&["alice"]);
    let disabled = event("user.disabled", "alice", 60);
    let five = [disabled.as_str(); 5];
    assert_eq!(deliver(&fixture, EventMode::Apply, batch(five, 1)).await, [] as [&str; 0]);
    for _ in 0..5 {
        assert_eq!(
            deliver(&fixture, EventMode::Apply, batch([&*disabled], 2)).await,
            [] as [&str; 0]
        );
    }
    assert_eq!(revocations(&fixture), 1);
    assert_eq!(find(&fixture, "alice").unwrap().receipts.len(), 1);

    // One receipt for each new watermark; the time of the event determines whether it is new.
    for (ago, receipts) in [(30, 2), (45, 2), (30, 2), (15, 3)] {
        let signed_out = event("user.signed-out", "alice", ago);
        deliver(&fixture, EventMode::Apply, batch([&*signed_out, &*signed_out], 1)).await;
        assert_eq!(find(&fixture, "alice").unwrap().receipts.len(), receipts, "{ago} s ago");
    }
    assert_eq!(revocations(&fixture), 1, "no token was issued since: ACS has nothing to do");
}

/// The event is of a whole second, so it counts as its end unless it was heard before that.
#[tokio::test]
async fn r20_a_message_that_is_sent_again_counts_from_when_it_was_heard_first() {
    let sent_at = SystemTime::UNIX_EPOCH + Duration::from_hours(500_000);
    for (heard_at, expected) in [
        (None, sent_at),
        (Some("2027-01-15T07:59:00.250Z"), sent_at - Duration::from_millis(59_750)),
        (Some("2027-01-15T08:01:00Z"), sent_at),
    ] {
        let mut body: serde_json::Value =
            serde_json::from_str(&event("user.disabled", "alice", 60)).unwrap();
        body["heardAt"] = json!(heard_at);
        let mut batch = batch([body.to_string().as_str()], 1);
        let queued = QueuedMessage::of(batch.messages.remove(0), &rules(EventMode::Apply));
        let Ok(identity_events::Reading::Events { events, .. }) = queued.reading else { panic!() };
        assert_eq!(events.first().unwrap().heard_at, Some(expected), "{heard_at:?}");
    }
}

#[tokio::test]
async fn r22_one_bad_message_does_not_hold_up_nine_good_ones() {
    let names = ["a", "b", "c", "d", "e", "f", "poison", "down"];
    let fixture = fixture_of(&names);
    let mut bodies: Vec<String> =
        names.iter().map(|name| event("user.disabled", name, 60)).collect();
    bodies.insert(2, "{not json".to_owned());
    bodies.insert(5, event("user.promoted", "a", 60));
    let (log, failed) =
        logged(deliver(&fixture, EventMode::Apply, batch(bodies.iter().map(String::as_str), 1)))
            .await;
    assert_eq!(failed, ["m2", "m8", "m9"], "malformed, poison, and ACS's 500");
    for name in names {
        assert!(is_blocked(&fixture, name), "{name}: from the first moment, whatever ACS says");
    }
    assert_eq!(count(&log, "metric.events_applied"), 6);
    assert_eq!(count(&log, "metric.events_ignored"), 1);
    assert_eq!(count(&log, "metric.events_malformed"), 1);
    assert_eq!(count(&log, "metric.events_failed"), 2);
    assert_eq!(count(&log, "metric.events_dead_lettered"), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn r24_whatever_a_message_holds_and_whichever_fail_there_is_an_answer(
        bodies in proptest::collection::vec(
            prop_oneof![
                any::<String>(),
                Just(String::new()),
                proptest::sample::select(vec!["a", "b", "poison", "down", "panic", "slow"])
                    .prop_map(|name| event("user.disabled", name, 60)),
                Just(event("user.deleted", "a", 60)),
                Just(event("user.enabled", "unseen", 3)),
                "\\PC{0,40}".prop_map(|name| event("user.signed-out", &name, 60)),
            ],
            0..10,
        ),
    ) {
        let fixture = fixture_of(&["a", "b", "poison", "down", "panic", "slow"]);
        let batch = batch(bodies.iter().map(String::as_str), 5);
        let sent: BTreeSet<String> =
            batch.messages.iter().map(|message| message.id.clone()).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let failed = runtime.block_on(deliver(&fixture, EventMode::Apply, batch));
        let distinct: BTreeSet<String> = failed.iter().cloned().collect();
        prop_assert_eq!(distinct.len(), failed.len());
        prop_assert!(distinct.is_subset(&sent));
    }
}

/// In a binary that aborts on a panic, this test would abort as well.
#[tokio::test]
async fn r24_a_panic_is_its_messages_own() {
    let fixture = fixture_of(&["a", "panic", "b"]);
    let bodies = ["a", "panic", "b"].map(|name| event("user.disabled", name, 60));
    let failed =
        deliver(&fixture, EventMode::Apply, batch(bodies.iter().map(String::as_str), 1)).await;
    assert_eq!(failed, ["m1"]);
    assert_eq!(revocations(&fixture), 2);
}

#[tokio::test]
async fn a_message_that_takes_too_long_is_to_come_again_and_the_others_are_done() {
    let fixture = fixture_of(&["a", "slow", "b"]);
    let bodies = ["a", "slow", "b"].map(|name| event("user.disabled", name, 60));
    let work = deliver(&fixture, EventMode::Apply, batch(bodies.iter().map(String::as_str), 1));
    let (log, failed) = logged(work).await;
    assert_eq!(failed, ["m1"]);
    assert!(log.iter().any(|line| {
        line["CorrelationId"] == "m1"
            && line["ResultDescription"] == "timed out before the function ended"
    }));
    assert_eq!(fixture.clock.elapsed(), Duration::from_millis(9_700), "and Lambda is told in time");
}

#[tokio::test]
async fn a_user_who_is_disabled_before_the_first_call_is_blocked() {
    let fixture = fixture_of(&[]);
    let disabled = event("user.disabled", "unseen", 60);
    assert_eq!(deliver(&fixture, EventMode::Apply, batch([&*disabled], 1)).await, [] as [&str; 0]);
    assert_eq!(find(&fixture, "unseen").unwrap().state, State::Blocked { acs_id: None });
    assert_eq!(revocations(&fixture), 0);
}

#[tokio::test]
async fn events_about_users_of_whom_there_was_no_record_are_counted_apart() {
    let fixture = fixture_of(&["alice"]);
    let bodies = [event("user.disabled", "alice", 60), event("user.disabled", "unseen", 60)];
    let work = deliver(&fixture, EventMode::Apply, batch(bodies.iter().map(String::as_str), 1));
    let (log, _) = logged(work).await;
    assert_eq!(count(&log, "metric.events_applied"), 2);
    assert_eq!(count(&log, "metric.events_of_unseen_users"), 1);
}

#[tokio::test]
async fn r61_an_event_about_a_user_of_another_issuer_fails_and_leaves_no_record() {
    let fixture = fixture_of(&[]);
    let wrong = event("user.disabled", "https://evil.example|alice", 60);
    let spelled = event("user.disabled", "https://IDP.example/|alice", 60);
    let work = deliver(&fixture, EventMode::Apply, batch([&*wrong, &*spelled], 1));
    let (log, failed) = logged(work).await;
    assert_eq!(failed, ["m0"]);
    assert_eq!(count(&log, "metric.events_malformed"), 1);
    assert!(is_blocked(&fixture, "https://idp.example|alice"), "in the configured spelling");
    assert_eq!(fixture.records.records().len(), 1);
}

#[tokio::test]
async fn in_shadow_mode_nothing_changes_and_everything_is_counted() {
    let fixture = fixture_of(&["alice", "bob"]);
    let before = fixture.records.records();
    let bodies = [
        event("user.disabled", "alice", 60),
        event("user.deleted", "bob", 60),
        event("user.deleted", "unseen", 60),
        event("user.signed-out", "x", 60).replace(r#""externalId":"x""#, r#""acsId":"8:acs:x""#),
    ];
    let work = deliver(&fixture, EventMode::Shadow, batch(bodies.iter().map(String::as_str), 1));
    let (log, failed) = logged(work).await;
    assert_eq!(failed, [] as [&str; 0]);
    assert_eq!(fixture.records.records(), before);
    assert_eq!(fixture.acs.calls(), []);
    assert_eq!(count(&log, "metric.events_shadowed"), 3);
    assert_eq!(count(&log, "metric.events_without_effect"), 1);
    assert_eq!(count(&log, "metric.events_applied"), 0);
    let line = log.iter().find(|line| line["Identity"] == "8:acs:alice").unwrap();
    assert_eq!(line["effect"], "would-change");
    assert_eq!((&line["effect.state"], &line["effect.revokes"]), (&json!("blocked"), &json!(true)));
}

#[tokio::test]
async fn a_shadow_falls_on_one_source_only() {
    let fixture = fixture_of(&["alice"]);
    let rules = EventRules { guestpass: EventMode::Shadow, ..rules(EventMode::Apply) };
    for source in EventSource::ALL {
        let expected =
            if source == EventSource::Guestpass { EventMode::Shadow } else { EventMode::Apply };
        assert_eq!(rules.mode_of(source, None), expected);
    }
    let okta = json!({
        "source": "aws.partner/okta.com/example/guestpass",
        "detail": {
            "uuid": "1",
            "published": format_timestamp(fixture.clock.now()),
            "eventType": "user.lifecycle.suspend",
            "outcome": { "result": "SUCCESS" },
            "target": [{ "type": "User", "id": "00u1", "alternateId": "carol@example.com" }],
        },
    })
    .to_string();
    let ours = event("user.disabled", "alice", 60);
    let context = context(&fixture.clock);
    let batch = batch([&*ours, &*okta], 1);
    let answer = handle(
        &fixture.store,
        &fixture.acs,
        &NamedAccounts::default(),
        &fixture.clock,
        &rules,
        batch,
        &context,
    )
    .await;
    assert_eq!(answer, BatchResponse::failed(std::iter::empty()));
    assert!(!is_blocked(&fixture, "alice"));
    for name in ["carol@example.com", "00u1"] {
        assert!(is_blocked(&fixture, &format!("{ISSUER}|{name}")), "either may be the subject");
    }
}

#[tokio::test]
async fn an_event_from_the_future_is_malformed_and_blocks_no_user() {
    let fixture = fixture_of(&["alice"]);
    let at = fixture.clock.now() + Event::TOLERATED_SKEW + Duration::from_millis(1);
    let detail =
        json!({ "externalId": "alice", "occurredAt": format_timestamp(at), "eventId": "e" });
    let body = json!({
        "source": "guestpass.identity",
        "detail-type": "user.disabled",
        "detail": detail,
    })
    .to_string();
    for mode in [EventMode::Apply, EventMode::Shadow] {
        let (log, failed) = logged(deliver(&fixture, mode, batch([&*body], 1))).await;
        assert_eq!(failed, ["m0"]);
        assert_eq!(count(&log, "metric.events_malformed"), 1);
        assert!(!is_blocked(&fixture, "alice"));
    }
}

#[tokio::test]
async fn r23_a_message_that_fails_for_the_fifth_time_is_logged_as_dead() {
    let fixture = fixture_of(&["down"]);
    let bodies = ["?".to_owned(), event("user.disabled", "down", 60)];
    for (nth, dead) in [(1, 0), (4, 0), (5, 2), (6, 2)] {
        let batch = batch(bodies.iter().map(String::as_str), nth);
        let (log, failed) = logged(deliver(&fixture, EventMode::Apply, batch)).await;
        assert_eq!(failed, ["m0", "m1"]);
        assert_eq!(count(&log, "metric.events_dead_lettered"), dead, "delivery {nth}");
    }
}

#[tokio::test]
async fn if_acs_fails_the_message_comes_again_and_finishes_what_was_begun() {
    let fixture = fixture_of(&["alice"]);
    let disabled = event("user.disabled", "alice", 60);
    let mut first = true;
    fixture.acs.fail(move |_| {
        std::mem::take(&mut first)
            .then(|| CoreError::AcsUnavailable { maybe_applied: true, source: "no answer".into() })
    });
    assert_eq!(deliver(&fixture, EventMode::Apply, batch([&*disabled], 1)).await, ["m0"]);
    assert!(is_blocked(&fixture, "alice"));
    assert!(find(&fixture, "alice").unwrap().pending_revocation.is_some());

    fixture.clock.advance(identity_core::ABANDONED_AFTER);
    assert_eq!(deliver(&fixture, EventMode::Apply, batch([&*disabled], 2)).await, [] as [&str; 0]);
    let alice = find(&fixture, "alice").unwrap();
    assert_eq!((alice.pending_revocation, alice.receipts[0].revoked_at.is_some()), (None, true));
}

#[test]
fn what_is_about_the_same_user_goes_one_after_the_other_oldest_first() {
    let bodies = [
        event("user.enabled", "alice", 10),
        event("user.disabled", "bob", 40),
        "?".to_owned(),
        event("user.disabled", "alice", 30),
        event("user.signed-out", "alice", 20),
    ];
    let messages = batch(bodies.iter().map(String::as_str), 1).messages;
    let jobs = messages
        .into_iter()
        .map(|message| QueuedMessage::of(message, &rules(EventMode::Apply)))
        .collect();
    let names: Vec<Vec<String>> = lanes(jobs)
        .into_iter()
        .map(|lane| lane.into_iter().map(|job| job.message.id).collect())
        .collect();
    assert_eq!(names, [vec!["m2"], vec!["m1"], vec!["m3", "m4", "m0"]]);
}

#[tokio::test]
async fn the_line_names_the_identity_and_neither_its_user_nor_the_reason() {
    let fixture = fixture_of(&["canary-user", "down"]);
    let bodies = [
        event("user.disabled", "canary-user", 60),
        event("user.disabled", "down", 60),
        event("user.disabled", "canary user", 60),
        "canary-body".to_owned(),
    ];
    let work = deliver(&fixture, EventMode::Apply, batch(bodies.iter().map(String::as_str), 1));
    let (log, _) = logged(work).await;
    let about = |id: &str| log.iter().find(|line| line["CorrelationId"] == id).unwrap().clone();
    let line = about("m0");
    for (field, value) in [
        ("OperationName", json!("RevokeOnEvent")),
        ("Identity", json!("8:acs:canary-user")),
        ("ResultType", json!("Succeeded")),
        ("event.id", json!("user.disabled-60")),
        ("event.kind", json!("user.disabled")),
        ("event.source", json!("guestpass")),
        ("effect", json!("changed")),
        ("DelayMs", json!(60_000)),
        ("DurationMs", json!(0)),
    ] {
        assert_eq!(line[field], value, "{field}");
    }
    assert_eq!(about("m1")["ResultDescription"], "ACS is unavailable: ACS answered 500");
    assert_eq!(about("m3")["ResultDescription"], "it is not a JSON object");
    for line in &log {
        let mut line = line.clone();
        // The ACS ID may appear, because operators search logs by it.
        line["Identity"].take();
        line["acs.id"].take();
        assert!(!line.to_string().contains("canary"), "{line}");
    }
}

#[test]
fn a_batch_is_read_whatever_else_is_in_it() {
    for (event, ids) in [
        (json!({}), vec![]),
        (json!({ "Records": [{}] }), vec![""]),
        (json!({ "Records": [{ "messageId": "a", "new": [1] }], "new": true }), vec!["a"]),
    ] {
        let batch: SqsBatch = serde_json::from_value(event).unwrap();
        let found: Vec<_> = batch.messages.iter().map(|message| message.id.as_str()).collect();
        assert_eq!(found, ids);
    }
}

#[tokio::test]
async fn r92_an_event_is_delivered_again_until_the_assignment_to_teams_phone_has_ended() {
    let fixture = fixture_of(&["phone-down"]);
    let disabled = event("user.disabled", "phone-down", 60);
    let again = deliver(&fixture, EventMode::Apply, batch([&*disabled], 1)).await;
    assert_eq!(again, ["m0"]);
    assert!(is_blocked(&fixture, "phone-down"), "the user is blocked in any case");
    let seen = deliver(&fixture, EventMode::Shadow, batch([&*disabled], 2)).await;
    assert!(seen.is_empty(), "a shadowed event ends nothing");
}
