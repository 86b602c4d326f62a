//! The event with which Azure Event Grid checks that a webhook wants its events.

use serde::Deserialize;

/// Event Grid wants to send the events of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicValidation {
    /// The resource id of the topic. Event Grid itself writes it.
    pub topic: String,
    /// What the answer must contain as `validationResponse`: letters, digits and hyphens.
    pub code: String,
}

/// The body is not one `Microsoft.EventGrid.SubscriptionValidationEvent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the body is not one Microsoft.EventGrid.SubscriptionValidationEvent")]
pub struct InvalidTopicValidation;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ValidationEvent {
    topic: String,
    event_type: String,
    data: ValidationData,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ValidationData {
    validation_code: String,
}

impl TopicValidation {
    /// Reads a body of Event Grid's own schema: an array with one event.
    ///
    /// # Errors
    /// The body is anything else, or its code is too long or not plain.
    pub fn read(body: &[u8]) -> Result<Self, InvalidTopicValidation> {
        let [event]: [ValidationEvent; 1] =
            serde_json::from_slice(body).map_err(|_| InvalidTopicValidation)?;
        let code = event.data.validation_code;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        let is_code = (1..=LONGEST_CODE).contains(&code.len()) && code.bytes().all(is_plain);
        if event.event_type != VALIDATION || !is_code {
            return Err(InvalidTopicValidation);
        }
        Ok(Self { topic: event.topic, code })
    }
}

const VALIDATION: &str = "Microsoft.EventGrid.SubscriptionValidationEvent";

/// Event Grid's codes are GUIDs of 36 characters.
const LONGEST_CODE: usize = 128;

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const TOPIC: &str =
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.EventGrid/partnerTopics/t";

    fn event() -> Value {
        json!({
            "id": "2d1781af-3a4c-4d7c-bd0c-e34b19da4e66",
            "topic": TOPIC,
            "subject": "",
            "data": { "validationCode": "512d38b6-c7b8-40c8", "validationUrl": "https://x.example" },
            "eventType": VALIDATION,
            "eventTime": "2026-01-25T22:12:19.4556811Z",
            "metadataVersion": "1",
            "dataVersion": "2",
        })
    }

    fn read(body: &Value) -> Result<TopicValidation, InvalidTopicValidation> {
        TopicValidation::read(body.to_string().as_bytes())
    }

    #[test]
    fn the_topic_and_the_code_are_read() {
        let code = "512d38b6-c7b8-40c8".to_owned();
        let expected = TopicValidation { topic: TOPIC.to_owned(), code };
        assert_eq!(read(&json!([event()])), Ok(expected));
    }

    #[test]
    fn a_code_that_is_too_long_or_not_plain_is_refused() {
        let with = |code: &str| {
            let mut changed = event();
            changed["data"]["validationCode"] = json!(code);
            read(&json!([changed])).is_ok()
        };
        assert!(with(&"x".repeat(128)));
        for code in [&"x".repeat(129), "", "a b", "<b>", "a\"", "a\u{e9}", "a_b"] {
            assert!(!with(code), "{code}");
        }
    }

    #[test]
    fn another_body_is_refused() {
        let without = |name: &str| {
            let mut changed = event();
            changed.as_object_mut().unwrap().remove(name);
            json!([changed])
        };
        let mut other = event();
        other["eventType"] = json!("Microsoft.Graph.UserUpdated");
        for body in [
            without("topic"),
            without("eventType"),
            without("data"),
            json!([other]),
            json!([event(), event()]),
            json!([]),
            event(),
        ] {
            assert_eq!(read(&body), Err(InvalidTopicValidation), "{body}");
        }
        assert_eq!(TopicValidation::read(b"["), Err(InvalidTopicValidation));
    }
}
