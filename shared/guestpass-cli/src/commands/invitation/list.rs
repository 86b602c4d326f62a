//! `guestpass invitation list`

use api_types::InvitationOutput;
use identity_core::list_invitations::{ListInvitationsRequest, MAX_PAGE, list_invitations};
use identity_core::ports::Clock as _;

use super::terms::{defaults, operator};
use crate::commands::CommandContext;
use crate::options::InvitationListArguments;
use crate::report::{Result, Rows};

/// Lists invitations as they are read, the first to end first within each of the table's shards.
pub(crate) async fn run(
    arguments: InvitationListArguments,
    context: &CommandContext,
) -> Result<()> {
    let mut rows = Rows::new(context.format()?)?;
    let (guests, session) = (defaults()?, context.session().await?);
    let mut left = arguments.limit.unwrap_or(u64::MAX);
    let mut request = ListInvitationsRequest {
        status: arguments.state,
        limit: MAX_PAGE,
        cursor: None,
        by: operator(&session),
    };
    while left > 0 {
        request.limit = u16::try_from(left).unwrap_or(MAX_PAGE).min(MAX_PAGE);
        let listed = session.run(async |_| {
            let (store, clock) = (&session.store, &session.clock);
            list_invitations(store, clock, Some(&guests), request.clone()).await
        });
        let page = listed.await?;
        for invitation in &page.invitations {
            rows.push(InvitationOutput::new(invitation, session.clock.now()))?;
            left = left.saturating_sub(1);
        }
        request.cursor = page.next;
        if request.cursor.is_none() {
            break;
        }
    }
    rows.finish()
}
