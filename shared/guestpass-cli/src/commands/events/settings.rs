//! What the template's parameters say about the meaning of events.

use identity_core::identity::Issuer;
use identity_events::{EventIssuers, EventSettings};

use crate::commands::CommandContext;
use crate::options::EventSettingsOptions;
use crate::report::{CliError, Result};
use crate::service::Target;

/// The settings from the options, the environment or the local stack.
pub(crate) fn settings(
    options: EventSettingsOptions,
    context: &CommandContext,
    target: Option<&Target>,
) -> Result<EventSettings> {
    let of_stack = || Some(target?.stack()?.issuer.clone());
    let named = options.issuer.issuer.or_else(|| context.environment.variable("GUESTPASS_ISSUER"));
    let issuer = named.or_else(of_stack).ok_or_else(|| {
        CliError::usage("no issuer is named")
            .because("some providers name a user by their subject alone, and that is a user of the issuer")
            .hint("give --issuer: it is the template's parameter Issuer")
    })?;
    Ok(EventSettings {
        issuers: issuers(&issuer, options.issuers.as_deref())?,
        subject_claims: options.subject_claims.unwrap_or_default(),
        okta_subject: options.okta_subject.unwrap_or_default(),
        okta_app: options.okta_app,
    })
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
