//! The formats in which a result is printed.

use std::io::{self, Write, stdout};

use clap::ValueEnum;
use serde::Serialize;

use super::text::{json, yaml};
use super::tsv;
use crate::report::{CliError, Result, printable};

/// How answers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
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

    /// The columns of a list that a narrow terminal does not show, the least important one first.
    const OPTIONAL: &'static [&'static str] = &[];

    /// The cells, one for each column.
    fn cells(&self) -> Vec<String>;

    /// Shell variables, if the answer can be used with `eval`.
    fn variables(&self) -> Option<Vec<(&'static str, String)>> {
        None
    }
}

/// Writes one answer.
pub(crate) fn print_row<R: Row>(row: &R, format: OutputFormat) -> Result<()> {
    let mut out = stdout().lock();
    match format {
        OutputFormat::Table => list_cells(&mut out, row)?,
        OutputFormat::Tsv => tsv_line(&mut out, row)?,
        OutputFormat::Json => json(&mut out, row)?,
        OutputFormat::Yaml => out.write_all(yaml(row)?.as_bytes())?,
        OutputFormat::None => {}
        OutputFormat::Env => {
            let variables = row.variables().ok_or_else(no_variables)?;
            for (name, value) in variables {
                writeln!(out, "export {name}={}", shell_quoted(&value))?;
            }
        }
    }
    Ok(out.flush()?)
}

/// Writes an answer without cells, as JSON or YAML.
pub(crate) fn print_value<T: Serialize>(value: &T, format: OutputFormat) -> Result<()> {
    let mut out = stdout().lock();
    match format {
        OutputFormat::Json => json(&mut out, value)?,
        OutputFormat::Yaml => out.write_all(yaml(value)?.as_bytes())?,
        OutputFormat::Env => return Err(no_variables()),
        OutputFormat::Table | OutputFormat::Tsv | OutputFormat::None => {}
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

pub(super) fn tsv_line<R: Row>(out: &mut impl Write, row: &R) -> io::Result<()> {
    let cells: Vec<String> = printable_cells(row).into_iter().map(tsv::escaped).collect();
    writeln!(out, "{}", cells.join("\t"))
}

pub(super) fn printable_cells<R: Row>(row: &R) -> Vec<String> {
    row.cells().iter().map(|cell| printable(cell)).collect()
}

pub(super) fn no_variables() -> CliError {
    CliError::usage("the format env is not supported here")
        .because("only commands that issue a token support it")
        .hint("choose table, json, yaml, tsv or none")
}

/// Quotes any text as one word of a POSIX shell.
pub(crate) fn shell_quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_break_out_of_its_quotes() {
        assert_eq!(shell_quoted("a b"), "'a b'");
        assert_eq!(shell_quoted("'; rm -rf ~; '"), r"''\''; rm -rf ~; '\'''");
    }
}
