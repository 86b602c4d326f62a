//! One file per command, with its arguments and its code.

pub(crate) mod audit;
pub(crate) mod cleanup_apply;
pub(crate) mod cleanup_plan;
pub(crate) mod completion;
mod deletion;
pub(crate) mod doctor;
pub(crate) mod events_dead_letters;
pub(crate) mod events_explain;
pub(crate) mod events_send;
pub(crate) mod identity_create;
pub(crate) mod identity_delete;
pub(crate) mod identity_list;
pub(crate) mod identity_show;
pub(crate) mod man;
pub(crate) mod quickstart;
pub(crate) mod status;
pub(crate) mod token_exchange_teams;
pub(crate) mod token_inspect;
pub(crate) mod token_issue;
pub(crate) mod token_revoke;
pub(crate) mod user_block;
pub(crate) mod user_history;
pub(crate) mod user_unblock;

use std::path::Path;

use identity_core::{
    identity::{IdentityRef, Lifetime, Scopes, TokenRequest},
    record::Reason,
};

use crate::{
    cli::{
        CleanupCommand, Command, EventsCommand, IdentityCommand, Scope, TokenCommand, UserCommand,
        Where,
    },
    failure::{Failure, Result},
    output::{self, Answer, Format, Output, Row},
    span,
    surroundings::Surroundings,
    target::Target,
    world::World,
};

/// The context of every command.
pub(crate) struct Context {
    /// Environment, directory, terminal.
    pub(crate) around: Surroundings,
    /// The options that select the service.
    pub(crate) place: Where,
    /// The requested output.
    pub(crate) output: Option<Output>,
}

impl Context {
    /// The selected service.
    pub(crate) async fn target(&self) -> Result<Target> {
        Ok(Target::find(&self.place, &self.around).await?.in_time().await)
    }

    /// The selected service, if an option, a variable or a local stack selects one.
    pub(crate) async fn target_if_any(&self) -> Result<Option<Target>> {
        if Target::is_told(&self.place, &self.around) {
            self.target().await.map(Some)
        } else {
            Ok(None)
        }
    }

    /// The service, ready for requests.
    pub(crate) async fn world(&self) -> Result<World> {
        World::of(self.target().await?).await
    }

    /// The format of the answer.
    pub(crate) fn format(&self) -> Result<Format> {
        match self.shown() {
            Shown::As(format) => Ok(format),
            Shown::File(path) => Err(output::no_file(path)),
        }
    }

    /// The destination and the format of the answer.
    pub(crate) fn shown(&self) -> Shown<'_> {
        match &self.output {
            Some(Output::File(path)) => Shown::File(path),
            Some(Output::As(format)) => Shown::As(*format),
            None if self.around.stdout_is_terminal => Shown::As(Format::Table),
            None => Shown::As(Format::Json),
        }
    }

    /// Prints an answer.
    pub(crate) fn show<R: Row>(&self, row: &R) -> Result<()> {
        output::show(row, self.format()?)
    }
}

/// The destination of an answer.
pub(crate) enum Shown<'a> {
    /// To stdout, in this format.
    As(Format),
    /// To this file.
    File(&'a Path),
}

/// Runs a command.
pub(crate) async fn run(command: Command, context: &Context) -> Result<()> {
    // Refuses an unsupported format before anything is done.
    if let Some(output) = &context.output {
        output.is_for(answer(&command))?;
    }
    match command {
        Command::Identity(command) => match command {
            IdentityCommand::Create(arguments) => identity_create::run(arguments, context).await,
            IdentityCommand::Show(arguments) => identity_show::run(arguments, context).await,
            IdentityCommand::List(arguments) => identity_list::run(arguments, context).await,
            IdentityCommand::Delete(arguments) => identity_delete::run(arguments, context).await,
        },
        Command::Token(command) => match command {
            TokenCommand::Issue(arguments) => token_issue::run(arguments, context).await,
            TokenCommand::Revoke(arguments) => token_revoke::run(arguments, context).await,
            TokenCommand::ExchangeTeams(arguments) => {
                token_exchange_teams::run(arguments, context).await
            }
            TokenCommand::Inspect(arguments) => token_inspect::run(&arguments, context),
        },
        Command::User(command) => match command {
            UserCommand::Block(arguments) => user_block::run(arguments, context).await,
            UserCommand::Unblock(arguments) => user_unblock::run(arguments, context).await,
            UserCommand::History(arguments) => user_history::run(arguments, context).await,
        },
        Command::Events(command) => match command {
            EventsCommand::Explain(arguments) => events_explain::run(arguments, context).await,
            EventsCommand::Send(arguments) => events_send::run(arguments, context).await,
            EventsCommand::DeadLetters(arguments) => {
                events_dead_letters::run(arguments, context).await
            }
        },
        Command::Cleanup(command) => match command {
            CleanupCommand::Plan(arguments) => cleanup_plan::run(arguments, context).await,
            CleanupCommand::Apply(arguments) => cleanup_apply::run(arguments, context).await,
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
fn answer(command: &Command) -> Answer {
    match command {
        Command::Token(TokenCommand::Issue(_) | TokenCommand::ExchangeTeams(_)) => Answer::Token,
        Command::Identity(IdentityCommand::Create(arguments)) if arguments.with_token => {
            Answer::Token
        }
        Command::Cleanup(CleanupCommand::Plan(_)) => Answer::Plan,
        _ => Answer::Other,
    }
}

/// Reads an external id or an ACS id.
fn identity(raw: &str) -> Result<IdentityRef> {
    IdentityRef::parse(raw).ok_or_else(|| {
        Failure::usage(format!("{raw:?} names no identity"))
            .because("an ACS id is like 8:acs:…_…; an external id has 1 to 1,024 visible ASCII characters and does not begin with 8:")
            .so("look it up with `guestpass identity list`")
    })
}

/// Reads a reason.
fn own_words(raw: &str) -> Result<Reason> {
    Reason::parse(raw).ok_or_else(|| {
        Failure::usage("the reason cannot be kept")
            .because("it has 1 to 256 characters on one line")
            .so("give --reason in a few words")
    })
}

/// Reads the scopes and the lifetime of a token.
fn token_request(scopes: &[Scope], expires_in: Option<&str>) -> Result<TokenRequest> {
    let wanted = scopes.iter().map(|scope| (*scope).into()).collect();
    let scopes = Scopes::of(wanted).ok_or_else(|| {
        Failure::usage("the scopes make no sense")
            .because("a token has one scope or more, each once")
            .so("give --scope voip, or --scope chat voip")
    })?;
    let lifetime = expires_in.map_or(Ok(Lifetime::HOUR), lifetime)?;
    Ok(TokenRequest { scopes, lifetime })
}

fn lifetime(raw: &str) -> Result<Lifetime> {
    let wrong = |why: String| {
        Failure::usage(format!("{raw:?} is no lifetime of a token"))
            .because(why)
            .so("give --expires-in 60m, 90m, … 24h")
    };
    let span = span::parse(raw).map_err(wrong)?;
    let minutes =
        (span.subsec_nanos() == 0 && span.as_secs() % 60 == 0).then_some(span.as_secs() / 60);
    minutes
        .and_then(Lifetime::from_minutes)
        .ok_or_else(|| wrong("ACS takes 60 minutes to 24 hours, in whole minutes".to_owned()))
}
