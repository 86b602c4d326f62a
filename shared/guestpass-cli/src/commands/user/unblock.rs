//! `guestpass user unblock`

use identity_core::unblock_user::unblock_user;

use crate::commands::CommandContext;
use crate::input::parse_identity;
use crate::options::UserUnblockArguments;
use crate::report::{Result, unblocked};

/// Lifts a block of any origin.
pub(crate) async fn run(arguments: UserUnblockArguments, context: &CommandContext) -> Result<()> {
    let identity = parse_identity(&arguments.user)?;
    let session = context.session().await?;
    let by = session.administrator();
    let record = session
        .run(async |invocation| {
            unblock_user(&session.store, &session.clock, &identity, by.id(), &invocation).await
        })
        .await?;
    context.show(&unblocked(&record))
}
