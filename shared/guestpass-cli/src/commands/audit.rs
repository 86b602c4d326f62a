//! `guestpass audit`

use std::time::SystemTime;

use identity_core::Error;
use identity_core::audit::{AuditFilter, AuditQuery, StoredAuditEntry, day_number, start_of_day};
use identity_core::event::Event;
use identity_core::identity::{ExternalId, IdentityRef};
use identity_core::ports::{AuditTrail as _, Clock as _, IdentityStore as _};
use serde::Serialize;

use crate::commands::CommandContext;
use crate::input::parse_identity;
use crate::options::AuditArguments;
use crate::report::{CliError, Exit, Result, Row, Rows, chain, timestamp};
use crate::service::ServiceSession;

/// Lists entries as they are read.
pub(crate) async fn run(arguments: AuditArguments, context: &CommandContext) -> Result<()> {
    context.format()?;
    let user = arguments.user.as_deref().map(parse_identity).transpose()?;
    let session = context.session().await?;
    // Fails before the first read if no audit table is named.
    session.target.audit_table()?;
    let mut rows = context.rows(&session.clock)?;
    let since = arguments.since.map(|since| since.at(session.clock.now()));
    if let Some(user) = user {
        let user = session.run(async |_| external_id(&session, &user).await).await?;
        list(&session, &mut rows, AuditFilter::User(user), since).await?;
    } else if let Some(name) = arguments.by {
        list(&session, &mut rows, AuditFilter::Actor(name), since).await?;
    } else {
        let first = day_number(since.unwrap_or(SystemTime::UNIX_EPOCH));
        // The clock of another machine may be ahead.
        let last = day_number(session.clock.now() + Event::TOLERATED_SKEW);
        for day in (first..=last).rev() {
            list(&session, &mut rows, AuditFilter::Day(start_of_day(day)), since).await?;
        }
    }
    rows.finish()
}

/// Lists everything that the filter selects, page by page.
async fn list(
    session: &ServiceSession,
    rows: &mut Rows<AuditRow>,
    filter: AuditFilter,
    since: Option<SystemTime>,
) -> Result<()> {
    let mut query = AuditQuery { filter, since, after: None, limit: PAGE };
    loop {
        let page = session
            .try_run(async |_| session.store.audit_entries(&query).await)
            .await
            .map_err(|error| explain(&error, session))?;
        page.entries.iter().try_for_each(|entry| rows.push(AuditRow::from(entry)))?;
        query.after = page.next;
        if query.after.is_none() {
            return Ok(());
        }
    }
}

/// The external id of a user, which the log uses. An ACS id leads to it as long as there is a
/// record.
async fn external_id(
    session: &ServiceSession,
    name: &IdentityRef,
) -> std::result::Result<ExternalId, Error> {
    match name {
        IdentityRef::External(user) => Ok(user.clone()),
        IdentityRef::Acs(id) => session.store.find_by_acs_id(id).await?.ok_or(Error::NotFound),
    }
}

/// Explains an error of the audit table. The general explanation is about the other table.
fn explain(error: &Error, session: &ServiceSession) -> CliError {
    let texts = chain(error);
    let has = |code: &str| texts.iter().any(|text| text.contains(code));
    let name = session.target.audit_table.as_ref().map_or("", |table| table.name.as_str());
    let refused = || CliError::new(Exit::Refused, "DynamoDB refuses the request");
    let failure = if has("ResourceNotFoundException") {
        refused()
            .because(format!("table {name} does not exist in this account and region, or lacks the index by-actor or by-day"))
            .hint("check --audit-table or GUESTPASS_AUDIT_TABLE, the region and the profile")
    } else if has("AccessDenied") {
        refused()
            .because(format!("these AWS credentials may not read the table {name}"))
            .hint("use a role that may Query the table and its indexes")
    } else {
        return session.explain(error);
    };
    failure.caused_by(error)
}

/// An entry as it is shown.
#[derive(Serialize)]
struct AuditRow {
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

impl From<&StoredAuditEntry> for AuditRow {
    fn from(entry: &StoredAuditEntry) -> Self {
        Self {
            id: entry.id.clone(),
            at: timestamp::format(entry.at),
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

impl Row for AuditRow {
    const COLUMNS: &'static [&'static str] =
        &["when", "by", "actor", "action", "user", "identity", "state", "reference", "reason"];
    const OPTIONAL: &'static [&'static str] = &["reference", "actor", "identity", "state"];

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
