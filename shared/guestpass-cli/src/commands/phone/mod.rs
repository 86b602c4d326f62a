//! The commands of `guestpass phone`.

pub(crate) mod assign;
pub(crate) mod exchange;
pub(crate) mod list;
mod row;
pub(crate) mod show;
pub(crate) mod unassign;

use crate::commands::CommandContext;
use crate::options::PhoneCommand;
use crate::report::Result;

/// Runs a command.
pub(crate) async fn run(command: PhoneCommand, context: &CommandContext) -> Result<()> {
    match command {
        PhoneCommand::Assign(arguments) => assign::run(arguments, context).await,
        PhoneCommand::Show(arguments) => show::run(arguments, context).await,
        PhoneCommand::Unassign(arguments) => unassign::run(arguments, context).await,
        PhoneCommand::List(arguments) => list::run(arguments, context).await,
        PhoneCommand::Reconcile(arguments) => list::reconcile(arguments, context).await,
        PhoneCommand::Exchange(arguments) => exchange::run(arguments, context).await,
    }
}
