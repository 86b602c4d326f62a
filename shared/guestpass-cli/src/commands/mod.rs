//! One file per command.

mod audit;
mod cleanup;
mod completion;
mod confirm;
mod context;
mod deletion;
mod doctor;
mod events;
mod identity;
mod invitation;
mod man;
mod phone;
mod policy;
mod quickstart;
mod resource;
mod status;
mod token;
mod user;

pub(crate) use confirm::confirm;
pub(crate) use context::CommandContext;

use crate::options::{
    CleanupCommand, Command, EventsCommand, IdentityCommand, InvitationCommand, PhoneCommand,
    PolicyCommand, ResourceCommand, TokenCommand, UserCommand,
};
use crate::report::{Result, ResultKind};

/// Runs a command.
pub(crate) async fn run(command: Command, context: &CommandContext) -> Result<()> {
    // Refuses an unsupported format before anything is done.
    if let Some(output) = &context.output {
        output.is_for(answer(&command))?;
    }
    match command {
        Command::Identity(command) => match command {
            IdentityCommand::Create(arguments) => identity::create::run(arguments, context).await,
            IdentityCommand::Show(arguments) => identity::show::run(arguments, context).await,
            IdentityCommand::List(arguments) => identity::list::run(arguments, context).await,
            IdentityCommand::Import(arguments) => identity::import::run(arguments, context).await,
            IdentityCommand::Delete(arguments) => identity::delete::run(arguments, context).await,
        },
        Command::Token(command) => match command {
            TokenCommand::Issue(arguments) => token::issue::run(arguments, context).await,
            TokenCommand::Revoke(arguments) => token::revoke::run(arguments, context).await,
            TokenCommand::ExchangeTeams(arguments) => {
                token::exchange_teams::run(arguments, context).await
            }
            TokenCommand::Inspect(arguments) => token::inspect::run(&arguments, context),
        },
        Command::User(command) => match command {
            UserCommand::Block(arguments) => token::revoke::run(arguments.into(), context).await,
            UserCommand::Unblock(arguments) => user::unblock::run(arguments, context).await,
            UserCommand::Move(arguments) => user::relocate::run(arguments, context).await,
            UserCommand::History(arguments) => user::history::run(arguments, context).await,
        },
        Command::Invitation(command) => invitation::run(command, context).await,
        Command::Events(command) => match command {
            EventsCommand::Explain(arguments) => events::explain::run(arguments, context).await,
            EventsCommand::Send(arguments) => events::send::run(arguments, context).await,
            EventsCommand::DeadLetters(arguments) => {
                events::dead_letters::run(arguments, context).await
            }
            EventsCommand::Replay(arguments) => events::replay::run(arguments, context).await,
            EventsCommand::Streams(command) => events::streams::run(command, context).await,
        },
        Command::Cleanup(command) => match command {
            CleanupCommand::Plan(arguments) => cleanup::plan::run(arguments, context).await,
            CleanupCommand::Apply(arguments) => cleanup::apply::run(arguments, context).await,
        },
        Command::Phone(command) => phone::run(command, context).await,
        Command::Resource(command) => match command {
            ResourceCommand::List => resource::list::run(context).await,
            ResourceCommand::Explain(arguments) => resource::explain::run(arguments, context).await,
        },
        Command::Policy(command) => match command {
            PolicyCommand::Explain(arguments) => policy::explain::run(&arguments, context),
            PolicyCommand::Test(arguments) => policy::test::run(&arguments, context),
        },
        Command::Audit(arguments) => audit::run(arguments, context).await,
        Command::Status => status::run(context).await,
        Command::Doctor(arguments) => doctor::run(arguments, context).await,
        Command::Quickstart(arguments) => quickstart::run(arguments, context).await,
        Command::Completion(arguments) => completion::run(&arguments),
        Command::Man(arguments) => man::run(&arguments),
    }
}

/// The kind of answer of a command.
fn answer(command: &Command) -> ResultKind {
    match command {
        Command::Identity(IdentityCommand::Create(arguments)) if arguments.with_token => {
            ResultKind::Token
        }
        Command::Token(TokenCommand::Issue(_) | TokenCommand::ExchangeTeams(_))
        | Command::Phone(PhoneCommand::Exchange(_))
        | Command::Invitation(InvitationCommand::Create(_) | InvitationCommand::Exchange(_)) => {
            ResultKind::Token
        }
        Command::Cleanup(CleanupCommand::Plan(_)) => ResultKind::Plan,
        _ => ResultKind::Other,
    }
}
