//! What happened to the latest messages, for the console.

use std::collections::VecDeque;

use serde_json::{Value, json};

/// How many messages are remembered.
const MOST: usize = 100;

/// The members of an event that name its user, in the order in which they are looked for.
const USER_MEMBERS: [&str; 8] =
    ["externalId", "subject", "acsId", "sub", "user_id", "username", "userName", "alternateId"];

/// The latest messages, newest first.
#[derive(Default)]
pub(super) struct RecentMessages(VecDeque<RecentMessage>);

struct RecentMessage {
    id: String,
    queue: Option<String>,
    at: i64,
    source: String,
    kind: String,
    user: String,
    receives: u32,
    outcome: MessageOutcome,
}

/// What happened to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MessageOutcome {
    /// It is in its queue.
    Waiting,
    /// A consumer has finished it.
    Done,
    /// No consumer could finish it.
    DeadLetter,
    /// Its retention ended before a consumer finished it.
    Expired,
    /// No rule of the bus matches it.
    NoRule,
}

impl MessageOutcome {
    fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Done => "done",
            Self::DeadLetter => "dead-letter",
            Self::Expired => "expired",
            Self::NoRule => "no-rule",
        }
    }
}

impl RecentMessages {
    /// Remembers a message, or an event without a queue.
    pub(super) fn add(
        &mut self,
        id: &str,
        queue: Option<&str>,
        body: &str,
        at: i64,
        outcome: MessageOutcome,
    ) {
        let event: Value = serde_json::from_str(body).unwrap_or_default();
        let text =
            |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        self.0.truncate(MOST - 1);
        self.0.push_front(RecentMessage {
            id: id.to_owned(),
            queue: queue.map(str::to_owned),
            at,
            source: text("source"),
            kind: text("detail-type"),
            user: event.get("detail").and_then(user_of).unwrap_or_default(),
            receives: 0,
            outcome,
        });
    }

    pub(super) fn received(&mut self, id: &str) {
        if let Some(message) = self.find(id) {
            message.receives += 1;
        }
    }

    pub(super) fn ended(&mut self, id: &str, outcome: MessageOutcome) {
        if let Some(message) = self.find(id) {
            message.outcome = outcome;
        }
    }

    fn find(&mut self, id: &str) -> Option<&mut RecentMessage> {
        self.0.iter_mut().find(|message| message.id == id)
    }

    pub(super) fn to_json(&self) -> Vec<Value> {
        let shown = self.0.iter().map(|message| {
            json!({
                "id": message.id, "queue": message.queue, "at": message.at,
                "source": message.source, "type": message.kind, "user": message.user,
                "receives": message.receives, "outcome": message.outcome.name(),
            })
        });
        shown.collect()
    }
}

/// The user whom an event concerns. Every source names it in another member, at some depth.
fn user_of(detail: &Value) -> Option<String> {
    let members = detail.as_object()?;
    let named = USER_MEMBERS.iter().find_map(|name| members.get(*name)?.as_str());
    named.map(str::to_owned).or_else(|| members.values().find_map(user_of))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_shown_with_its_user_and_what_became_of_it() {
        let mut recent = RecentMessages::default();
        let body = r#"{"source":"s","detail-type":"user.disabled","detail":{"data":{"user_id":"auth0|1"}}}"#;
        recent.add("1", Some("Q"), body, 5, MessageOutcome::Waiting);
        recent.received("1");
        recent.ended("1", MessageOutcome::Done);
        recent.add("2", None, "not JSON", 6, MessageOutcome::NoRule);
        let shown = recent.to_json();
        assert_eq!((&shown[0]["id"], &shown[0]["outcome"]), (&json!("2"), &json!("no-rule")));
        assert_eq!(
            shown[1],
            json!({
                "id": "1", "queue": "Q", "at": 5, "source": "s", "type": "user.disabled",
                "user": "auth0|1", "receives": 1, "outcome": "done",
            })
        );
        for number in 0..200 {
            recent.add(&number.to_string(), None, "{}", 7, MessageOutcome::NoRule);
        }
        assert_eq!(recent.to_json().len(), MOST);
    }
}
