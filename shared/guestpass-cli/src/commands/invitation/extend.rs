//! `guestpass invitation extend` and `guestpass invitation unlock`

use api_types::InvitationOutput;
use identity_core::extend_invitation::{ExtendInvitationRequest, extend_invitation};
use identity_core::policy::GuestPolicy;
use identity_core::ports::Clock as _;

use super::terms::{about_invitation, defaults, guest_policy, invitation_id, operator};
use crate::commands::CommandContext;
use crate::options::{InvitationExtendArguments, InvitationUnlockArguments};
use crate::report::{CliError, Result};
use crate::service::ServiceSession;

/// Moves the end of an invitation, or admits more devices.
pub(crate) async fn run(
    arguments: InvitationExtendArguments,
    context: &CommandContext,
) -> Result<()> {
    let (id, guests) = (invitation_id(&arguments.id)?, guest_policy(&arguments.policy)?);
    let session = context.session().await?;
    let closes_at = arguments.end.time(session.clock.now())?;
    let devices = arguments.devices;
    if closes_at.is_none() && devices.is_none() {
        return Err(
            CliError::usage("nothing to change").hint("give --closes-in, --closes-at or --devices")
        );
    }
    let by = operator(&session);
    let request = ExtendInvitationRequest { id, closes_at, devices, unlock: false, by };
    change(&session, &guests, request, context).await
}

/// Permits ten PINs again.
pub(crate) async fn unlock(
    arguments: &InvitationUnlockArguments,
    context: &CommandContext,
) -> Result<()> {
    let (id, guests) = (invitation_id(&arguments.id)?, defaults()?);
    let session = context.session().await?;
    let by = operator(&session);
    let request = ExtendInvitationRequest { id, closes_at: None, devices: None, unlock: true, by };
    change(&session, &guests, request, context).await
}

async fn change(
    session: &ServiceSession,
    guests: &GuestPolicy,
    request: ExtendInvitationRequest,
    context: &CommandContext,
) -> Result<()> {
    let changed = session
        .run(async |_| {
            extend_invitation(&session.store, &session.clock, Some(guests), request).await
        })
        .await
        .map_err(about_invitation)?;
    context.show(&InvitationOutput::new(&changed, session.clock.now()))
}
