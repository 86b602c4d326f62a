//! The value of `--output`: a format, or for a plan a file.

use std::{ffi::OsStr, path::PathBuf};

use clap::{
    Arg, Command, ValueEnum as _,
    builder::{EnumValueParser, PossibleValue, TypedValueParser},
    error::Error,
};

use super::Format;

/// Where an answer goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// To stdout, in this format.
    As(Format),
    /// To this file.
    File(PathBuf),
}

/// Reads it: what ends in `.json` is a file.
#[derive(Clone)]
pub(crate) struct OutputParser;

impl TypedValueParser for OutputParser {
    type Value = Output;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<Output, Error> {
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
