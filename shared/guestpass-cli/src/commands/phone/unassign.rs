//! `guestpass phone unassign`

use identity_core::audit::Actor;
use identity_core::phone::PhonePrincipal;
use identity_core::teams_phone::{UnassignPhoneRequest, unassign_phone};

use crate::commands::{CommandContext, confirm};
use crate::options::PhoneUnassignArguments;
use crate::report::{Result, note};
use crate::service::ServiceSession;

/// Ends an assignment.
pub(crate) async fn run(arguments: PhoneUnassignArguments, context: &CommandContext) -> Result<()> {
    let PhoneUnassignArguments { principal, confirmation } = arguments;
    let principal = PhonePrincipal::from(principal);
    let target = context.target().await?;
    let question = format!(
        "End the assignment of {principal} to Teams Phone {}, and revoke its tokens?",
        target.in_words()
    );
    confirm(&question, confirmation.yes, &context.environment)?;
    let session = ServiceSession::of(target).await?;
    let acs = session.phone()?;
    let by = Actor::Administrator(session.administrator().id().clone());
    session
        .run(async |invocation| {
            let (user, requested_until) = (None, None);
            let request = UnassignPhoneRequest { principal, user, by, requested_until, invocation };
            unassign_phone(&session.store, acs, &session.clock, &request).await
        })
        .await?;
    note("the assignment has ended, and the tokens of the principal are revoked");
    Ok(())
}
