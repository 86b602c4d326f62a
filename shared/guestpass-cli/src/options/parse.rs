//! Reads the arguments, without printing a secret that a user passed as an argument.

use std::ffi::OsString;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use clap::Parser as _;
use clap::error::{ContextKind, ContextValue, Error};

use super::cli::Cli;
use crate::report::{CliError, Result, printable};

/// Reads the arguments, the program's own name first. For help and for invalid arguments, it
/// prints the text and ends the program.
pub(crate) fn parse_command_line(arguments: impl Iterator<Item = OsString>) -> Result<Cli> {
    let arguments: Vec<OsString> = arguments.collect();
    for argument in arguments.iter().skip(1) {
        refuse_secret(&argument.to_string_lossy())?;
    }
    Ok(Cli::try_parse_from(arguments).unwrap_or_else(|error| in_short(error).exit()))
}

/// Refuses secrets that `az` accepts as arguments, and does not quote them.
fn refuse_secret(argument: &str) -> Result<()> {
    let (flag, value) = argument.split_once('=').unwrap_or((argument, argument));
    if flag == "--connection-string" || argument.to_ascii_lowercase().contains("accesskey=") {
        return Err(refused("a connection string").hint(
            "set COMMUNICATION_SERVICES_CONNECTION_STRING, or give --connection-string-file",
        ));
    }
    if is_key(argument) || is_key(value) {
        return Err(refused("an access key").hint(
            "set COMMUNICATION_SERVICES_CONNECTION_STRING to the whole connection string, or give --connection-string-file",
        ));
    }
    if matches!(flag, "--token" | "--aad-token" | "--bearer") || holds_token(argument) {
        return Err(refused("a token").hint("pipe it in, or name a file that has it"));
    }
    Ok(())
}

/// Whether `text` has the form of an access key: 32 or 64 bytes in base64.
fn is_key(text: &str) -> bool {
    BASE64_STANDARD.decode(text.trim()).is_ok_and(|bytes| matches!(bytes.len(), 32 | 64))
}

/// Whether `text` contains a JSON Web Token: bare, quoted, after `Bearer`, or in JSON.
fn holds_token(text: &str) -> bool {
    let mut words = text.split(|of: char| !of.is_ascii_alphanumeric() && !"-_.".contains(of));
    words.any(|word| word.split_once("eyJ").is_some_and(|(_, rest)| rest.matches('.').count() >= 2))
}

fn refused(what: &str) -> CliError {
    CliError::usage(format!("{what} as an argument is refused")).because(
        "it is a secret: every user of this machine can read a command line, and your shell's \
         history keeps it",
    )
}

/// Shortens an error so that it quotes nothing long, which may be an unknown kind of secret.
/// Quoted text cannot control the terminal.
fn in_short(mut error: Error) -> Error {
    let changed: Vec<(ContextKind, ContextValue)> =
        error.context().filter_map(|(kind, value)| Some((kind, quotable(value)?))).collect();
    for (kind, value) in changed {
        error.insert(kind, value);
        // The suggestion quotes the same value.
        error.remove(ContextKind::Suggested);
    }
    error
}

/// The text to quote instead of `value`; `None` if `value` can be quoted as it is.
fn quotable(value: &ContextValue) -> Option<ContextValue> {
    let text = |text: &String| {
        if text.chars().count() > LONGEST_QUOTED { "…".to_owned() } else { printable(text) }
    };
    let quoted = match value {
        ContextValue::String(quoted) => ContextValue::String(text(quoted)),
        _ => return None,
    };
    (quoted != *value).then_some(quoted)
}

/// Options and their placeholders are shorter.
const LONGEST_QUOTED: usize = 40;
