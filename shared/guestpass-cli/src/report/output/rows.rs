//! Writes many answers, one after the other. Only a few are in memory at a time.

use std::io::{self, BufWriter, Stdout, Write, stdout};

use super::format::{OutputFormat, Row, no_variables, printable_cells, tsv_line};
use super::text::{json, yaml};
use crate::report::Result;

/// Writes answers as they come.
pub(crate) struct Rows<R> {
    format: OutputFormat,
    out: BufWriter<Stdout>,
    written: u64,
    /// The first rows of a table, kept until the widths of the columns are known.
    waiting: Vec<R>,
    widths: Vec<usize>,
}

impl<R: Row> Rows<R> {
    /// Starts without rows.
    pub(crate) fn new(format: OutputFormat) -> Result<Self> {
        if format == OutputFormat::Env {
            return Err(no_variables());
        }
        let out = BufWriter::new(stdout());
        Ok(Self { format, out, written: 0, waiting: Vec::new(), widths: Vec::new() })
    }

    /// The same, except for a table: the caller then prints lines for people.
    pub(crate) fn unless_table(format: OutputFormat) -> Result<Option<Self>> {
        (format != OutputFormat::Table).then(|| Self::new(format)).transpose()
    }

    /// Writes one more row.
    pub(crate) fn push(&mut self, row: R) -> Result<()> {
        let first = self.written == 0;
        self.written += 1;
        match self.format {
            OutputFormat::Table if self.widths.is_empty() => {
                self.waiting.push(row);
                if self.waiting.len() == MEASURED {
                    self.write_waiting()?;
                }
            }
            OutputFormat::Table => self.write_line(&printable_cells(&row))?,
            OutputFormat::Tsv => tsv_line(&mut self.out, &row)?,
            OutputFormat::Json => {
                self.out.write_all(if first { b"[\n" } else { b",\n" })?;
                let mut text = Vec::new();
                json(&mut text, &row)?;
                let text = String::from_utf8_lossy(&text);
                write!(self.out, "  {}", text.trim_end().replace('\n', "\n  "))?;
            }
            // The YAML of a list with one item is also one item of a longer list.
            OutputFormat::Yaml => self.out.write_all(yaml(&[row])?.as_bytes())?,
            OutputFormat::None | OutputFormat::Env => {}
        }
        Ok(())
    }

    /// Writes the remaining rows.
    pub(crate) fn finish(mut self) -> Result<()> {
        match (self.format, self.written) {
            (OutputFormat::Table, _) if self.widths.is_empty() => self.write_waiting()?,
            (OutputFormat::Json | OutputFormat::Yaml, 0) => self.out.write_all(b"[]\n")?,
            (OutputFormat::Json, _) => self.out.write_all(b"\n]\n")?,
            _ => {}
        }
        Ok(self.out.flush()?)
    }

    fn write_waiting(&mut self) -> io::Result<()> {
        let rows: Vec<Vec<String>> =
            self.waiting.drain(..).map(|row| printable_cells(&row)).collect();
        let head: Vec<String> = R::COLUMNS.iter().map(|name| name.to_uppercase()).collect();
        self.widths = (0..head.len())
            .map(|column| {
                let cells = rows.iter().chain([&head]).filter_map(|row| row.get(column));
                cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
            })
            .collect();
        self.write_line(&head)?;
        rows.iter().try_for_each(|row| self.write_line(row))
    }

    fn write_line(&mut self, cells: &[String]) -> io::Result<()> {
        let padded = cells.iter().zip(&self.widths).map(|(cell, width)| format!("{cell:<width$}"));
        let line = padded.collect::<Vec<_>>().join("  ");
        writeln!(self.out, "{}", line.trim_end())
    }
}

/// Writes all of these rows.
pub(crate) fn print_rows<R: Row>(rows: Vec<R>, format: OutputFormat) -> Result<()> {
    let mut out = Rows::new(format)?;
    rows.into_iter().try_for_each(|row| out.push(row))?;
    out.finish()
}

/// How many rows determine the widths of the columns. A wider cell in a later row moves the rest
/// of its own line to the right.
const MEASURED: usize = 200;
