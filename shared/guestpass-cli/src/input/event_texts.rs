//! Reads the messages in a file of events.

use serde_json::{Deserializer, Value};

use crate::report::{CliError, Result};

/// The messages in a text, each as its own text. The text has one or more JSON values, one after
/// the other: an event, an array of events, or a batch of messages from the queue. The lines of an
/// archive of events and the output of `events dead-letters` are such texts.
pub(crate) fn event_texts(text: &str) -> Result<Vec<String>> {
    let mut values = Deserializer::from_str(text).into_iter::<Value>();
    let mut messages = Vec::new();
    let mut start = 0;
    while let Some(value) = values.next() {
        let value = value.map_err(|error| match error.line() {
            0 | 1 => invalid("it is not JSON"),
            line => invalid(&format!("line {line} is not JSON")),
        })?;
        let end = values.byte_offset();
        messages.extend(of_value(value, text.get(start..end).unwrap_or_default().trim())?);
        start = end;
    }
    Ok(messages)
}

fn of_value(value: Value, text: &str) -> Result<Vec<String>> {
    let list = match value {
        Value::Array(list) => list,
        Value::Object(mut object) => {
            match object.remove("Records").or_else(|| object.remove("messages")) {
                Some(Value::Array(list)) => list,
                // The text is kept as it is.
                _ => match object.get("body").and_then(Value::as_str) {
                    Some(body) => return Ok(vec![body.to_owned()]),
                    None => return Ok(vec![text.to_owned()]),
                },
            }
        }
        _ => return Err(invalid("it is neither an object nor a list of them")),
    };
    if list.is_empty() {
        return Err(invalid("the list is empty"));
    }
    if !list.iter().all(Value::is_object) {
        return Err(invalid("not all in the list are objects"));
    }
    let text = |message: Value| match message.get("body").and_then(Value::as_str) {
        Some(body) => body.to_owned(),
        None => message.to_string(),
    };
    Ok(list.into_iter().map(text).collect())
}

fn invalid(why: &str) -> CliError {
    CliError::usage("invalid event").because(why).hint(
        "give what EventBridge delivers: {\"source\": …, \"detail-type\": …, \"detail\": {…}}",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_one_or_more_messages_in_each_form() {
        let one = r#"{"source":"s", "n":1}"#;
        let letter = r#"{"messageId":"m","body":"{\"source\": \"b\"}"}"#;
        let body = r#"{"source": "b"}"#;
        for (text, expected) in [
            (format!(" {one}\n"), vec![one]),
            // Amazon Data Firehose writes no line breaks between events.
            (format!("{one}{one}"), vec![one, one]),
            (format!("{one}\n\n{one}\n{letter}"), vec![one, one, body]),
            (format!("[{letter},{letter}]"), vec![body, body]),
            (format!("{{\"Records\":[{letter}]}}{one}"), vec![body, one]),
        ] {
            assert_eq!(event_texts(&text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn an_invalid_text_is_refused_with_its_line() {
        for (text, why) in [
            ("no JSON", "it is not JSON"),
            ("{}\n{}\n{\"source\":", "line 3 is not JSON"),
            ("{}\n3", "neither an object nor a list"),
            ("[]", "the list is empty"),
            ("[{}, 3]", "not all in the list"),
        ] {
            let refused = event_texts(text).unwrap_err().in_short();
            assert!(refused.contains(why), "{text}: {refused}");
        }
    }
}
