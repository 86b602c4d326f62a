//! `guestpass events dead-letters`

use identity_core::ports::Clock as _;

use crate::commands::CommandContext;
use crate::jobs::{DeadLetter, dead_letters};
use crate::options::EventsDeadLettersArguments;
use crate::report::{Result, Row, note, timestamp};
use crate::service::{QueueRole, SqsQueue};

impl Row for DeadLetter {
    const COLUMNS: &'static [&'static str] = &["message", "sent", "deliveries", "says"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.id.clone(),
            timestamp::format(self.sent_at),
            self.deliveries.to_string(),
            self.says.clone(),
        ]
    }
}

/// Lists the dead letters, the oldest first.
pub(crate) async fn run(
    arguments: EventsDeadLettersArguments,
    context: &CommandContext,
) -> Result<()> {
    let target = context.target().await?;
    let queue =
        SqsQueue::of(&target, QueueRole::DeadLetters, arguments.queue, &context.environment);
    let since = arguments.since.map(|since| since.at(target.clock.now()));
    let is_listed = |letter: &DeadLetter| {
        let contains = |part: &String| letter.id.contains(part) || letter.says.contains(part);
        since.is_none_or(|since| letter.sent_at >= since)
            && arguments.matching.as_ref().is_none_or(contains)
    };
    let (letters, is_cut) = dead_letters(&queue.await?, is_listed, arguments.limit).await?;
    let mut rows = context.rows(&target.clock)?;
    letters.into_iter().try_for_each(|letter| rows.push(letter))?;
    rows.finish()?;
    if is_cut {
        note("there are more: give a larger --limit");
    }
    Ok(())
}
