//! `guestpass cleanup plan`

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::time::{Duration, SystemTime};

use identity_core::delete_stale_identities::{Retention, is_braked, users_beside};
use identity_core::list_identities::{ListIdentitiesRequest, MAX_PAGE, list_identities};
use identity_core::ports::Clock as _;
use identity_core::record::{Record, State};
use identity_core::resource::ResourceName;

use crate::commands::CommandContext;
use crate::jobs::{CleanupPlan, CleanupPlanEntry};
use crate::options::CleanupPlanArguments;
use crate::report::{CliError, OutputFormat, OutputOption, Result, duration, note};
use crate::service::ServiceSession;

/// Finds unused identities, and writes a plan.
pub(crate) async fn run(arguments: CleanupPlanArguments, context: &CommandContext) -> Result<()> {
    let unused_for = arguments.unused_for;
    let least = Duration::from_hours(24 * Retention::MIN_DAYS);
    if unused_for < least {
        return Err(CliError::usage("invalid value for --unused-for: at least 2d is required")
            .because(
                "a token is valid for up to a day, so the holder of a valid token may look unused",
            )
            .hint("give --unused-for 2d or more"));
    }
    let session = context.session().await?;
    let resource =
        arguments.resource.map(|raw| session.target.resources.named(&raw)).transpose()?;
    let now = session.clock.now();
    let before = now.checked_sub(unused_for).unwrap_or(SystemTime::UNIX_EPOCH);
    let mut identities = unused(&session, before, resource.as_ref()).await?;
    identities.sort_by(|one, other| one.last_issued_at.cmp(&other.last_issued_at));
    let stale = identities.len().try_into().unwrap_or(u64::MAX);
    let total = session.run(async |_| users_beside(&session.store, stale, || false).await).await?;
    let total = total.unwrap_or_default();
    let plan = CleanupPlan::new(&session.target, now, before, total, identities);
    told(&plan, unused_for);
    match context.shown() {
        OutputOption::File(path) => save(&plan, &path),
        OutputOption::As(OutputFormat::Table | OutputFormat::Tsv) => {
            context.show_rows(plan.identities, &session.clock)
        }
        OutputOption::As(_) => context.show(&plan),
    }
}

/// The identities that were not used since `before`, of this resource or of all.
async fn unused(
    session: &ServiceSession,
    before: SystemTime,
    resource: Option<&ResourceName>,
) -> Result<Vec<CleanupPlanEntry>> {
    let mut request = ListIdentitiesRequest {
        state: None,
        unused_since: Some(before),
        limit: MAX_PAGE,
        cursor: None,
    };
    let mut found = Vec::new();
    loop {
        let page =
            session.run(async |_| list_identities(&session.store, request.clone()).await).await?;
        let records = session.of_resource(page.records, resource).await?;
        found.extend(
            records.iter().filter(|record| may_go(record)).filter_map(CleanupPlanEntry::of),
        );
        request.cursor = page.next;
        if request.cursor.is_none() {
            return Ok(found);
        }
    }
}

/// Whether an identity may be deleted. One that is already being deleted, stuck or reserved does
/// not belong in a plan, and a guest is deleted when due.
fn may_go(record: &Record) -> bool {
    let has_identity =
        matches!(record.state, State::Active { .. } | State::Blocked { acs_id: Some(_) });
    has_identity && !record.external_id.is_guest()
}

fn told(plan: &CleanupPlan, unused_for: Duration) {
    let count = plan.identities.len();
    let stale = u64::try_from(count).unwrap_or(u64::MAX);
    let of = if plan.total == 0 { String::new() } else { format!(" of about {}", plan.total) };
    note(&format!("{count}{of} identities unused for {}", duration::format(unused_for)));
    if is_braked(stale, plan.total, None) {
        note(
            "warning: so many identities are unused that a scheduled cleanup would stop without deleting any",
        );
    }
}

fn save(plan: &CleanupPlan, path: &Path) -> Result<()> {
    let shown = path.display();
    let text = serde_json::to_vec_pretty(plan).map_err(std::io::Error::from)?;
    let written = private_file(path).and_then(|mut file| file.write_all(&text));
    written.map_err(|error| {
        CliError::usage(format!("cannot write {shown}"))
            .because(error.to_string())
            .hint("name a file that you may write")
    })?;
    note(&format!("written to {shown}; look at it, then: guestpass cleanup apply {shown}"));
    Ok(())
}

/// A new or emptied file that only the user can read. On Windows, it has the rights of its directory.
fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    // An existing file may have been readable by other users.
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    Ok(file)
}
