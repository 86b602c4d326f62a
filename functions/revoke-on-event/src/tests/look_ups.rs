use std::time::Duration;

use identity_core::event::EventMode;
use identity_core::record::State;
use serde_json::Value;

use super::support::{
    NamedAccounts, batch, changed, count, deliver, deliver_beside, event, find, fixture_of,
    is_blocked, logged, revocations,
};

#[tokio::test]
async fn a_changed_account_is_looked_up_and_its_status_is_applied_once() {
    let fixture = fixture_of(&["a", "b", "c"]);
    let bodies = [("a", "disabled"), ("b", "missing"), ("c", "enabled")]
        .map(|(name, account)| changed(name, account, EventMode::Apply));
    for _ in 0..2 {
        let batch = batch(bodies.iter().map(String::as_str), 1);
        let (log, failed) = logged(deliver(&fixture, EventMode::Apply, batch)).await;
        assert_eq!(failed, [] as [&str; 0]);
        let lines = log.iter().filter(|line| line["event.source"] == "graph").count();
        assert_eq!(lines, 3, "{log:?}");
    }
    assert_eq!(["a", "b", "c"].map(|name| is_blocked(&fixture, name)), [true, true, false]);
    assert_eq!(revocations(&fixture), 2);
    // Within one millisecond, a block would win.
    fixture.clock.advance(Duration::from_secs(1));
    let again = changed("a", "enabled", EventMode::Apply);
    deliver(&fixture, EventMode::Apply, batch([&*again], 1)).await;
    assert!(!is_blocked(&fixture, "a"));
}

#[tokio::test]
async fn r23_a_look_up_that_fails_is_delivered_again_and_delays_no_other() {
    let fixture = fixture_of(&["a", "b", "c"]);
    let bodies = [
        changed("a", "down", EventMode::Apply),
        changed("b", "panic", EventMode::Apply),
        changed("c", "disabled", EventMode::Apply),
    ];
    let batch = batch(bodies.iter().map(String::as_str), 1);
    let (log, failed) = logged(deliver(&fixture, EventMode::Apply, batch)).await;
    assert_eq!(failed, ["m0", "m1"]);
    assert!(is_blocked(&fixture, "c"));
    assert_eq!(count(&log, "metric.events_failed"), 2);
    let of = |id: &str| log.iter().find(|line| line["CorrelationId"] == id).unwrap().clone();
    let expected = "failed to look up the account: the directory is down";
    assert_eq!(of("m0")["ResultDescription"], expected);
    assert_eq!(of("m1")["ResultDescription"], "processing panicked");
}

#[tokio::test]
async fn r92_a_look_up_is_delivered_again_until_the_assignment_to_teams_phone_has_ended() {
    let fixture = fixture_of(&["phone-down"]);
    let disabled = changed("phone-down", "disabled", EventMode::Apply);
    for delivery in 1..=2 {
        let again = deliver(&fixture, EventMode::Apply, batch([&*disabled], delivery)).await;
        assert_eq!(again, ["m0"], "delivery {delivery}");
        assert!(is_blocked(&fixture, "phone-down"), "the user is blocked in any case");
    }
    let shadow = changed("phone-down", "disabled", EventMode::Shadow);
    let seen = deliver(&fixture, EventMode::Shadow, batch([&*shadow], 1)).await;
    assert!(seen.is_empty(), "a shadowed look-up ends nothing");
}

#[tokio::test]
async fn a_failed_second_look_up_leaves_the_line_of_the_event_that_was_applied() {
    let fixture = fixture_of(&["a"]);
    let body = changed("a", "disabled-then-down", EventMode::Apply);
    let (log, failed) = logged(deliver(&fixture, EventMode::Apply, batch([&*body], 1))).await;
    assert_eq!(failed, ["m0"]);
    let lines: Vec<_> = log.iter().filter(|line| line["event.source"] == "graph").collect();
    let [applied, failed] = lines[..] else { panic!("{log:?}") };
    assert_eq!(
        (&applied["event.kind"], &applied["effect"]),
        (&"user.disabled".into(), &"changed".into())
    );
    assert_eq!((&failed["event.kind"], &failed["ResultType"]), (&Value::Null, &"Failed".into()));
    assert_eq!(
        ["events_applied", "events_failed"].map(|m| count(&log, &format!("metric.{m}"))),
        [1, 1]
    );
}

#[tokio::test]
async fn r92_a_look_up_ends_the_assignment_to_teams_phone_even_if_acs_revokes_no_token() {
    let fixture = fixture_of(&["poison"]);
    let body = changed("poison", "disabled", EventMode::Apply);
    let accounts = NamedAccounts::default();
    let work = deliver_beside(&fixture, &accounts, EventMode::Apply, batch([&*body], 1));
    let (log, failed) = logged(work).await;
    assert_eq!((failed, accounts.ended.take()), (vec!["m0".to_owned()], vec!["poison".to_owned()]));
    let line = log.iter().find(|line| line["ResultType"] == "Failed").unwrap();
    assert_eq!(line["event.kind"], "user.disabled", "the line names the event that failed: {line}");
}

#[tokio::test]
async fn the_mode_of_the_message_decides_whether_a_look_up_is_applied() {
    let fixture = fixture_of(&["a"]);
    let shadow = changed("a", "disabled", EventMode::Shadow);
    let (log, failed) = logged(deliver(&fixture, EventMode::Apply, batch([&*shadow], 1))).await;
    assert_eq!(failed, [] as [&str; 0]);
    assert_eq!(count(&log, "metric.events_shadowed"), 1);
    assert_eq!(find(&fixture, "a").unwrap().state, State::active("8:acs:a"));
}

#[tokio::test]
async fn events_and_look_ups_of_one_user_are_processed_one_after_the_other() {
    let fixture = fixture_of(&["a"]);
    let bodies = [
        event("user.disabled", "a", 60),
        changed("a", "disabled", EventMode::Apply),
        changed("a", "disabled", EventMode::Apply),
    ];
    let batch = batch(bodies.iter().map(String::as_str), 1);
    assert_eq!(deliver(&fixture, EventMode::Apply, batch).await, [] as [&str; 0]);
    let record = find(&fixture, "a").unwrap();
    assert_eq!(record.decisions.iter().count(), 2, "one decision for each source");
    assert_eq!(record.receipts.len(), 2);
}
