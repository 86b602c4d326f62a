//! `guestpass user move`

use identity_core::Error;
use identity_core::create_identity::{CreateIdentityRequest, create_identity};
use identity_core::delete_identity::{DeleteIdentityRequest, IfForeign, delete_identity};
use identity_core::get_identity::get_identity;
use identity_core::identity::{AcsId, IdentityRef};
use identity_core::record::{By, Record, State};
use identity_core::resource::ResourceName;

use crate::commands::{CommandContext, confirm};
use crate::input::parse_identity;
use crate::options::UserMoveArguments;
use crate::report::{CliError, CreatedIdentityView, Exit, Result};
use crate::service::ServiceSession;

/// Deletes the identity of a user, and creates one in another resource.
///
/// The new identity comes second, as when a draining resource replaces one: to create it first
/// would lose the old one, with live tokens, if the process died in between.
pub(crate) async fn run(arguments: UserMoveArguments, context: &CommandContext) -> Result<()> {
    let identity = parse_identity(&arguments.user)?;
    let session = context.session().await?;
    let to = session.target.resources.named(&arguments.resource)?;
    let record = session.run(async |_| get_identity(&session.store, &identity).await).await?;
    let acs_id = movable(&session, &record, &to)?;
    if record.resource == to {
        let view = CreatedIdentityView::new(&record, false, None);
        return context.show(&view.with_resource(Some(to)));
    }
    let user = record.external_id.as_str();
    let question = format!(
        "Move {user} from the resource `{}` to `{to}`? ACS cannot move an identity: {acs_id} is \
         deleted, and another one is created. The user loses chat threads, running calls and all \
         tokens, and must sign in again. This cannot be undone.",
        record.resource
    );
    confirm(&question, arguments.confirmation.yes, &context.environment)?;
    session
        .run(async |invocation| {
            let by = By::administrator(session.administrator().id());
            let identity = IdentityRef::Acs(acs_id);
            let request = DeleteIdentityRequest {
                identity,
                by,
                bearer: None,
                if_foreign: IfForeign::Refuse,
                invocation,
            };
            delete_identity(&session.store, &session.acs, &session.clock, request).await
        })
        .await?;
    context.show(&create(&session, &record, to).await?)
}

/// The identity, if it can be moved. Nothing was changed if it cannot.
fn movable(session: &ServiceSession, record: &Record, to: &ResourceName) -> Result<AcsId> {
    let resources = &session.target.resources;
    if resources.placement().is_some_and(|placement| placement.is_draining(to)) {
        return Err(CliError::usage(format!("the resource `{to}` is draining"))
            .because("an identity there would be replaced again")
            .hint("name an open resource: `guestpass resource list` shows them"));
    }
    if !resources.has(&record.resource) {
        return Err(session.explain(&Error::UnknownResource(record.resource.clone())));
    }
    match &record.state {
        State::Active { acs_id } => Ok(acs_id.clone()),
        State::Blocked { .. } | State::Stuck { blocked: true, .. } => {
            Err(session.explain(&Error::Blocked))
        }
        State::Stuck { .. } => Err(session.explain(&Error::Stuck)),
        State::Provisioning { .. } | State::Deleting { .. } => Err(session.explain(&Error::busy())),
        State::Deleted => Err(session.explain(&Error::NotFound)),
    }
}

/// Creates the new identity.
async fn create(
    session: &ServiceSession,
    moved: &Record,
    to: ResourceName,
) -> Result<CreatedIdentityView> {
    let created = session
        .run(async |invocation| {
            let request = CreateIdentityRequest {
                user: moved.external_id.clone(),
                token: None,
                resource: Some(to.clone()),
                by: session.administrator(),
                invocation,
            };
            create_identity(&session.store, &session.acs, &session.clock, request).await
        })
        .await;
    let created = created.map_err(|failure| {
        let why = failure.in_short();
        CliError::new(failure.exit, "the identity was deleted, but no new one was created")
            .because(why)
            .hint(format!(
                "guestpass identity create --resource {to} --external-id '{}'",
                moved.external_id.as_str()
            ))
    })?;
    let found = &created.record.resource;
    if *found != to {
        return Err(CliError::new(Exit::Later, "the user was not moved")
            .because(format!("another request created a new identity in `{found}` meanwhile"))
            .hint("run the same command again"));
    }
    let view = CreatedIdentityView::new(&created.record, created.created, None);
    Ok(view.with_resource(Some(to)))
}
