//! `guestpass invitation show`

use api_types::InvitationDetailsOutput;
use identity_core::get_invitation::{GetInvitationRequest, get_invitation};
use identity_core::ports::Clock as _;

use super::terms::{about_invitation, defaults, invitation_id, operator};
use crate::commands::CommandContext;
use crate::options::InvitationNameArguments;
use crate::report::Result;

/// Shows an invitation and its guests.
pub(crate) async fn run(
    arguments: &InvitationNameArguments,
    context: &CommandContext,
) -> Result<()> {
    let (id, guests) = (invitation_id(&arguments.id)?, defaults()?);
    let session = context.session().await?;
    let request = GetInvitationRequest { id, by: operator(&session) };
    let shown = session
        .run(async |_| get_invitation(&session.store, Some(&guests), request).await)
        .await
        .map_err(about_invitation)?;
    context.show(&InvitationDetailsOutput::new(&shown, session.clock.now()))
}
