//! `guestpass events explain`

use identity_core::identity::Issuer;
use identity_events::{EventIssuers, EventSettings};

use crate::commands::CommandContext;
use crate::commands::events::explanation as events;
use crate::input::text_in;
use crate::options::EventsExplainArguments;
use crate::report::{CliError, OutputFormat, Result, output};

/// Explains events.
pub(crate) async fn run(arguments: EventsExplainArguments, context: &CommandContext) -> Result<()> {
    let text = text_in(&arguments.file, "the event")?;
    let messages = events::messages(&text)?;
    let session = match context.target_if_any().await? {
        Some(_) => Some(context.session().await?),
        None => None,
    };
    let of_stack = || Some(session.as_ref()?.target.stack()?.issuer.clone());
    let named =
        arguments.issuer.issuer.or_else(|| context.environment.variable("GUESTPASS_ISSUER"));
    let issuer = named.or_else(of_stack).ok_or_else(|| {
        CliError::usage("no issuer is named")
            .because("some providers name a user by their subject alone, and that is a user of the issuer")
            .hint("give --issuer: it is the template's parameter Issuer")
    })?;
    let issuers = issuers(&issuer, arguments.issuers.as_deref())?;
    let settings = EventSettings {
        issuers,
        subject_claims: arguments.subject_claims.unwrap_or_default(),
        okta_subject: arguments.okta_subject.unwrap_or_default(),
        okta_app: arguments.okta_app,
    };
    let mut explained = Vec::new();
    for message in &messages {
        explained.extend(events::explain(message, &settings, session.as_ref()).await?);
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
    output::print_rows(explained, format)
}

/// The issuers of the tokens: `first`, and those of the template parameter `Issuers`.
fn issuers(first: &str, others: Option<&str>) -> Result<EventIssuers> {
    let first = Issuer::parse(first).ok_or_else(|| {
        CliError::usage("the issuer is missing").hint("give the `iss` of the tokens as --issuer")
    })?;
    match others.filter(|raw| !raw.trim().is_empty()) {
        None => Ok(EventIssuers::new(first, [])),
        Some(raw) => EventIssuers::parse(first, raw).map_err(|error| {
            CliError::usage(format!("the value of --issuers {error}"))
                .hint("give the value of the template parameter Issuers")
        }),
    }
}
