//! `guestpass events dead-letters`
#![expect(clippy::doc_markdown, reason = "it is what --help prints, where a backtick is one")]

use clap::Args;
use serde::Serialize;

use super::Context;
use crate::{
    dead_letters::{DeadLetters, Letter},
    failure::Result,
    output::{self, Row, Rows},
};

/// Which queue, and what to do with it.
#[derive(Args)]
#[command(after_help = "\
Shows the messages that failed five times: `guestpass events explain` says what is in one.
A deployed service's queue is shown without taking anything from it; others do not see the messages
for ten seconds.")]
pub(crate) struct Arguments {
    /// Let the function have another try at them
    #[arg(long)]
    redrive: bool,
    /// How many to show at the most
    #[arg(long, value_name = "N", default_value_t = 100, conflicts_with = "redrive")]
    limit: usize,
    /// The URL of the dead-letter queue of a deployed service [env: GUESTPASS_DEAD_LETTER_QUEUE]
    #[arg(long, value_name = "URL")]
    queue: Option<String>,
}

/// The result of a redrive.
#[derive(Serialize)]
struct Redriven {
    /// How many messages went back, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    moved: Option<u64>,
    queue: String,
}

impl Row for Redriven {
    const COLUMNS: &'static [&'static str] = &["moved", "queue"];

    fn cells(&self) -> Vec<String> {
        let moved = self.moved.map_or_else(|| "begun".to_owned(), |moved| moved.to_string());
        vec![moved, self.queue.clone()]
    }
}

impl Row for Letter {
    const COLUMNS: &'static [&'static str] = &["message", "sent", "deliveries", "says"];

    fn cells(&self) -> Vec<String> {
        vec![self.id.clone(), self.sent_at.clone(), self.deliveries.to_string(), self.says.clone()]
    }
}

/// Shows the dead letters, or sends them back.
pub(crate) async fn run(arguments: Arguments, context: &Context) -> Result<()> {
    let target = context.target().await?;
    let url = arguments.queue.or_else(|| context.around.variable("GUESTPASS_DEAD_LETTER_QUEUE"));
    let queues = DeadLetters::of(&target, url).await?;
    if arguments.redrive {
        let (queue, moved) = queues.redrive().await?;
        return context.show(&Redriven { moved, queue });
    }
    let mut rows = Rows::new(context.format()?)?;
    let letters = queues.look(arguments.limit).await?;
    let is_cut = letters.len() == arguments.limit && arguments.limit > 0;
    letters.into_iter().try_for_each(|letter| rows.push(letter))?;
    rows.finish()?;
    if is_cut {
        output::note("there may be more: give a larger --limit");
    }
    Ok(())
}
