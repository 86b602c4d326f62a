use std::time::SystemTime;

use api_types::format_timestamp;
use identity_core::delete_stale_identities::{CleanupLimits, CleanupMode, Retention};
use identity_core::record::{Record, State};
use identity_core::testing::{
    ClientCall, CoreFixture, Loss, ManualClock, StoreCall, acs_id, device_id, invitation, record,
};
use lambda_http::lambda_runtime::Diagnostic;
use serde_json::json;

use super::*;

/// Twelve identities: number `n` was last used `n` times ten days ago.
fn fixture() -> CoreFixture {
    CoreFixture::with(users())
}

fn users() -> impl Iterator<Item = Record> {
    let now = ManualClock::default().now();
    (0..12).map(move |n| used(n, now - days(10 * n)))
}

/// A guest whose deletion was due an hour ago.
fn due_guest() -> Record {
    let now = ManualClock::default().now();
    let guest = invitation("handle").guest(&device_id('a'));
    let due_at = Some(now - Duration::from_hours(1));
    let state = State::active("8:acs:res_guest");
    Record { due_at, ..record(guest.as_str(), state, now - days(1)) }
}

fn used(n: u64, at: SystemTime) -> Record {
    record(&format!("user-{n:02}"), State::active(&format!("8:acs:res_{n:02}")), at)
}

fn days(days: u64) -> Duration {
    Duration::from_hours(24 * days)
}

fn settings(mode: CleanupMode) -> CleanupSettings {
    let limits = CleanupLimits { per_second: 8, most: 10_000 };
    let guests = CleanupMode::Apply;
    CleanupSettings { retention: Retention::from_days(90).unwrap(), mode, guests, limits }
}

async fn invoke(
    fixture: &CoreFixture,
    mode: CleanupMode,
    payload: Value,
) -> Result<Value, Diagnostic> {
    let mut context = Context::default();
    context.request_id = "run-1".to_owned();
    let event = LambdaEvent { payload, context };
    let output =
        handle(&fixture.store, &fixture.acs, &fixture.clock, &settings(mode), event).await?;
    Ok(serde_json::to_value(output).unwrap())
}

/// The schedule's event, `ahead` days from now.
fn event(fixture: &CoreFixture, ahead: u64) -> Value {
    json!({ "time": format_timestamp(fixture.clock.now() + days(ahead)) })
}

fn with(mut event: Value, more: &Value) -> Value {
    event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    event
}

fn sampled(answer: &Value) -> Vec<&str> {
    let sample = answer["sample"].as_array().unwrap().iter();
    let mut names: Vec<_> = sample.map(|one| one["identity"].as_str().unwrap()).collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn r30_a_plan_names_exactly_the_stale_ones_and_deletes_none() {
    let fixture = fixture();
    let answer = invoke(&fixture, CleanupMode::Plan, event(&fixture, 0)).await.unwrap();
    // Number 9 is exactly ninety days old, which is not older than the retention period.
    assert_eq!(sampled(&answer), ["8:acs:res_10", "8:acs:res_11"]);
    assert_eq!((&answer["wouldDelete"], &answer["total"]), (&json!(2), &json!(12)));
    assert_eq!(answer.get("deleted"), None);
    assert_eq!(fixture.acs.calls(), [] as [ClientCall; 0]);
    assert_eq!(fixture.acs.identities().len(), 12);

    let later = invoke(&fixture, CleanupMode::Plan, event(&fixture, 85)).await.unwrap();
    assert_eq!(later["wouldDelete"], 11, "all but the one used today");
}

#[tokio::test]
async fn r34_a_schedule_that_is_ahead_of_the_clock_deletes_no_identity() {
    let fixture = fixture();
    let refused = invoke(&fixture, CleanupMode::Apply, event(&fixture, 85)).await.unwrap_err();
    assert_eq!(refused.error_type, "BadEvent");
    assert!(refused.error_message.contains("more than an hour ahead"), "{}", refused.error_message);
    assert_eq!(fixture.acs.identities().len(), 12);
}

#[tokio::test]
async fn r30_an_apply_run_deletes_exactly_the_stale_ones() {
    let fixture = fixture();
    let mut later = event(&fixture, 85);
    later["mode"] = json!("apply");
    let answer = invoke(&fixture, CleanupMode::Plan, later).await.unwrap();
    assert_eq!((&answer["deleted"], &answer["failed"]), (&json!(11), &json!(0)));
    assert_eq!(answer.get("wouldDelete"), None);
    assert_eq!(fixture.acs.identities(), [acs_id("8:acs:res_00")]);
    let left = fixture.records.records();
    let left: Vec<_> = left.iter().filter(|record| record.state != State::Deleted).collect();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].acs_id(), Some(&acs_id("8:acs:res_00")));
}

#[tokio::test]
async fn the_event_says_whether_to_delete_and_otherwise_the_environment() {
    // The environment says that guests are deleted, whatever it says about users.
    for (mode, said, deletes, ends_guests) in [
        (CleanupMode::Plan, json!({}), false, true),
        (CleanupMode::Plan, json!({ "mode": "plan" }), false, false),
        (CleanupMode::Plan, json!({ "mode": "apply" }), true, true),
        (CleanupMode::Apply, json!({}), true, true),
        (CleanupMode::Apply, json!({ "mode": "apply" }), true, true),
        (CleanupMode::Apply, json!({ "mode": "plan" }), false, false),
    ] {
        let fixture = CoreFixture::with(users().chain([due_guest()]));
        let event = with(event(&fixture, 0), &said);
        let answer = invoke(&fixture, mode, event).await.unwrap();
        assert_eq!(answer["mode"] == "apply", deletes, "{mode:?} {said}");
        let left = fixture.acs.identities();
        let has_guest = left.contains(&acs_id("8:acs:res_guest"));
        assert_eq!(has_guest, !ends_guests, "{mode:?} {said}");
        let of_users = left.len() - usize::from(has_guest);
        assert_eq!(of_users, if deletes { 10 } else { 12 }, "{mode:?} {said}");
    }
}

#[tokio::test]
async fn the_answer_is_the_record_of_the_run_in_words() {
    let fixture = fixture();
    let answer = invoke(&fixture, CleanupMode::Apply, event(&fixture, 0)).await.unwrap();
    assert_eq!(
        answer,
        json!({
            "id": "run-1",
            "mode": "apply",
            "time": "2027-01-15T08:00:00.000Z",
            "cutoff": "2026-10-17T08:00:00.000Z",
            "startedAt": "2027-01-15T08:00:00.000Z",
            "finishedAt": answer["finishedAt"],
            "total": 12,
            "stale": 2,
            "considered": 2,
            "deleted": 2,
            "spared": { "used": 0, "changed": 0 },
            "failed": 0,
            "stuck": 0,
            "finished": { "deletions": 0, "revocations": 0, "reservations": 0, "orphans": 0 },
            "braked": false,
            "ages": {
                "under90Days": 0, "under180Days": 2, "underAYear": 0, "aYearOrMore": 0,
            },
            "reasons": { "unused": 2, "blocked": 0 },
            "sample": answer["sample"],
        })
    );
    let mut sample = answer["sample"].as_array().unwrap().clone();
    sample.sort_by_key(|one| one["identity"].to_string());
    let last = json!({
        "identity": "8:acs:res_11",
        "lastIssuedAt": "2026-09-27T08:00:00.000Z",
        "blocked": false,
    });
    assert_eq!(sample[1], last);
    let kept = fixture.records.runs();
    assert_eq!(kept.len(), 1);
    assert_eq!((&*kept[0].id, kept[0].deleted), ("run-1", 2));
    assert!(kept[0].finished_at.is_some());
}

#[tokio::test]
async fn r34_a_braked_run_says_with_which_event_it_goes_through_once() {
    let now = CoreFixture::with([]).clock.now();
    let fixture = CoreFixture::with((0..60).map(|n| used(n, now - days(100))));
    let braked = invoke(&fixture, CleanupMode::Apply, event(&fixture, 0)).await.unwrap();
    assert_eq!((&braked["braked"], &braked["deleted"]), (&json!(true), &json!(0)));
    assert_eq!(fixture.acs.identities().len(), 60);
    let through = braked["letThrough"]["event"].clone();
    assert_eq!(
        through,
        json!({ "time": "2027-01-15T08:00:00.000Z", "mode": "apply", "allow": 60 })
    );
    let answer = invoke(&fixture, CleanupMode::Plan, through).await.unwrap();
    assert_eq!((&answer["braked"], &answer["deleted"]), (&json!(false), &json!(60)));
    assert_eq!(answer.get("letThrough"), None);
    assert_eq!(fixture.acs.identities(), []);
}

#[tokio::test]
async fn r33_a_run_ends_before_its_invocation_does() {
    let fixture = fixture();
    let mut context = Context::default();
    let deadline = fixture.clock.now() + Duration::from_secs(3);
    let since = deadline.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    context.deadline = since.as_millis().try_into().unwrap();
    let event = LambdaEvent { payload: event(&fixture, 0), context };
    let run =
        handle(&fixture.store, &fixture.acs, &fixture.clock, &settings(CleanupMode::Apply), event)
            .await;
    let answer = serde_json::to_value(run.unwrap()).unwrap();
    assert_eq!(answer["stopped"]["because"], "deadline");
    assert_eq!(fixture.acs.identities().len(), 12);
}

#[tokio::test]
async fn what_eventbridge_sends_is_understood() {
    for detail in [json!({}), json!("{}")] {
        let fixture = fixture();
        let envelope = json!({
            "version": "0",
            "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
            "detail-type": "Scheduled Event",
            "source": "aws.scheduler",
            "account": "123456789012",
            "region": "eu-west-1",
            "resources": ["arn:aws:scheduler:eu-west-1:123456789012:schedule/default/cleanup"],
            "detail": detail,
        });
        let answer = invoke(&fixture, CleanupMode::Plan, with(event(&fixture, 0), &envelope)).await;
        assert_eq!(answer.unwrap()["wouldDelete"], 2);
    }
}

#[tokio::test]
async fn an_event_that_is_not_ours_is_refused_before_anything_is_asked() {
    let time = "2027-01-15T08:00:00Z";
    for (event, message) in [
        (json!({}), "invalid event: missing `time`"),
        (json!({ "mode": "apply" }), "invalid event: missing `time`"),
        (json!({ "time": "now" }), "invalid event: `time` must be in RFC 3339"),
        (json!({ "time": "2027-01-15" }), "invalid event: `time` must be in RFC 3339"),
        (json!({ "time": 1_800_000_000 }), "invalid event: `time` must be in RFC 3339"),
        (json!({ "time": null }), "invalid event: `time` must be in RFC 3339"),
        (json!({ "time": time, "mode": "Apply" }), "invalid event: `mode` must be"),
        (json!({ "time": time, "mode": "" }), "invalid event: `mode` must be"),
        (json!({ "time": time, "mode": null }), "invalid event: `mode` must be"),
        (json!({ "time": time, "mode": true }), "invalid event: `mode` must be"),
        (json!({ "time": time, "allow": -1 }), "invalid event: `allow` must be a whole number"),
        (json!({ "time": time, "allow": "60" }), "invalid event: `allow` must be a whole number"),
        (json!({ "time": time, "alow": 60 }), "invalid event: unknown field `alow`"),
        (json!({ "time": time, "Records": [] }), "invalid event: unknown field `Records`"),
        (
            json!({ "time": time, "detail": { "mode": "apply" } }),
            "invalid event: `detail` must be empty",
        ),
        (json!([time]), "invalid event: not a JSON object"),
        (json!(null), "invalid event: not a JSON object"),
    ] {
        let fixture = fixture();
        let refused = invoke(&fixture, CleanupMode::Apply, event.clone()).await.unwrap_err();
        assert_eq!(refused.error_type, "BadEvent", "{event}");
        assert!(refused.error_message.starts_with(message), "{event}: {refused:?}");
        assert_eq!(fixture.store.calls(), [] as [StoreCall; 0], "{event}");
        assert_eq!(fixture.acs.calls(), [] as [ClientCall; 0], "{event}");
    }
}

#[tokio::test]
async fn a_store_that_fails_fails_the_invocation_and_says_so_in_one_line() {
    let fixture = fixture();
    fixture.store.lose(|call| (call == StoreCall::Count).then_some(Loss::Request));
    let mut context = Context::default();
    context.request_id = "run-1".to_owned();
    let event = LambdaEvent { payload: event(&fixture, 0), context };
    let failed =
        handle(&fixture.store, &fixture.acs, &fixture.clock, &settings(CleanupMode::Apply), event)
            .await;
    let error = failed.unwrap_err();
    let line = format!("{error:?}");
    assert!(line.starts_with("StoreUnavailable: the identity store is unavailable: "), "{line}");
    assert!(!line.contains('\n'), "{line}");
    assert_eq!(Diagnostic::from(error).error_type, "StoreUnavailable");
    assert_eq!(fixture.acs.calls(), [] as [ClientCall; 0]);
}
