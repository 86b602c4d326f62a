//! The command line: every command, flag and value, as clap reads it. Each flag is defined here,
//! and nowhere else.
#![expect(clippy::doc_markdown, reason = "it is what --help prints, where a backtick is one")]

mod audit;
mod checks;
mod cleanup;
mod cli;
mod events;
mod identity;
mod invitation;
mod parse;
mod phone;
mod resource;
mod service;
mod token;
mod user;
mod values;

pub(crate) use audit::*;
pub(crate) use checks::*;
pub(crate) use cleanup::*;
pub(crate) use cli::*;
pub(crate) use events::*;
pub(crate) use identity::*;
pub(crate) use invitation::*;
pub(crate) use parse::parse_command_line;
pub(crate) use phone::*;
pub(crate) use resource::*;
pub(crate) use service::ServiceOptions;
pub(crate) use token::*;
pub(crate) use user::*;
