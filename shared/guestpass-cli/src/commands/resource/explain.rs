//! `guestpass resource explain`

use identity_core::Error;
use identity_core::get_identity::get_identity;
use identity_core::identity::{ExternalId, IdentityRef};
use identity_core::record::{Record, State};
use identity_core::resource::{Placement, ResourceName};
use serde::Serialize;

use crate::commands::CommandContext;
use crate::input::parse_identity;
use crate::options::ResourceExplainArguments;
use crate::report::{Result, Row, timestamp};
use crate::service::{ConfiguredResources, ServiceSession};

/// Explains in which ACS resource the identity of a user is, or a new one would be.
pub(crate) async fn run(
    arguments: ResourceExplainArguments,
    context: &CommandContext,
) -> Result<()> {
    let identity = parse_identity(&arguments.user)?;
    let session = context.session().await?;
    let found = session.try_run(async |_| get_identity(&session.store, &identity).await).await;
    let record = match (found, &identity) {
        (Ok(record), _) => Some(record),
        // A user who never called has no record.
        (Err(Error::NotFound), IdentityRef::External(_)) => None,
        (Err(error), _) => return Err(session.explain(&error)),
    };
    let user = match (&record, identity) {
        (Some(record), _) => record.external_id.clone(),
        (None, IdentityRef::External(user)) => user,
        (None, IdentityRef::Acs(_)) => return Err(session.explain(&Error::NotFound)),
    };
    context.show(&explain(&session, &user, record.as_ref())?)
}

/// The resource of a user.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExplainedResource {
    external_id: String,
    /// The resource of the identity, or of the new one.
    resource: String,
    /// Whether the user has an identity, or one is being created.
    exists: bool,
    because: String,
    /// The resource that a new identity would get, if it is known and another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl Row for ExplainedResource {
    const COLUMNS: &'static [&'static str] =
        &["external id", "resource", "exists", "because", "next"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.external_id.clone(),
            self.resource.clone(),
            if self.exists { "yes" } else { "no" }.to_owned(),
            self.because.clone(),
            self.next.clone().unwrap_or_default(),
        ]
    }
}

fn explain(
    session: &ServiceSession,
    user: &ExternalId,
    record: Option<&Record>,
) -> Result<ExplainedResource> {
    let resources = &session.target.resources;
    let new = resources.placement().map(|placement| placement.choose(user, |_| false));
    let existing = record.filter(|record| {
        record.acs_id().is_some() || matches!(record.state, State::Provisioning { .. })
    });
    if let Some(record) = existing {
        let name = &record.resource;
        return Ok(ExplainedResource {
            external_id: user.as_str().to_owned(),
            resource: name.to_string(),
            exists: true,
            because: why_there(record, resources, new.as_ref()),
            next: new.filter(|new| new != name).map(|new| new.to_string()),
        });
    }
    let new = new.ok_or_else(|| {
        resources.unknown_placement().hint("give the parameter `AcsPlacement` as --placement")
    })?;
    Ok(ExplainedResource {
        external_id: user.as_str().to_owned(),
        because: why_new(&new, resources),
        resource: new.to_string(),
        exists: false,
        next: None,
    })
}

fn why_there(
    record: &Record,
    resources: &ConfiguredResources,
    new: Option<&ResourceName>,
) -> String {
    let name = &record.resource;
    if !resources.has(name) {
        return "the record names it, but it has no connection string: the user gets no token until \
                the connection string is back"
            .to_owned();
    }
    if matches!(record.state, State::Provisioning { .. }) {
        return "a request is creating the identity there".to_owned();
    }
    let is_draining = resources.placement().is_some_and(|placement| placement.is_draining(name));
    match new.filter(|_| is_draining) {
        Some(new) => format!(
            "the record names it; it is draining: if the user gets no token for 25 hours after {}, \
             the next request replaces the identity by one in `{new}`",
            timestamp::format(record.last_issued_at)
        ),
        None => "the record names it: an identity stays in the resource that created it".to_owned(),
    }
}

fn why_new(new: &ResourceName, resources: &ConfiguredResources) -> String {
    let open = |placement: &Placement| {
        placement.shares().filter(|(name, _)| !placement.is_draining(name)).count()
    };
    match resources.placement().map(open) {
        Some(0 | 1) => format!("the user has no identity, and only `{new}` gets new ones"),
        _ => format!(
            "the user has no identity, and the placement assigns a new one to `{new}`, unless ACS is \
             throttling creations there"
        ),
    }
}
