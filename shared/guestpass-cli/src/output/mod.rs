//! Writes the answers of commands to stdout, in the requested format.
//!
//! All output, also to stderr, goes through this module. It makes untrusted text safe for a
//! terminal ([`mod@printable`]) or for a spreadsheet ([`mod@tsv`]), so that no command has to do
//! it.

mod argument;
mod lines;
mod printable;
mod rows;
mod text;
mod tsv;

use std::{
    io::{self, Write, stdout},
    path::Path,
};

use clap::ValueEnum;
use serde::Serialize;

pub(crate) use argument::{Answer, Output, OutputParser};
pub(crate) use lines::{ask, blank, line, marked, note};
pub(crate) use printable::printable;
pub(crate) use rows::Rows;
pub(crate) use tsv::unescaped;

use text::{json, yaml};

use crate::failure::{Failure, Result};

/// How answers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people (what a terminal gets)
    Table,
    /// For jq (what a pipe gets)
    Json,
    /// As the table, without its head, separated by tabs; an apostrophe comes before what a
    /// spreadsheet would run
    Tsv,
    /// As JSON, but easier to read
    Yaml,
    /// Nothing but the exit code
    None,
    /// A token as `export` lines, for eval
    Env,
}

/// An answer: complete in JSON and YAML, as cells in a table.
pub(crate) trait Row: Serialize {
    /// The column titles.
    const COLUMNS: &'static [&'static str];

    /// The cells, one for each column.
    fn cells(&self) -> Vec<String>;

    /// Shell variables, if the answer can be used with `eval`.
    fn variables(&self) -> Option<Vec<(&'static str, String)>> {
        None
    }
}

/// Writes one answer.
pub(crate) fn show<R: Row>(row: &R, format: Format) -> Result<()> {
    let mut out = stdout().lock();
    match format {
        Format::Table => list_cells(&mut out, row)?,
        Format::Tsv => tsv_line(&mut out, row)?,
        Format::Json => json(&mut out, row)?,
        Format::Yaml => out.write_all(yaml(row)?.as_bytes())?,
        Format::None => {}
        Format::Env => {
            let variables = row.variables().ok_or_else(no_variables)?;
            for (name, value) in variables {
                writeln!(out, "export {name}={}", quoted(&value))?;
            }
        }
    }
    Ok(out.flush()?)
}

/// Writes an answer without cells, as JSON or YAML.
pub(crate) fn show_all<T: Serialize>(value: &T, format: Format) -> Result<()> {
    let mut out = stdout().lock();
    match format {
        Format::Json => json(&mut out, value)?,
        Format::Yaml => out.write_all(yaml(value)?.as_bytes())?,
        Format::Env => return Err(no_variables()),
        Format::Table | Format::Tsv | Format::None => {}
    }
    Ok(out.flush()?)
}

/// Writes one answer as a vertical table: a name and a value per line.
fn list_cells<R: Row>(out: &mut impl Write, row: &R) -> io::Result<()> {
    let width = R::COLUMNS.iter().map(|name| name.chars().count()).max().unwrap_or_default();
    for (name, value) in R::COLUMNS.iter().zip(printable_cells(row)) {
        if !value.is_empty() {
            writeln!(out, "{name:<width$}  {value}")?;
        }
    }
    Ok(())
}

fn tsv_line<R: Row>(out: &mut impl Write, row: &R) -> io::Result<()> {
    let cells: Vec<String> = printable_cells(row).into_iter().map(tsv::escaped).collect();
    writeln!(out, "{}", cells.join("\t"))
}

fn printable_cells<R: Row>(row: &R) -> Vec<String> {
    row.cells().iter().map(|cell| printable(cell)).collect()
}

fn no_variables() -> Failure {
    Failure::usage("there is nothing here to eval")
        .because("the format env is for tokens")
        .so("choose table, json, yaml, tsv or none")
}

/// The failure for an answer other than a plan that should be written to a file.
pub(crate) fn no_file(path: &Path) -> Failure {
    Failure::usage(format!("{} is no format", path.display()))
        .because("only a plan of a cleanup is written to a file")
        .so("choose table, json, yaml, tsv or none, and redirect: > file")
}

/// Quotes any text as one word of a POSIX shell.
pub(crate) fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_break_out_of_its_quotes() {
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("'; rm -rf ~; '"), r"''\''; rm -rf ~; '\'''");
    }
}
