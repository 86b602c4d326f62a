//! `guestpass cleanup plan`

use std::{
    fs::{OpenOptions, Permissions},
    io::Write as _,
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
    time::{Duration, SystemTime},
};

use clap::Args;
use identity_core::{
    delete_stale_identities::{Retention, is_braked},
    list_identities::{ListIdentitiesRequest, MAX_PAGE, list_identities},
    ports::{Clock as _, IdentityStore as _},
    record::{Record, State},
};

use super::{Context, Shown};
use crate::{
    failure::{Failure, Result},
    output::{Format, Rows, note},
    plan::{Plan, Stale},
    span,
    world::World,
};

/// Whom to plan for.
#[derive(Args)]
#[command(after_help = "\
  guestpass cleanup plan --unused-for 90d -o plan.json
  guestpass cleanup apply plan.json

A plan names users: the file is readable by you alone. It changes nothing.")]
pub(crate) struct Arguments {
    /// How long an identity has had no new token: two days at the least, since a token
    /// can live for one
    #[arg(long, value_name = "SPAN", value_parser = span::parse, default_value = "90d")]
    unused_for: Duration,
}

/// Finds unused identities, and writes a plan.
pub(crate) async fn run(arguments: Arguments, context: &Context) -> Result<()> {
    let unused_for = arguments.unused_for;
    let least = Duration::from_hours(24 * Retention::MIN_DAYS);
    if unused_for < least {
        return Err(Failure::usage("that is too short")
            .because("a token lives for a day at the most: within two days, whoever holds a live one has used their identity")
            .so("give --unused-for 2d or more"));
    }
    let world = context.world().await?;
    let now = world.clock.now();
    let before = now.checked_sub(unused_for).unwrap_or(SystemTime::UNIX_EPOCH);
    let identities = stale(&world, before).await?;
    let total = world.serve(async |_| world.store.total().await).await?;
    let plan = Plan::new(&world.target, now, before, total, identities);
    told(&plan, unused_for);
    match context.shown() {
        Shown::File(path) => save(&plan, path),
        Shown::As(Format::Table | Format::Tsv) => {
            let mut rows = Rows::new(context.format()?)?;
            plan.identities.into_iter().try_for_each(|stale| rows.push(stale))?;
            rows.finish().map(drop)
        }
        Shown::As(_) => context.show(&plan),
    }
}

async fn stale(world: &World, before: SystemTime) -> Result<Vec<Stale>> {
    let mut request = ListIdentitiesRequest {
        state: None,
        unused_since: Some(before),
        limit: MAX_PAGE,
        cursor: None,
    };
    let mut found = Vec::new();
    loop {
        let page =
            world.serve(async |_| list_identities(&world.store, request.clone()).await).await?;
        found.extend(page.records.iter().filter(|record| may_go(record)).filter_map(Stale::of));
        request.cursor = page.next;
        if request.cursor.is_none() {
            return Ok(found);
        }
    }
}

/// Whether an identity may be deleted. One that is already being deleted, stuck or reserved does
/// not belong in a plan.
fn may_go(record: &Record) -> bool {
    matches!(record.state, State::Active { .. } | State::Blocked { acs_id: Some(_) })
}

fn told(plan: &Plan, unused_for: Duration) {
    let count = plan.identities.len();
    let stale = u64::try_from(count).unwrap_or(u64::MAX);
    let of = if plan.total == 0 { String::new() } else { format!(" of about {}", plan.total) };
    note(&format!("{count}{of} identities unused for {}", span::show(unused_for)));
    if is_braked(stale, plan.total, None) {
        note("that is so many that a scheduled cleanup would delete none: look twice");
    }
}

fn save(plan: &Plan, path: &Path) -> Result<()> {
    let shown = path.display();
    let text = serde_json::to_vec_pretty(plan).map_err(std::io::Error::from)?;
    let mut options = OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(0o600).open(path);
    let written = file.and_then(|mut file| {
        // An existing file may have been readable by other users.
        file.set_permissions(Permissions::from_mode(0o600))?;
        file.write_all(&text)
    });
    written.map_err(|error| {
        Failure::usage(format!("cannot write {shown}"))
            .because(error.to_string())
            .so("name a file that you may write")
    })?;
    note(&format!("written to {shown}; look at it, then: guestpass cleanup apply {shown}"));
    Ok(())
}
