//! `guestpass identity delete`

use std::{collections::HashSet, path::PathBuf};

use clap::Args;
use identity_core::identity::IdentityRef;

use super::{Context, deletion, identity};
use crate::{
    bulk::Item,
    confirm::confirm,
    failure::{Failure, Result},
    names::names_in,
};

/// Which identities.
#[derive(Args)]
#[command(after_help = "\
Everything unused for 90 days, after a look at it:
  guestpass identity list --unused-for 90d -o tsv > unused.tsv
  guestpass identity delete --file unused.tsv
Everything that is stuck:
  guestpass identity list --state stuck | guestpass identity delete --file - --yes

Ctrl-C is safe, and so is a second run: what is gone already is passed over.")]
pub(crate) struct Arguments {
    /// External ids or ACS ids
    #[arg(value_name = "ID")]
    identities: Vec<String>,
    /// A file of them, one per line, or what `identity list` writes as JSON or tsv; - for stdin
    #[arg(short, long, value_name = "PATH")]
    file: Option<PathBuf>,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// How many a second; ACS takes 16 of all clients together, the service's own included
    #[arg(long, value_name = "N", default_value_t = 8.0, value_parser = deletion::rate)]
    rate: f64,
    /// Delete ACS ids that no record knows at ACS, too: identities whose creation was
    /// never heard of
    #[arg(long)]
    unrecorded: bool,
}

/// Deletes identities.
pub(crate) async fn run(arguments: Arguments, context: &Context) -> Result<()> {
    let items = items(&arguments)?;
    let target = context.target().await?;
    let what = match items.as_slice() {
        [one] => format!("Delete {} {}, with its tokens?", one.name(), target.in_words()),
        many => format!("Delete {} identities {}?", many.len(), target.in_words()),
    };
    let question = format!("{what} This cannot be undone.");
    confirm(&question, arguments.yes, &context.around)?;
    deletion::run(items, arguments.rate, target, context).await
}

/// Each name once, in order.
fn items(arguments: &Arguments) -> Result<Vec<Item>> {
    let mut names =
        arguments.identities.iter().map(|raw| identity(raw)).collect::<Result<Vec<_>>>()?;
    match &arguments.file {
        Some(file) => names.extend(names_in(file)?),
        None if names.is_empty() => {
            return Err(Failure::usage("no identity is named")
                .so("give ids, or --file with one per line (`-` for stdin)"));
        }
        None => {}
    }
    let mut seen = HashSet::new();
    let is_first: Vec<bool> = names.iter().map(|name| seen.insert(text(name))).collect();
    let item = |name| match name {
        IdentityRef::Acs(acs_id) if arguments.unrecorded => Item::Unrecorded(acs_id),
        name => Item::Named(name),
    };
    let names = names.into_iter().zip(is_first).filter_map(|(name, first)| first.then_some(name));
    Ok(names.map(item).collect())
}

fn text(name: &IdentityRef) -> &str {
    match name {
        IdentityRef::External(user) => user.as_str(),
        IdentityRef::Acs(acs_id) => acs_id.as_str(),
    }
}
