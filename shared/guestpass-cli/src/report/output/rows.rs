//! Writes many answers, one after the other. Only a few are in memory at a time.

use std::io::{self, BufWriter, Stdout, Write, stdout};

use super::format::{OutputFormat, Row, no_variables, printable_cells, tsv_line};
use super::layout::{TableLayout, TablePlan};
use super::text::{json, yaml};
use crate::report::Result;

/// Writes answers as they come.
pub(crate) struct Rows<R> {
    format: OutputFormat,
    out: BufWriter<Stdout>,
    written: u64,
    layout: TableLayout,
    /// The first rows of a table, kept until the widths of the columns are known.
    waiting: Vec<R>,
    plan: Option<TablePlan>,
}

impl<R: Row> Rows<R> {
    /// Starts without rows, with whole cells in a table.
    pub(crate) fn new(format: OutputFormat) -> Result<Self> {
        Self::with(format, TableLayout::Whole)
    }

    /// Starts without rows.
    pub(crate) fn with(format: OutputFormat, layout: TableLayout) -> Result<Self> {
        if format == OutputFormat::Env {
            return Err(no_variables());
        }
        let out = BufWriter::new(stdout());
        Ok(Self { format, out, written: 0, layout, waiting: Vec::new(), plan: None })
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
            OutputFormat::Table => {
                if let Some(plan) = &mut self.plan {
                    plan.write_row(&mut self.out, &printable_cells(&row))?;
                } else {
                    self.waiting.push(row);
                    if self.waiting.len() == MEASURED {
                        self.write_waiting()?;
                    }
                }
            }
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
            (OutputFormat::Table, _) if self.plan.is_none() => self.write_waiting()?,
            (OutputFormat::Json | OutputFormat::Yaml, 0) => self.out.write_all(b"[]\n")?,
            (OutputFormat::Json, _) => self.out.write_all(b"\n]\n")?,
            _ => {}
        }
        Ok(self.out.flush()?)
    }

    fn write_waiting(&mut self) -> io::Result<()> {
        let rows: Vec<Vec<String>> =
            self.waiting.drain(..).map(|row| printable_cells(&row)).collect();
        let mut plan = TablePlan::new(self.layout, R::COLUMNS, R::OPTIONAL, &rows);
        plan.write_titles(&mut self.out, R::COLUMNS)?;
        rows.iter().try_for_each(|row| plan.write_row(&mut self.out, row))?;
        self.plan = Some(plan);
        Ok(())
    }
}

/// Writes all of these rows.
pub(crate) fn print_rows<R: Row>(
    rows: Vec<R>,
    format: OutputFormat,
    layout: TableLayout,
) -> Result<()> {
    let mut out = Rows::with(format, layout)?;
    rows.into_iter().try_for_each(|row| out.push(row))?;
    out.finish()
}

/// How many rows determine the widths of the columns. A wider cell in a later row moves the rest
/// of its own line to the right.
const MEASURED: usize = 200;
