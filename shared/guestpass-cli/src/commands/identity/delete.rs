//! `guestpass identity delete`

use std::collections::HashSet;

use identity_core::identity::IdentityRef;

use crate::commands::{CommandContext, confirm, deletion};
use crate::input::{names_in, parse_identity};
use crate::jobs::BulkItem;
use crate::options::IdentityDeleteArguments;
use crate::report::{CliError, Result};
use crate::service::ConfiguredResources;

/// Deletes identities.
pub(crate) async fn run(
    arguments: IdentityDeleteArguments,
    context: &CommandContext,
) -> Result<()> {
    let names = names(&arguments)?;
    let target = context.target().await?;
    let items = items(names, &arguments, &target.resources)?;
    let what = match items.as_slice() {
        [one] => format!("Delete {} {}, with its tokens?", one.name(), target.in_words()),
        many => format!("Delete {} identities {}?", many.len(), target.in_words()),
    };
    let question = format!("{what} This cannot be undone.");
    confirm(&question, arguments.confirmation.yes, &context.environment)?;
    deletion::run(items, arguments.rate.rate, target, context).await
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
