//! `guestpass events dead-letters`

use serde::Serialize;

use crate::commands::CommandContext;
use crate::jobs::{DeadLetter, DeadLetterQueue};
use crate::options::EventsDeadLettersArguments;
use crate::report::{Result, Row, Rows, note};

/// The result of a redrive.
#[derive(Serialize)]
struct RedriveResult {
    /// How many messages went back, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    moved: Option<u64>,
    queue: String,
}

impl Row for RedriveResult {
    const COLUMNS: &'static [&'static str] = &["moved", "queue"];

    fn cells(&self) -> Vec<String> {
        let moved = self.moved.map_or_else(|| "begun".to_owned(), |moved| moved.to_string());
        vec![moved, self.queue.clone()]
    }
}

impl Row for DeadLetter {
    const COLUMNS: &'static [&'static str] = &["message", "sent", "deliveries", "says"];

    fn cells(&self) -> Vec<String> {
        vec![self.id.clone(), self.sent_at.clone(), self.deliveries.to_string(), self.says.clone()]
    }
}

/// Shows the dead letters, or sends them back.
pub(crate) async fn run(
    arguments: EventsDeadLettersArguments,
    context: &CommandContext,
) -> Result<()> {
    let target = context.target().await?;
    let url =
        arguments.queue.or_else(|| context.environment.variable("GUESTPASS_DEAD_LETTER_QUEUE"));
    let queues = DeadLetterQueue::of(&target, url).await?;
    if arguments.redrive {
        let (queue, moved) = queues.redrive().await?;
        return context.show(&RedriveResult { moved, queue });
    }
    let mut rows = Rows::new(context.format()?)?;
    let letters = queues.look(arguments.limit).await?;
    let is_cut = letters.len() == arguments.limit && arguments.limit > 0;
    letters.into_iter().try_for_each(|letter| rows.push(letter))?;
    rows.finish()?;
    if is_cut {
        note("there may be more: give a larger --limit");
    }
    Ok(())
}
