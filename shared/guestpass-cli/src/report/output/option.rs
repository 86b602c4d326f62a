//! The value of `--output`: a format, or for a plan a file.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use clap::builder::{EnumValueParser, PossibleValue, TypedValueParser};
use clap::error::Error;
use clap::{Arg, Command, ValueEnum as _};

use super::format::{OutputFormat, no_variables};
use crate::report::{CliError, Result};

/// The destination of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OutputOption {
    /// To stdout, in this format.
    As(OutputFormat),
    /// To this file.
    File(PathBuf),
}

impl OutputOption {
    /// Refuses a format or a file that does not suit the answer.
    pub(crate) fn is_for(&self, answer: ResultKind) -> Result<()> {
        match (self, answer) {
            (Self::As(OutputFormat::Env), ResultKind::Token)
            | (Self::File(_), ResultKind::Plan) => Ok(()),
            (Self::As(OutputFormat::Env), _) => Err(no_variables()),
            (Self::File(path), _) => Err(file_unsupported(path)),
            (Self::As(_), _) => Ok(()),
        }
    }
}

/// The kinds of answers.
#[derive(Clone, Copy)]
pub(crate) enum ResultKind {
    /// A token or a handle, which can be shell variables.
    Token,
    /// A plan, which can be a file.
    Plan,
    /// Any other answer.
    Other,
}

/// Reads the value: one that ends in `.json` is a file.
#[derive(Clone)]
pub(crate) struct OutputOptionParser;

impl TypedValueParser for OutputOptionParser {
    type Value = OutputOption;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> std::result::Result<OutputOption, Error> {
        let path = PathBuf::from(value);
        if path.extension().is_some_and(|extension| extension == "json") {
            return Ok(OutputOption::File(path));
        }
        EnumValueParser::<OutputFormat>::new()
            .parse_ref(command, argument, value)
            .map(OutputOption::As)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(
            OutputFormat::value_variants().iter().filter_map(OutputFormat::to_possible_value),
        ))
    }
}

/// The failure for an answer other than a plan that should be written to a file.
pub(crate) fn file_unsupported(path: &Path) -> CliError {
    CliError::usage(format!("{} is not a supported format", path.display()))
        .because("only a plan of a cleanup is written to a file")
        .hint("choose table, json, yaml, tsv or none, and redirect: > file")
}
