//! `guestpass events dead-letters`

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

/// Lists the dead letters.
pub(crate) async fn run(
    arguments: EventsDeadLettersArguments,
    context: &CommandContext,
) -> Result<()> {
    let target = context.target().await?;
    let queue =
        SqsQueue::of(&target, QueueRole::DeadLetters, arguments.queue, &context.environment);
    let letters = dead_letters(&queue.await?, arguments.limit).await?;
    let is_cut = letters.len() == arguments.limit && arguments.limit > 0;
    let mut rows = context.rows(&target.clock)?;
    letters.into_iter().try_for_each(|letter| rows.push(letter))?;
    rows.finish()?;
    if is_cut {
        note("there may be more: give a larger --limit");
    }
    Ok(())
}
