//! The command line.
#![expect(clippy::doc_markdown, reason = "it is what --help prints, where a backtick is one")]

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::{
    commands::{
        audit, cleanup_apply, cleanup_plan, completion, doctor, events_dead_letters,
        events_explain, events_send, identity_create, identity_delete, identity_list,
        identity_show, man, quickstart, token_exchange_teams, token_inspect, token_issue,
        token_revoke, user_block, user_history, user_unblock,
    },
    failure::EXIT_CODES,
    output::{Output, OutputParser},
};

/// Identities and tokens of Azure Communication Services, as Guestpass keeps them.
#[derive(Parser)]
#[command(
    name = "guestpass",
    version,
    about = "Identities and tokens of Azure Communication Services, as Guestpass keeps them",
    after_help = AFTER_HELP,
    after_long_help = after_long_help(),
    arg_required_else_help = true,
    max_term_width = 100,
    subcommand_required = true
)]
pub(crate) struct Cli {
    /// What is meant.
    #[command(flatten)]
    pub(crate) place: Where,
    /// How to answer.
    #[command(flatten)]
    pub(crate) how: How,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Create, show, list and delete identities
    #[command(subcommand)]
    Identity(IdentityCommand),
    /// Issue, revoke, exchange and read tokens
    #[command(subcommand)]
    Token(TokenCommand),
    /// Block and unblock users, and tell one user's story
    #[command(subcommand)]
    User(UserCommand),
    /// Send events, explain them, and look after those that failed
    #[command(subcommand)]
    Events(EventsCommand),
    /// Find what nobody has used, look at it, and delete that and nothing else
    #[command(subcommand)]
    Cleanup(CleanupCommand),
    /// List what administrators, events and the cleanup did, newest first
    Audit(audit::Arguments),
    /// Say which service is meant, and why
    Status,
    /// Check one thing after the other, and name the remedy of what is wrong
    Doctor(doctor::Arguments),
    /// Do the steps of the Azure quickstart, and clean up
    Quickstart(quickstart::Arguments),
    /// Write a completion script for a shell
    Completion(completion::Arguments),
    /// Write the man pages
    Man(man::Arguments),
}

/// What to do with identities.
#[derive(Subcommand)]
pub(crate) enum IdentityCommand {
    /// Create an identity; for an external id that has one, find it
    Create(identity_create::Arguments),
    /// Show what is known about an identity
    Show(identity_show::Arguments),
    /// List identities, by state and by last use
    List(identity_list::Arguments),
    /// Delete identities, with their tokens and everything ACS keeps about them
    Delete(identity_delete::Arguments),
}

/// What to do with tokens.
#[derive(Subcommand)]
pub(crate) enum TokenCommand {
    /// Issue a token for an identity
    Issue(token_issue::Arguments),
    /// Revoke every token of an identity
    Revoke(token_revoke::Arguments),
    /// Exchange a Teams user's Entra token, read from stdin or a file
    ExchangeTeams(token_exchange_teams::Arguments),
    /// Show what a token on stdin says; it is sent nowhere
    Inspect(token_inspect::Arguments),
}

/// What to do with users.
#[derive(Subcommand)]
pub(crate) enum UserCommand {
    /// Revoke every token of a user, and issue no new one
    Block(user_block::Arguments),
    /// Lift a block, whoever set it
    Unblock(user_unblock::Arguments),
    /// Tell what happened to a user, from the record, the cleanups and the log
    History(user_history::Arguments),
}

/// What to do with events.
#[derive(Subcommand)]
pub(crate) enum EventsCommand {
    /// Say what the service would do about an event, and why
    Explain(events_explain::Arguments),
    /// Send an event to the bus
    Send(events_send::Arguments),
    /// Show the events that failed too often, or have them tried again
    DeadLetters(events_dead_letters::Arguments),
}

/// What to do about identities that nobody uses.
#[derive(Subcommand)]
pub(crate) enum CleanupCommand {
    /// Find them, and write them down
    Plan(cleanup_plan::Arguments),
    /// Delete what a plan names, and spare whoever has moved since
    Apply(cleanup_apply::Arguments),
}

/// Which service is meant.
#[derive(Args, Default)]
#[command(next_help_heading = "Which service")]
pub(crate) struct Where {
    /// The local stack that was started here, whatever the environment says
    #[arg(long, global = true, hide_short_help = true, conflicts_with = "connection_string_file")]
    pub(crate) local: bool,
    /// The stack.json of a local stack
    #[arg(
        long,
        global = true,
        hide_short_help = true,
        value_name = "PATH",
        conflicts_with = "connection_string_file"
    )]
    pub(crate) stack_file: Option<PathBuf>,
    /// A file with the connection string of the ACS resource; - for stdin
    #[arg(long, global = true, hide_short_help = true, value_name = "PATH")]
    pub(crate) connection_string_file: Option<PathBuf>,
    /// The secret with that connection string, read with your own AWS credentials: the
    /// template's AcsSecretArn [env: GUESTPASS_SECRET]
    #[arg(
        long,
        global = true,
        hide_short_help = true,
        value_name = "ARN",
        conflicts_with = "connection_string_file"
    )]
    pub(crate) secret: Option<String>,
    /// The DynamoDB table [env: GUESTPASS_TABLE]
    #[arg(long, global = true, hide_short_help = true, value_name = "NAME")]
    pub(crate) table: Option<String>,
    /// The DynamoDB table of the audit log [env: GUESTPASS_AUDIT_TABLE]
    #[arg(long, global = true, hide_short_help = true, value_name = "NAME")]
    pub(crate) audit_table: Option<String>,
    /// The profile of the AWS configuration [env: AWS_PROFILE]
    #[arg(long, global = true, hide_short_help = true, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// The AWS region of the table [env: AWS_REGION]
    #[arg(long, global = true, hide_short_help = true, value_name = "NAME")]
    pub(crate) region: Option<String>,
    /// The api-version to speak with ACS [env: ACS_API_VERSION]
    #[arg(long, global = true, hide_short_help = true, value_name = "VERSION")]
    pub(crate) api_version: Option<String>,
}

/// How to answer.
#[derive(Args)]
#[command(next_help_heading = "How to answer")]
pub(crate) struct How {
    /// The format of the answer [default: table on a terminal, json in a pipe]; of a plan
    /// also its file: plan.json
    #[arg(short, long, global = true, value_name = "FORMAT", value_parser = OutputParser)]
    pub(crate) output: Option<Output>,
    /// Tell all that is known about an error
    #[arg(long, global = true)]
    pub(crate) debug: bool,
}

/// What a token may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scope {
    /// Everything in Chat, until 30 September 2028
    #[value(name = "chat")]
    Chat,
    /// Chat without creating, changing or deleting threads
    #[value(name = "chat.join")]
    ChatJoin,
    /// As chat.join, and without adding or removing people
    #[value(name = "chat.join.limited")]
    ChatJoinLimited,
    /// Everything in Calling
    #[value(name = "voip")]
    Voip,
    /// Joining calls, not starting them
    #[value(name = "voip.join")]
    VoipJoin,
}

impl From<Scope> for identity_core::identity::Scope {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::Chat => Self::Chat,
            Scope::ChatJoin => Self::ChatJoin,
            Scope::ChatJoinLimited => Self::ChatJoinLimited,
            Scope::Voip => Self::Voip,
            Scope::VoipJoin => Self::VoipJoin,
        }
    }
}

const AFTER_HELP: &str = "\
A connection string in the environment means a deployed service, reached with your own AWS
credentials; without one, the local stack (`make run`) that was started here is meant.
`guestpass status` says which; `guestpass --help` lists the options that choose another.";

fn after_long_help() -> String {
    format!("{AFTER_HELP}\n\n{ENVIRONMENT}\n\n{EXIT_CODES}")
}

const ENVIRONMENT: &str = "\
Environment:
  COMMUNICATION_SERVICES_CONNECTION_STRING   the ACS resource and its key, as in Microsoft's SDKs
  AZURE_COMMUNICATION_CONNECTION_STRING      the same, as in Microsoft's command line
  GUESTPASS_ISSUER                           the issuer of the users' tokens, to read events
  GUESTPASS_DEAD_LETTER_QUEUE                the URL of the queue of the dead letters
  GUESTPASS_EVENT_BUS                        the event bus (the output `EventBusName`)
  GUESTPASS_SECRET                           the secret in AWS with such a string
  GUESTPASS_TABLE                            the table (the output `TableName` of the deployed stack)
  GUESTPASS_AUDIT_TABLE                      the table of the audit log (the output `AuditTableName`)
  GUESTPASS_AUDIT_RETENTION_DAYS             the parameter `AuditRetentionDays` of the deployed stack
  AWS_PROFILE, AWS_REGION, …                 as for the AWS command line
  ACS_API_VERSION                            the api-version to speak with ACS
  NO_COLOR                                   no colours";
