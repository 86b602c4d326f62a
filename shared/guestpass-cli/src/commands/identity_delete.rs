//! `guestpass identity delete`

use std::{
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use clap::Args;
use identity_core::identity::IdentityRef;

use super::{Context, deletion, identity};
use crate::{
    bulk::Item,
    confirm::confirm,
    failure::{Failure, Result},
};

/// Which identities.
#[derive(Args)]
#[command(after_help = "\
Everything unused for 90 days, after a look at it:
  guestpass identity list --unused-for 90d -o tsv > unused.tsv
  guestpass identity delete --file unused.tsv

Ctrl-C is safe, and so is a second run: what is gone already is passed over.")]
pub(crate) struct Arguments {
    /// External ids or ACS ids
    #[arg(value_name = "ID")]
    identities: Vec<String>,
    /// A file of them, one per line (what follows the first word is ignored); - for stdin
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

/// Every name once, in order.
fn items(arguments: &Arguments) -> Result<Vec<Item>> {
    let mut raw = arguments.identities.clone();
    if let Some(file) = &arguments.file {
        let text = read(file).map_err(|error| {
            Failure::usage(format!("cannot read {}", file.display()))
                .because(error.to_string())
                .so("name a file that you can read, or `-` for stdin")
        })?;
        let words = text.lines().filter_map(|line| line.split_whitespace().next());
        raw.extend(words.filter(|word| !word.starts_with('#')).map(str::to_owned));
    }
    if raw.is_empty() && arguments.file.is_none() {
        return Err(Failure::usage("no identity is named")
            .so("give ids, or --file with one per line (`-` for stdin)"));
    }
    let mut seen = std::collections::HashSet::new();
    raw.retain(|name| seen.insert(name.clone()));
    let item = |name: &String| {
        Ok(match identity(name)? {
            IdentityRef::Acs(acs_id) if arguments.unrecorded => Item::Unrecorded(acs_id),
            name => Item::Named(name),
        })
    };
    raw.iter().map(item).collect()
}

fn read(file: &Path) -> io::Result<String> {
    if file == Path::new("-") {
        let mut text = String::new();
        io::stdin().lock().read_to_string(&mut text)?;
        Ok(text)
    } else {
        fs::read_to_string(file)
    }
}
