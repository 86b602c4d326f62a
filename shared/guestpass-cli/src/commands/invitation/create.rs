//! `guestpass invitation create`

use api_types::{CreatedInvitationOutput, InvitationOutput};
use identity_core::create_invitation::{CreateInvitationRequest, create_invitation};
use identity_core::guest::Meeting;
use identity_core::identity::Scopes;
use identity_core::ports::{Clock as _, SystemRandom};
use identity_core::secret::Secret;

use super::terms::{guest_policy, operator};
use crate::commands::CommandContext;
use crate::input::{parse_time, secret_in};
use crate::options::InvitationCreateArguments;
use crate::report::{CliError, Result};

/// Creates an invitation, and prints its handle and its PIN.
pub(crate) async fn run(
    arguments: InvitationCreateArguments,
    context: &CommandContext,
) -> Result<()> {
    let guests = guest_policy(&arguments.policy)?;
    let opens_at = arguments.opens_at.as_deref().map(parse_time).transpose()?;
    let meeting = meeting(&secret_in(&arguments.meeting_file, "the link of the meeting")?);
    let session = context.session().await?;
    let closes_at = arguments.end.time(session.clock.now())?.ok_or_else(|| {
        CliError::usage("the invitation has no end")
            .because("an invitation without an end would let guests in for ever")
            .hint("give --closes-in 2h, or --closes-at")
    })?;
    let request = CreateInvitationRequest {
        meeting,
        opens_at,
        closes_at,
        display_name: arguments.display_name.map(Secret::new),
        scopes: Scopes::of(arguments.scope),
        devices: arguments.devices,
        pin: arguments.pin.then_some(true),
        delete_after_hours: arguments.delete_after_hours,
        reference: arguments.reference.map(Secret::new),
        by: operator(&session),
    };
    let created = session
        .run(async |_| {
            let (store, clock) = (&session.store, &session.clock);
            create_invitation(store, clock, &SystemRandom, Some(&guests), request).await
        })
        .await?;
    let invitation = InvitationOutput::new(&created.invitation, session.clock.now());
    let served = session.target.stack().map(|stack| format!("{}/join/", stack.gateway));
    let page = arguments.join_url.as_deref().or(served.as_deref());
    context.show(&CreatedInvitationOutput::new(
        &created.handle,
        created.pin.as_ref(),
        page,
        invitation,
    ))
}

/// The meeting in a text: a link, or an ID and on the next line its passcode.
fn meeting(text: &Secret) -> Meeting {
    let text = text.expose();
    if text.starts_with("https://") {
        return Meeting::Link(Secret::new(text));
    }
    let (id, passcode) = text.split_once('\n').unwrap_or((text, ""));
    let passcode = Some(passcode.trim()).filter(|passcode| !passcode.is_empty());
    Meeting::Id { meeting_id: Secret::new(id.trim()), passcode: passcode.map(Secret::new) }
}
