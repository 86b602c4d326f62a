//! `guestpass invitation revoke`

use api_types::InvitationReceiptOutput;
use identity_core::revoke_invitation::{RevokeInvitationRequest, revoke_invitation};

use super::terms::{about_invitation, defaults, invitation_id, operator};
use crate::commands::{CommandContext, confirm};
use crate::input::parse_reason;
use crate::options::InvitationRevokeArguments;
use crate::report::{CliError, Exit, Result};
use crate::service::ServiceSession;

/// Revokes an invitation and every token of its guests.
pub(crate) async fn run(
    arguments: InvitationRevokeArguments,
    context: &CommandContext,
) -> Result<()> {
    let (id, guests) = (invitation_id(&arguments.id)?, defaults()?);
    let reason = arguments.reason.reason.as_deref().map(parse_reason).transpose()?;
    let target = context.target().await?;
    let question =
        format!("Revoke the invitation {id} {} and every token of its guests?", target.in_words());
    confirm(&question, arguments.confirmation.yes, &context.environment)?;
    let session = ServiceSession::of(target).await?;
    let by = operator(&session);
    let revoked = session
        .run(async |invocation| {
            let request = RevokeInvitationRequest { id, reason, by, invocation };
            let (store, acs, clock) = (&session.store, &session.acs, &session.clock);
            revoke_invitation(store, acs, clock, Some(&guests), request).await
        })
        .await
        .map_err(|failure| match failure.exit {
            Exit::Later => {
                failure.hint("tokens of guests may still be valid: run the same command again")
            }
            _ => about_invitation(failure),
        })?;
    let receipt = InvitationReceiptOutput::of(&revoked)
        .ok_or_else(|| CliError::usage("the invitation has no receipt"))?;
    context.show(&receipt)
}
