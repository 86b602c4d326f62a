//! `guestpass identity delete`

use std::collections::HashSet;

use identity_core::identity::{AcsId, IdentityRef};

use crate::commands::{CommandContext, confirm, deletion};
use crate::input::{names_in, parse_identity};
use crate::jobs::BulkItem;
use crate::options::IdentityDeleteArguments;
use crate::report::{CliError, Result};
use crate::service::{ConfiguredResources, IdentityBackend, Target, acs_id, needs_table};

/// Deletes identities.
pub(crate) async fn run(
    arguments: IdentityDeleteArguments,
    context: &CommandContext,
) -> Result<()> {
    let names = names(&arguments)?;
    match context.backend().await? {
        IdentityBackend::Acs(alone) => {
            if arguments.foreign_is_gone {
                return Err(needs_table("--foreign-is-gone", "it ends the records of identities"));
            }
            let ids: Vec<AcsId> = names.into_iter().map(acs_id).collect::<Result<_>>()?;
            ask(ids.iter().map(ToString::to_string), &alone.target, &arguments, context)?;
            deletion::run(ids, arguments.rate.rate, *alone, context).await
        }
        IdentityBackend::Service(session) => {
            let items = items(names, &arguments, &session.target.resources)?;
            ask(items.iter().map(BulkItem::name), &session.target, &arguments, context)?;
            deletion::run(items, arguments.rate.rate, *session, context).await
        }
    }
}

/// Asks for confirmation.
fn ask(
    mut names: impl ExactSizeIterator<Item = String>,
    target: &Target,
    arguments: &IdentityDeleteArguments,
    context: &CommandContext,
) -> Result<()> {
    let what = match (names.len(), names.next()) {
        (1, Some(name)) => format!("Delete {name} {}, with its tokens?", target.in_words()),
        (many, _) => format!("Delete {many} identities {}?", target.in_words()),
    };
    let gone = if arguments.foreign_is_gone {
        " If one exists in a resource whose connection string is not given, its tokens stay valid."
    } else {
        ""
    };
    let question = format!("{what}{gone} This cannot be undone.");
    confirm(&question, arguments.confirmation.yes, &context.environment)
}

/// Each name once, in order.
fn names(arguments: &IdentityDeleteArguments) -> Result<Vec<IdentityRef>> {
    let mut names =
        arguments.identities.iter().map(|raw| parse_identity(raw)).collect::<Result<Vec<_>>>()?;
    match &arguments.file {
        Some(file) => names.extend(names_in(file)?),
        None if names.is_empty() => {
            return Err(CliError::usage("no identity is named")
                .hint("give ids, or --file with one per line (`-` for stdin)"));
        }
        None => {}
    }
    let mut seen = HashSet::new();
    let is_first: Vec<bool> = names.iter().map(|name| seen.insert(text(name))).collect();
    let names = names.into_iter().zip(is_first).filter_map(|(name, first)| first.then_some(name));
    Ok(names.collect())
}

/// What to delete.
fn items(
    names: Vec<IdentityRef>,
    arguments: &IdentityDeleteArguments,
    resources: &ConfiguredResources,
) -> Result<Vec<BulkItem>> {
    if arguments.foreign_is_gone {
        return Ok(names.into_iter().map(BulkItem::MaybeGone).collect());
    }
    if !arguments.unrecorded {
        return Ok(names.into_iter().map(BulkItem::Named).collect());
    }
    let resource = resources.of_unrecorded(arguments.resource.as_deref())?;
    let item = |name| match name {
        IdentityRef::Acs(acs_id) => BulkItem::Unrecorded(acs_id, resource.clone()),
        name @ IdentityRef::External(_) => BulkItem::Named(name),
    };
    Ok(names.into_iter().map(item).collect())
}

fn text(name: &IdentityRef) -> &str {
    match name {
        IdentityRef::External(user) => user.as_str(),
        IdentityRef::Acs(acs_id) => acs_id.as_str(),
    }
}
