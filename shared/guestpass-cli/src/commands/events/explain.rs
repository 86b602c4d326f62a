//! `guestpass events explain`

use identity_core::ports::SystemClock;

use crate::commands::CommandContext;
use crate::commands::events::explanation::explain;
use crate::commands::events::settings::settings;
use crate::input::{event_texts, text_in};
use crate::options::EventsExplainArguments;
use crate::report::{OutputFormat, Result, output};

/// Explains events.
pub(crate) async fn run(arguments: EventsExplainArguments, context: &CommandContext) -> Result<()> {
    let text = text_in(&arguments.file, "the event")?;
    let messages = event_texts(&text)?;
    let session = match context.target_if_any().await? {
        Some(_) => Some(context.session().await?),
        None => None,
    };
    let target = session.as_ref().map(|session| &session.target);
    let settings = settings(arguments.settings, context, target)?;
    let mut explained = Vec::new();
    for message in &messages {
        explained.extend(explain(message, &settings, session.as_ref()).await?);
    }
    let format = context.format()?;
    if format == OutputFormat::Table {
        for (place, event) in explained.iter().enumerate() {
            if place > 0 {
                output::blank()?;
            }
            output::print_row(event, OutputFormat::Table)?;
        }
        return Ok(());
    }
    context.show_rows(explained, &SystemClock::default())
}
