//! The value of `--output`: a format, or for a plan a file.

use std::{ffi::OsStr, path::PathBuf};

use clap::{
    Arg, Command, ValueEnum as _,
    builder::{EnumValueParser, PossibleValue, TypedValueParser},
    error::Error,
};

use super::{Format, no_file, no_variables};
use crate::failure::Result;

/// The destination of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// To stdout, in this format.
    As(Format),
    /// To this file.
    File(PathBuf),
}

impl Output {
    /// Refuses a format or a file that does not suit the answer.
    pub(crate) fn is_for(&self, answer: Answer) -> Result<()> {
        match (self, answer) {
            (Self::As(Format::Env), Answer::Token) | (Self::File(_), Answer::Plan) => Ok(()),
            (Self::As(Format::Env), _) => Err(no_variables()),
            (Self::File(path), _) => Err(no_file(path)),
            (Self::As(_), _) => Ok(()),
        }
    }
}

/// The kinds of answers.
#[derive(Clone, Copy)]
pub(crate) enum Answer {
    /// A token, which can be shell variables.
    Token,
    /// A plan, which can be a file.
    Plan,
    /// Any other answer.
    Other,
}

/// Reads the value: one that ends in `.json` is a file.
#[derive(Clone)]
pub(crate) struct OutputParser;

impl TypedValueParser for OutputParser {
    type Value = Output;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> std::result::Result<Output, Error> {
        let path = PathBuf::from(value);
        if path.extension().is_some_and(|extension| extension == "json") {
            return Ok(Output::File(path));
        }
        EnumValueParser::<Format>::new().parse_ref(command, argument, value).map(Output::As)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(Format::value_variants().iter().filter_map(Format::to_possible_value)))
    }
}
