//! `guestpass identity delete`

use std::{
    fs,
    io::{self, Read as _, Write as _, stderr},
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Args;
use identity_core::identity::{ExternalId, IdentityRef};
use serde::Serialize;

use super::{Context, identity};
use crate::{
    bulk::{self, Deletion, Outcome},
    confirm::confirm,
    failure::{Exit, Failure, Result},
    output::Row,
    progress::Progress,
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
    #[arg(long, value_name = "N", default_value_t = 8.0, value_parser = rate)]
    rate: f64,
    /// Delete ACS ids that no record knows at ACS, too: identities whose creation was
    /// never heard of
    #[arg(long)]
    unrecorded: bool,
}

fn rate(raw: &str) -> std::result::Result<f64, String> {
    let rate: f64 = raw.parse().map_err(|_| "write a number from 0.1 to 16".to_owned())?;
    // 500 deletions in 30 s are 16.7 a second.
    if (0.1..=16.0).contains(&rate) {
        Ok(rate)
    } else {
        Err("write a number from 0.1 to 16".to_owned())
    }
}

/// What was done.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    deleted: u64,
    /// Gone already.
    absent: u64,
    failed: Vec<Failed>,
    /// Begun, and to be finished by a second run.
    unsure: u64,
    /// Not tried.
    left: u64,
    /// How often ACS asked for fewer requests.
    throttled: u64,
    seconds: f64,
    per_second: f64,
}

#[derive(Serialize)]
struct Failed {
    id: String,
    why: String,
}

impl From<&Outcome> for Summary {
    fn from(outcome: &Outcome) -> Self {
        let seconds = outcome.took.as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let per_second = outcome.deleted as f64 / seconds.max(0.001);
        let tenths = |value: f64| (value * 10.0).round() / 10.0;
        let failed = outcome.failed.iter();
        let failed = failed.map(|(name, why)| Failed { id: spelled(name), why: why.in_short() });
        Self {
            deleted: outcome.deleted,
            absent: outcome.absent,
            failed: failed.collect(),
            unsure: outcome.unsure,
            left: outcome.left,
            throttled: outcome.throttled,
            seconds: tenths(seconds),
            per_second: tenths(per_second),
        }
    }
}

impl Row for Summary {
    const COLUMNS: &'static [&'static str] =
        &["deleted", "absent", "failed", "unsure", "left", "throttled", "seconds", "per second"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.deleted.to_string(),
            self.absent.to_string(),
            self.failed.len().to_string(),
            self.unsure.to_string(),
            self.left.to_string(),
            self.throttled.to_string(),
            format!("{:.1}", self.seconds),
            format!("{:.1}", self.per_second),
        ]
    }
}

/// Deletes identities.
pub(crate) async fn run(arguments: Arguments, context: &Context) -> Result<()> {
    let names = names(&arguments)?;
    let target = context.target()?;
    let question = match names.as_slice() {
        [one] => format!(
            "Delete {} {}, with its tokens? This cannot be undone.",
            spelled(one),
            target.in_words()
        ),
        many => format!(
            "Delete {} identities {}? This cannot be undone.",
            many.len(),
            target.in_words()
        ),
    };
    confirm(&question, arguments.yes, &context.around)?;
    let world = Arc::new(crate::world::World::of(target).await?);
    let progress = Progress::new("deleting", names.len(), arguments.rate, &context.around);
    let deletion = Deletion { names, rate: arguments.rate, unrecorded: arguments.unrecorded };
    let outcome = bulk::delete_all(&world, deletion, &progress, interrupted()).await;
    progress.finish();
    for (name, failure) in &outcome.failed {
        let _ = writeln!(stderr(), "not deleted: {}: {failure}", spelled(name));
    }
    context.show(&Summary::from(&outcome))?;
    conclude(outcome)
}

fn conclude(outcome: Outcome) -> Result<()> {
    let rest = outcome.left + outcome.unsure;
    let goes_on = "run the same command again: it passes over what is gone and does the rest";
    if let Some(failure) = outcome.gave_up {
        let _ = writeln!(stderr(), "gave up with {rest} to go; once it is mended, {goes_on}");
        return Err(failure);
    }
    if outcome.interrupted {
        return Err(
            Failure::new(Exit::Interrupted, format!("stopped with {rest} to go")).so(goes_on)
        );
    }
    if !outcome.failed.is_empty() {
        let what = format!("{} were not deleted", outcome.failed.len());
        return Err(Failure::new(Exit::Partly, what).so(goes_on));
    }
    Ok(())
}

/// Comes back at Ctrl-C.
async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        // Then the default holds: Ctrl-C kills, which is safe, too.
        std::future::pending::<()>().await;
    }
}

fn spelled(name: &IdentityRef) -> String {
    match name {
        IdentityRef::External(user) => ExternalId::as_str(user).to_owned(),
        IdentityRef::Acs(acs_id) => acs_id.to_string(),
    }
}

/// Every name once, in order.
fn names(arguments: &Arguments) -> Result<Vec<IdentityRef>> {
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
    raw.iter().map(|name| identity(name)).collect()
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
