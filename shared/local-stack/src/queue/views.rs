//! What the control API shows of the queues, and the redrive.

use serde_json::{Value, json};

use super::recent::MessageOutcome;
use super::{QueueMessage, Queues};
use crate::clock::{from_ms, rfc3339};
use crate::template::QueueSpec;

impl Queues {
    /// For each queue its name, the number of messages in each state, the age of the oldest
    /// message, and the queues whose dead letters it receives.
    pub(crate) fn overview(&self) -> Vec<Value> {
        let now = self.clock.now_ms();
        let mut state = self.lock();
        let mut overview = Vec::new();
        for queue in &self.settings {
            self.expire(&mut state, &queue.name, now);
            let (mut visible, mut in_flight, mut delayed, mut oldest) = (0, 0, 0, None::<i64>);
            for message in state.messages(&queue.name) {
                match (message.visible_at > now, &message.receipt) {
                    (false, _) => visible += 1,
                    (true, Some(_)) => in_flight += 1,
                    (true, None) => delayed += 1,
                }
                oldest = Some(oldest.map_or(message.sent_at, |at| at.min(message.sent_at)));
            }
            overview.push(json!({
                "name": queue.name,
                "visible": visible,
                "inFlight": in_flight,
                "delayed": delayed,
                "oldestAgeSeconds": oldest.map(|at| (now - at).max(0) / 1000),
                "isDeadLetterQueueOf": self.sources(&queue.name),
            }));
        }
        overview
    }

    /// The messages of a queue, oldest first; `None` if the queue does not exist.
    pub(crate) fn messages(&self, queue: &str) -> Option<Vec<Value>> {
        self.settings(queue)?;
        let now = self.clock.now_ms();
        let mut state = self.lock();
        self.expire(&mut state, queue, now);
        let messages = state.messages(queue).map(|message| {
            json!({
                "messageId": message.id,
                "body": message.body,
                "receiveCount": message.receives,
                "sentAt": rfc3339(from_ms(message.sent_at)),
                "visibleAt": rfc3339(from_ms(message.visible_at)),
                "inFlight": message.visible_at > now && message.receipt.is_some(),
            })
        });
        Some(messages.collect())
    }

    /// Sends the dead letters of a queue back to their source queues, as new messages, and returns
    /// their number. The error says why this is not possible.
    pub(crate) fn redrive(&self, queue: &str) -> Result<usize, String> {
        let source = match self.sources(queue).as_slice() {
            [source] => source.clone(),
            [] => return Err(format!("{queue} is not a dead-letter queue")),
            _ => {
                return Err(format!(
                    "{queue} is the dead-letter queue of several queues: cannot redrive"
                ));
            }
        };
        let now = self.clock.now_ms();
        let mut state = self.lock();
        self.expire(&mut state, queue, now);
        let letters: Vec<QueueMessage> = state.messages(queue).cloned().collect();
        for letter in &letters {
            let again = QueueMessage::new(letter.body.clone(), now, now);
            state.add(&source, again).map_err(|error| error.to_string())?;
            state.remove(queue, &letter.id);
        }
        drop(state);
        self.changed.send_replace(());
        Ok(letters.len())
    }

    /// The queues whose dead letters `queue` receives.
    fn sources(&self, queue: &str) -> Vec<String> {
        let is_source = |source: &&QueueSpec| {
            source.redrive.as_ref().is_some_and(|redrive| redrive.dead_letters == queue)
        };
        self.settings.iter().filter(is_source).map(|source| source.name.clone()).collect()
    }

    /// The latest messages and what happened to them, newest first.
    pub(crate) fn recent(&self) -> Vec<Value> {
        self.lock().recent.to_json()
    }

    /// Remembers an event that no rule matches.
    pub(crate) fn note_unmatched(&self, id: &str, body: &str) {
        let now = self.clock.now_ms();
        self.lock().recent.add(id, None, body, now, MessageOutcome::NoRule);
    }
}
