//! `guestpass phone show`

use api_types::PhoneAssignmentOutput;
use identity_core::phone::PhonePrincipal;
use identity_core::ports::Clock as _;
use identity_core::teams_phone::{PhoneDrift, VerifiedEntry, verify_phone_assignment};

use crate::commands::CommandContext;
use crate::options::PhonePrincipalArguments;
use crate::report::{CliError, Exit, Result};
use crate::service::ServiceSession;

/// Shows an assignment.
pub(crate) async fn run(
    arguments: PhonePrincipalArguments,
    context: &CommandContext,
) -> Result<()> {
    let principal = PhonePrincipal::from(arguments);
    let session = context.session().await?;
    let (output, is_known) = compared(&session, &principal).await?;
    if !is_known {
        return Err(CliError::new(Exit::NotFound, "assignment not found")
            .because(format!("neither ACS nor the inventory has an assignment of {principal}"))
            .hint("`guestpass phone list` shows those of the inventory"));
    }
    context.show(&output)
}

/// What the inventory and ACS have, and whether one of them has an assignment.
pub(super) async fn compared(
    session: &ServiceSession,
    principal: &PhonePrincipal,
) -> Result<(PhoneAssignmentOutput, bool)> {
    let acs = session.phone()?;
    let verified = session.run(async |invocation| {
        verify_phone_assignment(&session.store, acs, &session.clock, principal, &invocation).await
    });
    let VerifiedEntry { entry, at_acs, drift } = verified.await?;
    let output = PhoneAssignmentOutput::compared(
        principal,
        entry.as_ref(),
        at_acs.as_ref(),
        drift.map(PhoneDrift::as_str),
        session.clock.now(),
    );
    Ok((output, entry.is_some() || at_acs.is_some()))
}
