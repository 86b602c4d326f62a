//! SQS as its consumer functions see it: at-least-once delivery, visibility timeout, maximum
//! receive count, dead letters and retention.

mod journal;
mod mapping;
mod message;
mod recent;
mod sqs_api;
mod views;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub use journal::JournalError;
use journal::{Contents, QueueJournal};
pub(crate) use mapping::{QueueSource, poll};
pub(crate) use message::QueueMessage;
use recent::{MessageOutcome, RecentMessages};
pub(crate) use sqs_api::{SQS_PATH, router};
use tokio::sync::watch;
use uuid::Uuid;

use crate::clock::StackClock;
use crate::output::say;
use crate::template::QueueSpec;

/// The queues of a stack.
pub(crate) struct Queues {
    settings: Vec<QueueSpec>,
    state: Mutex<QueueState>,
    /// Wakes the consumers that wait for a message.
    changed: watch::Sender<()>,
    clock: Arc<StackClock>,
}

struct QueueState {
    contents: Contents,
    journal: Option<QueueJournal>,
    recent: RecentMessages,
}

impl Queues {
    /// The queues, with the messages from `journal`.
    pub(crate) fn open(
        settings: Vec<QueueSpec>,
        journal: Option<PathBuf>,
        clock: Arc<StackClock>,
    ) -> Result<Arc<Self>, JournalError> {
        let (journal, contents) = match journal {
            Some(path) => {
                QueueJournal::open(path).map(|(journal, found)| (Some(journal), found))?
            }
            None => (None, Contents::new()),
        };
        let state = Mutex::new(QueueState { contents, journal, recent: RecentMessages::default() });
        Ok(Arc::new(Self { settings, state, changed: watch::Sender::new(()), clock }))
    }

    /// Adds a message to `queue`, and returns its ID. The message is stored when this returns.
    pub(crate) fn send(&self, queue: &str, body: String) -> Result<String, JournalError> {
        let now = self.clock.now_ms();
        let delay = self.settings(queue).map_or(Duration::ZERO, |settings| settings.delay);
        let message = QueueMessage::new(body, now, now.saturating_add(ms(delay)));
        let id = message.id.clone();
        self.lock().add(queue, message)?;
        self.changed.send_replace(());
        Ok(id)
    }

    /// Waits for messages and receives up to `most` of them: when there are as many, or when the
    /// first of them has waited for `window`.
    pub(crate) async fn receive(
        &self,
        queue: &str,
        most: usize,
        window: Duration,
    ) -> Vec<QueueMessage> {
        let mut changed = self.changed.subscribe();
        let mut full_by = None;
        loop {
            changed.mark_unchanged();
            let now = self.clock.now_ms();
            let (ready, next) = self.ready(queue, now);
            let until = if ready == 0 {
                full_by = None;
                next
            } else {
                let full_by = *full_by.get_or_insert(now.saturating_add(ms(window)));
                if ready >= most || now >= full_by {
                    let batch = self.take(queue, most, None);
                    if !batch.is_empty() {
                        return batch;
                    }
                    // All of them were moved to the dead-letter queue.
                    continue;
                }
                Some(full_by)
            };
            tokio::select! {
                () = self.clock.sleep_until(until) => {}
                // The queues own the sender, so there is always a next change.
                _ = changed.changed() => {}
            }
        }
    }

    /// Deletes messages by their receipt handles. An older handle than the newest deletes nothing,
    /// because another receive is processing the message.
    pub(crate) fn delete(&self, queue: &str, receipts: &[String]) {
        let mut state = self.lock();
        let done = state.remove_where(queue, |message| {
            message.receipt.as_ref().is_some_and(|receipt| receipts.contains(receipt))
        });
        for id in done {
            state.recent.ended(&id, MessageOutcome::Done);
        }
    }

    /// Hides received messages for `hidden` from now on, by their newest receipt handles.
    fn hide(&self, queue: &str, receipts: &[String], hidden: Duration) {
        let visible_at = self.clock.now_ms().saturating_add(ms(hidden));
        let mut state = self.lock();
        let of_receipts = |message: &&QueueMessage| {
            message.receipt.as_ref().is_some_and(|receipt| receipts.contains(receipt))
        };
        let found: Vec<_> = state.messages(queue).filter(of_receipts).cloned().collect();
        for message in found {
            state.put(queue, QueueMessage { visible_at, ..message });
        }
        drop(state);
        self.changed.send_replace(());
    }

    /// The number of visible messages, and when there may be more.
    fn ready(&self, queue: &str, now: i64) -> (usize, Option<i64>) {
        let mut state = self.lock();
        self.expire(&mut state, queue, now);
        let ready = state.messages(queue).filter(|message| message.visible_at <= now).count();
        let hidden = state.messages(queue).map(|m| m.visible_at).filter(|at| *at > now);
        (ready, hidden.min())
    }

    /// Receives up to `most` of the visible messages. They are hidden for `hidden`, or for as long
    /// as the queue says.
    fn take(&self, queue: &str, most: usize, hidden: Option<Duration>) -> Vec<QueueMessage> {
        let Some(settings) = self.settings(queue) else { return Vec::new() };
        let now = self.clock.now_ms();
        let hidden = hidden.unwrap_or(settings.visibility);
        let mut state = self.lock();
        self.expire(&mut state, queue, now);
        let visible = state.messages(queue).filter(|message| message.visible_at <= now);
        let visible: Vec<QueueMessage> = visible.take(most).cloned().collect();
        let mut batch = Vec::new();
        for mut message in visible {
            if let Some(redrive) = &settings.redrive
                && message.receives >= redrive.max_receives
            {
                // Id, body and send time are kept, so the retention is not restarted.
                let letter = QueueMessage { receipt: None, visible_at: now, ..message.clone() };
                if state.put(&redrive.dead_letters, letter) {
                    state.remove(queue, &message.id);
                } else {
                    // After a restart, it is where the journal has it.
                    state.forget(queue, &message.id);
                }
                state.recent.ended(&message.id, MessageOutcome::DeadLetter);
                self.changed.send_replace(());
                say(format_args!(
                    "{queue}: moved a message to {} after {} receives without success",
                    redrive.dead_letters, message.receives
                ));
            } else {
                message.receives += 1;
                message.first_received_at.get_or_insert(now);
                message.visible_at = now.saturating_add(ms(hidden));
                message.receipt = Some(Uuid::new_v4().to_string());
                state.put(queue, message.clone());
                state.recent.received(&message.id);
                batch.push(message);
            }
        }
        batch
    }

    fn settings(&self, queue: &str) -> Option<&QueueSpec> {
        self.settings.iter().find(|settings| settings.name == queue)
    }

    /// Deletes the messages whose retention has ended.
    fn expire(&self, state: &mut QueueState, queue: &str, now: i64) {
        let Some(settings) = self.settings(queue) else { return };
        let oldest = now.saturating_sub(ms(settings.retention));
        for id in state.remove_where(queue, |message| message.sent_at <= oldest) {
            state.recent.ended(&id, MessageOutcome::Expired);
        }
    }

    /// The data behind this lock is consistent whenever the lock is free.
    fn lock(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl QueueState {
    fn messages(&self, queue: &str) -> impl Iterator<Item = &QueueMessage> {
        self.contents.get(queue).into_iter().flatten()
    }

    /// Adds or replaces a message, and returns whether the journal has it. If it cannot be written,
    /// the message changes in memory: otherwise a receive would not count, or a message would be lost.
    fn put(&mut self, queue: &str, message: QueueMessage) -> bool {
        let stored = self.store(queue, &message);
        let is_stored = stored.is_ok();
        note(stored);
        self.keep(queue, message);
        is_stored
    }

    fn store(&mut self, queue: &str, message: &QueueMessage) -> Result<(), JournalError> {
        match &mut self.journal {
            Some(journal) => journal.append(queue, &message.id, Some(message)),
            None => Ok(()),
        }
    }

    fn keep(&mut self, queue: &str, message: QueueMessage) {
        let messages = self.contents.entry(queue.to_owned()).or_default();
        match messages.iter_mut().find(|known| known.id == message.id) {
            Some(known) => *known = message,
            None => messages.push(message),
        }
        self.compact();
    }

    /// Adds a new message. If the journal cannot be written, the message is refused: its sender can
    /// send it again.
    fn add(&mut self, queue: &str, message: QueueMessage) -> Result<(), JournalError> {
        let (id, body, at) = (message.id.clone(), message.body.clone(), message.sent_at);
        self.store(queue, &message)?;
        self.keep(queue, message);
        self.recent.add(&id, Some(queue), &body, at, MessageOutcome::Waiting);
        Ok(())
    }

    /// Removes messages, and returns their ids.
    fn remove_where(
        &mut self,
        queue: &str,
        is_over: impl Fn(&QueueMessage) -> bool,
    ) -> Vec<String> {
        let over = self.messages(queue).filter(|message| is_over(message));
        let over: Vec<_> = over.map(|message| message.id.clone()).collect();
        for id in &over {
            self.remove(queue, id);
        }
        over
    }

    fn remove(&mut self, queue: &str, id: &str) {
        if let Some(journal) = &mut self.journal {
            // The message may be delivered again after a restart, which at-least-once delivery
            // allows.
            note(journal.append(queue, id, None));
        }
        self.forget(queue, id);
    }

    fn forget(&mut self, queue: &str, id: &str) {
        if let Some(messages) = self.contents.get_mut(queue) {
            messages.retain(|message| message.id != id);
        }
        self.compact();
    }

    fn compact(&mut self) {
        let live = self.contents.values().map(Vec::len).sum();
        if let Some(journal) = self.journal.as_mut().filter(|journal| journal.is_stale(live)) {
            note(journal.compact(&self.contents));
        }
    }
}

/// Reports that a change was not stored; the queue continues in memory.
fn note(outcome: Result<(), JournalError>) {
    if let Err(error) = outcome {
        say(error);
    }
}

fn ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
