//! `guestpass invitation`

mod create;
mod exchange;
mod extend;
mod in_order;
mod list;
mod revoke;
mod show;
mod terms;

use crate::commands::CommandContext;
use crate::options::InvitationCommand;
use crate::report::Result;

/// Runs a command about invitations.
pub(crate) async fn run(command: InvitationCommand, context: &CommandContext) -> Result<()> {
    match command {
        InvitationCommand::Create(arguments) => create::run(arguments, context).await,
        InvitationCommand::List(arguments) => list::run(arguments, context).await,
        InvitationCommand::Show(arguments) => show::run(&arguments, context).await,
        InvitationCommand::Extend(arguments) => extend::run(arguments, context).await,
        InvitationCommand::Unlock(arguments) => extend::unlock(&arguments, context).await,
        InvitationCommand::Revoke(arguments) => revoke::run(arguments, context).await,
        InvitationCommand::Exchange(arguments) => exchange::run(arguments, context).await,
    }
}
