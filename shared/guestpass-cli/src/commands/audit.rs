//! `guestpass audit`

use std::time::{Duration, SystemTime};

use clap::{ArgGroup, Args};
use identity_core::{
    Error,
    audit::{AuditFilter, AuditQuery, StoredAuditEntry, day_number, start_of_day},
    event::Event,
    identity::{ExternalId, IdentityRef},
    ports::{AuditTrail as _, Clock as _, IdentityStore as _},
};
use serde::Serialize;

use super::{Context, identity};
use crate::{
    failure::{Exit, Failure, Result, chain},
    moment,
    output::{Row, Rows},
    span,
    world::World,
};

/// Which entries.
#[derive(Args)]
#[command(
    group = ArgGroup::new("which").args(["user", "by", "since"]).required(true).multiple(true),
    after_help = "\
What was done to one user:       guestpass audit --user 'https://idp.example|alice'
What one administrator did:      guestpass audit --by 'https://idp.example|root' --since 30d
What an event source caused:     guestpass audit --by okta
What the cleanup deleted:        guestpass audit --by cleanup --since 7d -o tsv
Everything since a time:         guestpass audit --since 2026-11-26T12:00:00Z
--since alone reads the log one day after the other. Entries are kept for 400 days, or for as
long as the deployment's parameter AuditRetentionDays says. The cleanup and the operator of
this tool (cli|NAME) are in the log, too; what users do with their own tokens is not.")]
pub(crate) struct Arguments {
    /// Only what was done to this user: their external id or their ACS id
    #[arg(long, value_name = "ID", conflicts_with = "by")]
    user: Option<String>,
    /// Only what this actor did: an administrator's external id, the source of events
    /// (guestpass, cognito, auth0, okta), or cleanup
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// Only since this time: RFC 3339, or a span before now like 24h or 30d
    #[arg(long, value_name = "TIME", value_parser = parse_since)]
    since: Option<Since>,
}

/// The start of the list.
#[derive(Clone, Copy)]
enum Since {
    Moment(SystemTime),
    Span(Duration),
}

fn parse_since(raw: &str) -> std::result::Result<Since, String> {
    let moment = moment::parse(raw).map(Since::Moment);
    moment.or_else(|| span::parse(raw).ok().map(Since::Span)).ok_or_else(|| {
        "expected a time like 2026-11-26T12:00:00Z, or a span before now like 90m, 12h or 30d"
            .to_owned()
    })
}

/// Lists entries as they are read.
pub(crate) async fn run(arguments: Arguments, context: &Context) -> Result<()> {
    let mut rows = Rows::new(context.format()?)?;
    let user = arguments.user.as_deref().map(identity).transpose()?;
    let world = context.world().await?;
    // Fails before the first read if no audit table is named.
    world.target.audit_table()?;
    let since = arguments.since.map(|since| match since {
        Since::Moment(moment) => moment,
        Since::Span(span) => world.clock.now().checked_sub(span).unwrap_or(SystemTime::UNIX_EPOCH),
    });
    if let Some(user) = user {
        let user = world.serve(async |_| external_id(&world, &user).await).await?;
        list(&world, &mut rows, AuditFilter::User(user), since).await?;
    } else if let Some(name) = arguments.by {
        list(&world, &mut rows, AuditFilter::Actor(name), since).await?;
    } else {
        let first = day_number(since.unwrap_or(SystemTime::UNIX_EPOCH));
        // The clock of another machine may be ahead.
        let last = day_number(world.clock.now() + Event::TOLERATED_SKEW);
        for day in (first..=last).rev() {
            list(&world, &mut rows, AuditFilter::Day(start_of_day(day)), since).await?;
        }
    }
    rows.finish().map(drop)
}

/// Lists everything that the filter selects, page by page.
async fn list(
    world: &World,
    rows: &mut Rows<Entry>,
    filter: AuditFilter,
    since: Option<SystemTime>,
) -> Result<()> {
    let mut query = AuditQuery { filter, since, after: None, limit: PAGE };
    loop {
        let page = world
            .try_serve(async |_| world.store.audit_entries(&query).await)
            .await
            .map_err(|error| explain(&error, world))?;
        page.entries.iter().try_for_each(|entry| rows.push(Entry::from(entry)))?;
        query.after = page.next;
        if query.after.is_none() {
            return Ok(());
        }
    }
}

/// The external id of a user, which the log uses. An ACS id leads to it as long as there is a
/// record.
async fn external_id(world: &World, name: &IdentityRef) -> std::result::Result<ExternalId, Error> {
    match name {
        IdentityRef::External(user) => Ok(user.clone()),
        IdentityRef::Acs(id) => world.store.find_by_acs_id(id).await?.ok_or(Error::NotFound),
    }
}

/// Explains an error of the audit table. The general explanation is about the other table.
fn explain(error: &Error, world: &World) -> Failure {
    let texts = chain(error);
    let has = |code: &str| texts.iter().any(|text| text.contains(code));
    let name = world.target.audit_table.as_ref().map_or("", |table| table.name.as_str());
    let refused = || Failure::new(Exit::Refused, "DynamoDB refuses the request");
    let failure = if has("ResourceNotFoundException") {
        refused()
            .because(format!("there is no table {name} in this account and region, or it has no index by-actor or by-day"))
            .so("check --audit-table or GUESTPASS_AUDIT_TABLE, the region and the profile")
    } else if has("AccessDenied") {
        refused()
            .because(format!("these AWS credentials may not read the table {name}"))
            .so("use a role that may Query the table and its indexes")
    } else {
        return world.explain(error);
    };
    failure.caused_by(error)
}

/// An entry as it is shown.
#[derive(Serialize)]
struct Entry {
    id: String,
    at: String,
    by: String,
    actor: String,
    action: String,
    user: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<String>,
    state: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl From<&StoredAuditEntry> for Entry {
    fn from(entry: &StoredAuditEntry) -> Self {
        Self {
            id: entry.id.clone(),
            at: moment::show(entry.at),
            by: entry.by.clone(),
            actor: entry.actor.clone(),
            action: entry.action.clone(),
            user: entry.user.as_str().to_owned(),
            identity: entry.identity.as_ref().map(ToString::to_string),
            state: entry.state.clone(),
            reference: entry.reference.clone(),
            reason: entry.reason.clone(),
        }
    }
}

impl Row for Entry {
    const COLUMNS: &'static [&'static str] =
        &["when", "by", "actor", "action", "user", "identity", "state", "reference", "reason"];

    fn cells(&self) -> Vec<String> {
        let or_empty = |value: &Option<String>| value.clone().unwrap_or_default();
        vec![
            self.at.clone(),
            self.by.clone(),
            self.actor.clone(),
            self.action.clone(),
            self.user.clone(),
            or_empty(&self.identity),
            self.state.clone(),
            or_empty(&self.reference),
            or_empty(&self.reason),
        ]
    }
}

/// An entry has some 500 bytes, and a response of `DynamoDB` at most 1 MB.
const PAGE: u16 = 200;
