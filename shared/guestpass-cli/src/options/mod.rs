//! The command line: every command, flag and value, as clap reads it. Each flag is defined here,
//! and nowhere else.
#![expect(clippy::doc_markdown, reason = "it is what --help prints, where a backtick is one")]

mod audit;
mod cleanup;
mod cli;
mod doctor;
mod events;
mod identity;
mod parse;
mod service;
mod token;
mod user;
mod values;

pub(crate) use audit::{AuditArguments, Since};
pub(crate) use cleanup::{CleanupApplyArguments, CleanupCommand, CleanupPlanArguments};
pub(crate) use cli::{Cli, Command, CompletionArguments, ManArguments, QuickstartArguments};
pub(crate) use doctor::{DoctorArguments, LOCAL_ADMIN_CONDITION, parse_condition};
pub(crate) use events::{
    EventsCommand, EventsDeadLettersArguments, EventsExplainArguments, EventsSendArguments,
};
pub(crate) use identity::{
    IdentityCommand, IdentityCreateArguments, IdentityDeleteArguments, IdentityListArguments,
    IdentityShowArguments,
};
pub(crate) use parse::parse_command_line;
pub(crate) use service::ServiceOptions;
pub(crate) use token::{
    TokenCommand, TokenExchangeTeamsArguments, TokenInspectArguments, TokenIssueArguments,
    TokenRevokeArguments,
};
pub(crate) use user::{
    UserBlockArguments, UserCommand, UserHistoryArguments, UserUnblockArguments,
};
