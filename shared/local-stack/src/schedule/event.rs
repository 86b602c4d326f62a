//! The event that a schedule sends to its function.

use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::arn::{self, ACCOUNT, REGION};
use crate::clock::rfc3339;
use crate::template::{ScheduleSpec, Scheduler};

/// The event for the time `scheduled`, in which `over` replaces members of the input.
pub(super) fn event(
    schedule: &ScheduleSpec,
    scheduled: OffsetDateTime,
    over: Option<Map<String, Value>>,
) -> Result<Value, String> {
    let mut event = match &schedule.input {
        Some(input) => {
            let input = match schedule.scheduler {
                Scheduler::Scheduler => {
                    replace_keywords(input, &arn(schedule), &rfc3339(scheduled))
                }
                // A rule sends its input unchanged.
                Scheduler::Rule => input.clone(),
            };
            serde_json::from_str(&input)
                .map_err(|error| format!("the input is not JSON: {error}"))?
        }
        None => default_event(schedule, scheduled),
    };
    if let Some(over) = over {
        match &mut event {
            Value::Object(members) => members.extend(over),
            _ => {
                return Err(
                    "cannot merge `input`: the schedule's own input is not an object".to_owned()
                );
            }
        }
    }
    Ok(event)
}

/// Whether an input is JSON after its keywords are replaced.
pub(super) fn is_json(input: &str) -> bool {
    serde_json::from_str::<Value>(&replace_keywords(input, "arn", "1970-01-01T00:00:00Z")).is_ok()
}

/// Replaces EventBridge Scheduler's keywords.
fn replace_keywords(input: &str, arn: &str, time: &str) -> String {
    let execution = Uuid::new_v4().simple().to_string();
    input
        .replace("<aws.scheduler.schedule-arn>", arn)
        .replace("<aws.scheduler.scheduled-time>", time)
        .replace("<aws.scheduler.execution-id>", execution.get(..16).unwrap_or_default())
        // The stack does not retry.
        .replace("<aws.scheduler.attempt-number>", "1")
}

/// The event that is sent without an input. It has only the scheduled time.
fn default_event(schedule: &ScheduleSpec, scheduled: OffsetDateTime) -> Value {
    let (source, detail) = match schedule.scheduler {
        // EventBridge Scheduler sends the detail as text.
        Scheduler::Scheduler => ("aws.scheduler", json!("{}")),
        Scheduler::Rule => ("aws.events", json!({})),
    };
    json!({
        "version": "0",
        "id": Uuid::new_v4().to_string(),
        "detail-type": "Scheduled Event",
        "source": source,
        "account": ACCOUNT,
        "time": rfc3339(scheduled),
        "region": REGION,
        "resources": [arn(schedule)],
        "detail": detail,
    })
}

fn arn(schedule: &ScheduleSpec) -> String {
    let name = &schedule.name;
    match schedule.scheduler {
        Scheduler::Scheduler => arn::arn("scheduler", &format!("schedule/default/{name}")),
        Scheduler::Rule => arn::arn("events", &format!("rule/{name}")),
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const TIME: OffsetDateTime = datetime!(2026-05-06 07:08:09.5 UTC);

    fn schedule(scheduler: Scheduler, input: Option<&str>) -> ScheduleSpec {
        ScheduleSpec {
            name: "S".to_owned(),
            scheduler,
            expression: "rate(1 hour)".to_owned(),
            input: input.map(str::to_owned),
            enabled: true,
            path: "here".to_owned(),
        }
    }

    #[test]
    fn keywords_are_replaced_and_members_are_overridden() {
        let input = r#"{"time":"<aws.scheduler.scheduled-time>","n":<aws.scheduler.attempt-number>,
            "id":"<aws.scheduler.execution-id>","arn":"<aws.scheduler.schedule-arn>"}"#;
        assert!(is_json(input));
        let over = json!({ "mode": "plan", "id": 5 }).as_object().cloned();
        let event = event(&schedule(Scheduler::Scheduler, Some(input)), TIME, over).unwrap();
        let arn = "arn:aws:scheduler:local:000000000000:schedule/default/S";
        let expected =
            json!({ "time": "2026-05-06T07:08:09Z", "n": 1, "id": 5, "arn": arn, "mode": "plan" });
        assert_eq!(event, expected);
    }

    #[test]
    fn without_an_input_the_event_is_that_of_the_scheduling_service() {
        let scheduler = event(&schedule(Scheduler::Scheduler, None), TIME, None).unwrap();
        assert_eq!(
            (scheduler["source"].as_str(), &scheduler["detail"]),
            (Some("aws.scheduler"), &json!("{}"))
        );
        let rule = event(&schedule(Scheduler::Rule, None), TIME, None).unwrap();
        assert_eq!((rule["source"].as_str(), &rule["detail"]), (Some("aws.events"), &json!({})));
        for event in [scheduler, rule] {
            assert_eq!(event["detail-type"], "Scheduled Event");
            assert_eq!(event["time"], "2026-05-06T07:08:09Z");
        }
    }

    #[test]
    fn members_cannot_override_an_input_that_is_not_an_object() {
        let over = Some(Map::new());
        assert!(event(&schedule(Scheduler::Rule, Some("[]")), TIME, over).is_err());
        assert_eq!(event(&schedule(Scheduler::Rule, Some("[]")), TIME, None), Ok(json!([])));
        assert!(!is_json("{"));
    }
}
