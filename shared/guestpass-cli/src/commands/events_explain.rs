//! `guestpass events explain`
#![expect(clippy::doc_markdown, reason = "it is what --help prints, where a backtick is one")]

use std::path::PathBuf;

use clap::Args;

use super::Context;
use crate::{
    events,
    failure::{Failure, Result},
    output::{self, Format, Rows},
    target::text_in,
};

/// Which events.
#[derive(Args)]
#[command(after_help = "\
Reads an event as EventBridge delivers it (of Cognito, Auth0, Okta, or our own), an array of them,
or a batch of the queue, and says what the service would do about it now. It changes nothing.")]
pub(crate) struct Arguments {
    /// A file with the event; - for stdin
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The issuer of the users' tokens [env: GUESTPASS_ISSUER]
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
}

/// Explains events.
pub(crate) async fn run(arguments: Arguments, context: &Context) -> Result<()> {
    let text = text_in(&arguments.file, "the event")?;
    let messages = events::messages(&text)?;
    let world = match context.target_if_any().await? {
        Some(_) => Some(context.world().await?),
        None => None,
    };
    let of_stack = || Some(world.as_ref()?.target.stack()?.issuer.clone());
    let named = arguments.issuer.or_else(|| context.around.variable("GUESTPASS_ISSUER"));
    let issuer = named.or_else(of_stack).ok_or_else(|| {
        Failure::usage("no issuer is named")
            .because("some providers name a user by their subject alone, and that is a user of the issuer")
            .so("give --issuer: it is the template's parameter Issuer")
    })?;
    let mut explained = Vec::new();
    for message in &messages {
        explained.extend(events::explain(message, &issuer, world.as_ref()).await?);
    }
    let format = context.format()?;
    if format == Format::Table {
        for (place, event) in explained.iter().enumerate() {
            if place > 0 {
                output::blank()?;
            }
            output::show(event, Format::Table)?;
        }
        return Ok(());
    }
    let mut rows = Rows::new(format)?;
    explained.into_iter().try_for_each(|event| rows.push(event))?;
    rows.finish().map(drop)
}
