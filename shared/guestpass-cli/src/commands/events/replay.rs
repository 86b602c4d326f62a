//! `guestpass events replay`

use std::path::Path;
use std::time::SystemTime;

use identity_core::ports::Clock as _;
use identity_events::{EventSettings, HEARD_AT};
use serde::Serialize;
use serde_json::Value;

use crate::commands::CommandContext;
use crate::commands::events::explanation::{EventExplanation, explain};
use crate::commands::events::settings::settings;
use crate::input::{event_texts, long_text_in};
use crate::jobs::DeadLetterReader;
use crate::options::EventsReplayArguments;
use crate::report::{CliError, Exit, Result, Row, Rows, note, timestamp};
use crate::service::{QueueRole, ServiceSession, SqsQueue};

/// Shows what events would do, and sends them to the function again.
pub(crate) async fn run(arguments: EventsReplayArguments, context: &CommandContext) -> Result<()> {
    let session = context.session().await?;
    let settings = settings(arguments.settings, context, Some(&session.target))?;
    let since = arguments.since.map(|since| since.at(session.clock.now()));
    let (target, environment) = (&session.target, &context.environment);
    let events = if arguments.apply {
        Some(SqsQueue::of(target, QueueRole::Events, arguments.to, environment).await?)
    } else {
        None
    };
    let rows = context.rows(&session.clock)?;
    let mut replay =
        EventReplay { session: &session, settings, since, events, rows, sent: 0, kept: 0 };
    let outcome = if let Some(file) = &arguments.file {
        replay.archive(file).await
    } else {
        let queue = SqsQueue::of(target, QueueRole::DeadLetters, arguments.queue, environment);
        replay.dead_letters(&queue.await?).await
    };
    replay.finish(outcome)
}

/// A run of the command.
struct EventReplay<'a> {
    session: &'a ServiceSession,
    settings: EventSettings,
    since: Option<SystemTime>,
    /// The queue of the function; `None` if events are only explained.
    events: Option<SqsQueue>,
    rows: Rows<ReplayedEvent>,
    sent: usize,
    kept: usize,
}

impl EventReplay<'_> {
    async fn dead_letters(&mut self, queue: &SqsQueue) -> Result<()> {
        if self.events.as_ref().is_some_and(|events| events.is_same(queue)) {
            return Err(CliError::usage("--queue and --to name the same queue")
                .because("the messages would never end")
                .hint("give the output `EventQueueUrl` of the deployed stack as --to"));
        }
        let mut reader = DeadLetterReader::new(queue);
        let outcome = self.read_dead_letters(&mut reader).await;
        reader.release().await;
        outcome
    }

    async fn read_dead_letters(&mut self, reader: &mut DeadLetterReader<'_>) -> Result<()> {
        loop {
            let letters = reader.next().await?;
            if letters.is_empty() {
                return Ok(());
            }
            for letter in letters {
                if self.since.is_some_and(|since| letter.sent_at < since) {
                    continue;
                }
                let body = heard_at(&letter.body, letter.sent_at);
                let explained = self.explain(&body).await?;
                let result = self.plan(&explained);
                if let (Some(events), ReplayResult::Sent) = (&self.events, result) {
                    reader.move_to(events, &letter, &body).await?;
                }
                self.report(explained, Some(letter.sent_at), result)?;
            }
        }
    }

    async fn archive(&mut self, file: &Path) -> Result<()> {
        for text in event_texts(&long_text_in(file, "the events")?)? {
            let sent_at = sent_at(&text);
            // An event without a time is replayed: one too many changes nothing.
            if sent_at.zip(self.since).is_some_and(|(sent_at, since)| sent_at < since) {
                continue;
            }
            let text = match sent_at {
                Some(sent_at) => heard_at(&text, sent_at),
                None => text,
            };
            let explained = self.explain(&text).await?;
            let result = self.plan(&explained);
            if let (Some(events), ReplayResult::Sent) = (&self.events, result) {
                events.send(&text).await?;
            }
            self.report(explained, sent_at, result)?;
        }
        Ok(())
    }

    async fn explain(&self, text: &str) -> Result<Vec<EventExplanation>> {
        explain(text, &self.settings, Some(self.session)).await
    }

    /// A message that would fail is not sent: it would only raise an alarm.
    fn plan(&self, explained: &[EventExplanation]) -> ReplayResult {
        match (&self.events, explained.iter().any(|event| event.fails)) {
            (_, true) => ReplayResult::Kept,
            (Some(_), false) => ReplayResult::Sent,
            (None, false) => ReplayResult::Shown,
        }
    }

    fn report(
        &mut self,
        explained: Vec<EventExplanation>,
        sent_at: Option<SystemTime>,
        result: ReplayResult,
    ) -> Result<()> {
        let sent_at = sent_at.map(timestamp::format);
        self.sent += usize::from(result == ReplayResult::Sent);
        self.kept += usize::from(result == ReplayResult::Kept);
        explained.into_iter().try_for_each(|explanation| {
            self.rows.push(ReplayedEvent { sent_at: sent_at.clone(), explanation, result })
        })
    }

    /// Prints the rest, also after an error.
    fn finish(self, outcome: Result<()>) -> Result<()> {
        self.rows.finish()?;
        if self.events.is_some() && (outcome.is_err() || self.sent > 0) {
            note(&format!("sent to the queue of the function: {}", self.sent));
        }
        if outcome.is_err() && self.events.is_some() {
            note("no message is lost: fix the error, and run the command again");
        }
        outcome?;
        if self.events.is_some() && self.kept > 0 {
            return Err(CliError::new(Exit::Partly, format!("not sent: {}", self.kept))
                .because("they would fail again")
                .hint(
                    "fix what the column `why` names; `guestpass user block ID` cuts a user off",
                ));
        }
        Ok(())
    }
}

/// An event, and what was done with its message.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReplayedEvent {
    #[serde(skip_serializing_if = "Option::is_none")]
    sent_at: Option<String>,
    #[serde(flatten)]
    explanation: EventExplanation,
    result: ReplayResult,
}

/// What was done with a message.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum ReplayResult {
    /// Only explained: `--apply` would send it.
    Shown,
    /// Sent to the function.
    Sent,
    /// Left where it is: it would fail.
    Kept,
}

impl Row for ReplayedEvent {
    const COLUMNS: &'static [&'static str] =
        &["result", "sent", "source", "event", "subject", "would", "why"];

    fn cells(&self) -> Vec<String> {
        let result = match self.result {
            ReplayResult::Shown => "shown",
            ReplayResult::Sent => "sent",
            ReplayResult::Kept => "kept",
        };
        let EventExplanation { source, event, subject, would, why, .. } = &self.explanation;
        vec![
            result.to_owned(),
            self.sent_at.clone().unwrap_or_default(),
            source.clone(),
            event.unwrap_or_default().to_owned(),
            subject.clone().unwrap_or_default(),
            would.clone(),
            why.clone(),
        ]
    }
}

/// When the event was sent, as EventBridge says it.
fn sent_at(text: &str) -> Option<SystemTime> {
    let event: Value = serde_json::from_str(text).ok()?;
    timestamp::parse(event.get("time")?.as_str()?)
}

/// The message with the time at which it was heard first, unless it has one. So an event that was
/// applied counts as it did then, and changes nothing.
fn heard_at(text: &str, time: SystemTime) -> String {
    let Ok(Value::Object(mut event)) = serde_json::from_str(text) else { return text.to_owned() };
    event.entry(HEARD_AT).or_insert_with(|| timestamp::format(time).into());
    Value::Object(event).to_string()
}
