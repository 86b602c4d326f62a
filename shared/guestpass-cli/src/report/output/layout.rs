//! Fits a table to the width of a terminal: times become relative, and ids and texts shorter.
//!
//! A shortened id begins with `…`, and the commands refuse it: an end that is unique in this list can
//! be the end of another id tomorrow, and a deletion must not depend on that. Within one list, two
//! ids never look the same.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{self, Write};
use std::time::{Duration, SystemTime};

use identity_core::identity::AcsId;

use crate::report::timestamp;

/// How a table is laid out.
#[derive(Clone, Copy)]
pub(crate) enum TableLayout {
    /// Whole cells and absolute times, for a file, a pipe, or `--wide`.
    Whole,
    /// For a terminal with so many columns. Times are relative to `now`.
    Fitted {
        /// The width of the terminal.
        width: usize,
        /// The time of the service.
        now: SystemTime,
    },
}

/// What can be done to the cells of a column that is too wide.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ColumnKind {
    /// Nothing.
    Plain,
    /// Only the end of an id is shown.
    Id,
    /// A text is continued in the next line.
    Text,
}

struct PlannedColumn {
    /// The place of its cell in a row.
    place: usize,
    kind: ColumnKind,
    width: usize,
}

/// The columns of a table, with their widths.
pub(super) struct TablePlan {
    layout: TableLayout,
    columns: Vec<PlannedColumn>,
    /// The ids that were shown shortened, by what was shown.
    shortened: HashMap<String, u64>,
}

impl TablePlan {
    /// Plans the columns. `optional` columns are left out, the first one first, if the terminal is
    /// too narrow for all.
    pub(super) fn new(
        layout: TableLayout,
        titles: &[&str],
        optional: &[&str],
        rows: &[Vec<String>],
    ) -> Self {
        let column = |(place, title): (usize, &&str)| {
            let cells = rows.iter().filter_map(|row| row.get(place));
            let widths = cells.map(|cell| length(&layout.in_time(cell)));
            let width = widths.max().unwrap_or_default().max(length(title));
            PlannedColumn { place, kind: kind(title), width }
        };
        let mut columns: Vec<_> = titles.iter().enumerate().map(column).collect();
        if let TableLayout::Fitted { width, .. } = layout {
            let least = |column: &PlannedColumn| column.width.min(column.least(rows, titles));
            for name in optional {
                let needed: usize = columns.iter().map(least).sum();
                if needed + gaps(columns.len()) > width {
                    columns.retain(|column| titles.get(column.place) != Some(name));
                }
            }
            let least: Vec<usize> = columns.iter().map(least).collect();
            shrink(&mut columns, &least, width);
        }
        Self { layout, columns, shortened: HashMap::new() }
    }

    /// Writes the titles.
    pub(super) fn write_titles(&self, out: &mut impl Write, titles: &[&str]) -> io::Result<()> {
        let cell = |column: &PlannedColumn| {
            titles.get(column.place).map(|title| title.to_uppercase()).unwrap_or_default()
        };
        self.write_cells(out, &self.columns.iter().map(cell).collect::<Vec<_>>())
    }

    /// Writes a row, in more than one line if a text is too long.
    pub(super) fn write_row(&mut self, out: &mut impl Write, row: &[String]) -> io::Result<()> {
        let mut cells = Vec::new();
        let mut rests = Vec::new();
        for column in &self.columns {
            let cell = self.layout.in_time(row.get(column.place).map_or("", String::as_str));
            let is_fitted = matches!(self.layout, TableLayout::Fitted { .. });
            let (cell, rest) = match column.kind {
                _ if !is_fitted || length(&cell) <= column.width => (cell, Vec::new()),
                ColumnKind::Plain => (cell, Vec::new()),
                ColumnKind::Id => {
                    let end = end(&cell, column.width);
                    let mut hasher = DefaultHasher::new();
                    cell.hash(&mut hasher);
                    let hash = hasher.finish();
                    let shown = *self.shortened.entry(end.clone()).or_insert(hash);
                    (if shown == hash { end } else { cell }, Vec::new())
                }
                ColumnKind::Text => {
                    let mut lines = wrapped(&without_ids(&cell), column.width).into_iter();
                    (lines.next().unwrap_or_default(), lines.collect())
                }
            };
            cells.push(cell);
            rests.push(rest);
        }
        self.write_cells(out, &cells)?;
        for line in 0..rests.iter().map(Vec::len).max().unwrap_or_default() {
            let part = |rest: &Vec<String>| rest.get(line).cloned().unwrap_or_default();
            self.write_cells(out, &rests.iter().map(part).collect::<Vec<_>>())?;
        }
        Ok(())
    }

    fn write_cells(&self, out: &mut impl Write, cells: &[String]) -> io::Result<()> {
        let padded = cells.iter().zip(&self.columns);
        let padded = padded.map(|(cell, column)| format!("{cell:<width$}", width = column.width));
        let line = padded.collect::<Vec<_>>().join(GAP);
        writeln!(out, "{}", line.trim_end())
    }
}

impl PlannedColumn {
    /// The least width with which the cells still say something.
    fn least(&self, rows: &[Vec<String>], titles: &[&str]) -> usize {
        let title = titles.get(self.place).map_or(0, |title| length(title));
        match self.kind {
            ColumnKind::Plain => self.width,
            ColumnKind::Text => LEAST_TEXT.max(title),
            ColumnKind::Id => {
                let ids: HashSet<&str> =
                    rows.iter().filter_map(|row| row.get(self.place)).map(String::as_str).collect();
                let are_distinct = |width: &usize| {
                    let ends: HashSet<String> = ids.iter().map(|id| end(id, *width)).collect();
                    ends.len() == ids.len()
                };
                let least = LEAST_ID.max(title);
                (least..self.width).find(are_distinct).unwrap_or(self.width.max(least))
            }
        }
    }
}

impl TableLayout {
    /// A time relative to now: `5 min ago`. Any other cell is unchanged.
    fn in_time(self, cell: &str) -> String {
        let Self::Fitted { now, .. } = self else { return cell.to_owned() };
        // Only times that the tool has written have this length.
        let time = if cell.len() == WRITTEN_TIME { timestamp::parse(cell) } else { None };
        time.map_or_else(|| cell.to_owned(), |time| relative(time, now))
    }
}

fn relative(time: SystemTime, now: SystemTime) -> String {
    match now.duration_since(time) {
        Ok(ago) => format!("{} ago", largest_unit(ago)),
        // Written by a request that began after the list.
        Err(ahead) if ahead.duration() < Duration::from_secs(1) => "0 s ago".to_owned(),
        Err(ahead) => format!("in {}", largest_unit(ahead.duration())),
    }
}

fn largest_unit(span: Duration) -> String {
    match span.as_secs() {
        seconds @ ..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds @ 7200..172_800 => format!("{} h", seconds / 3600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

/// Makes the widest columns narrower, until all fit or have the least width.
fn shrink(columns: &mut [PlannedColumn], least: &[usize], width: usize) {
    loop {
        let total: usize = columns.iter().map(|column| column.width).sum();
        let shrinkable = columns.iter_mut().zip(least);
        let shrinkable = shrinkable.filter(|(column, least)| column.width > **least);
        let widest = shrinkable.max_by_key(|(column, _)| column.width);
        match widest {
            Some((column, _)) if total + gaps(least.len()) > width => column.width -= 1,
            _ => return,
        }
    }
}

/// The end of an id, after a mark.
fn end(id: &str, width: usize) -> String {
    let count = length(id);
    if count <= width {
        return id.to_owned();
    }
    let last = id.chars().skip(count - width.saturating_sub(1));
    [MARK].into_iter().chain(last).collect()
}

/// A text with the ends of its ACS ids.
fn without_ids(text: &str) -> String {
    let word = |word: &str| {
        let id = word.trim_end_matches([',', ';', ':', '.', ')']);
        match AcsId::parse(id) {
            Some(_) => word.replace(id, &end(id, ID_IN_TEXT)),
            None => word.to_owned(),
        }
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// A text in lines. A longer word has its own line.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if length(line) + 1 + length(word) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

fn length(text: &str) -> usize {
    text.chars().count()
}

fn gaps(columns: usize) -> usize {
    GAP.len() * columns.saturating_sub(1)
}

fn kind(title: &str) -> ColumnKind {
    if IDS.contains(&title) {
        ColumnKind::Id
    } else if TEXTS.contains(&title) {
        ColumnKind::Text
    } else {
        ColumnKind::Plain
    }
}

/// The columns with ids, in all lists.
const IDS: [&str; 14] = [
    "external id",
    "ACS id",
    "user",
    "identity",
    "by",
    "reference",
    "message",
    "endpoint",
    "id",
    "subject",
    "stream",
    "audience",
    "tenant",
    "object",
];

/// The columns with texts, in all lists.
const TEXTS: [&str; 11] = [
    "what",
    "reason",
    "note",
    "says",
    "would",
    "why",
    "name",
    "scopes",
    "events",
    "finding",
    "rules that do not apply",
];

const GAP: &str = "  ";

/// Marks a shortened id.
const MARK: char = '…';

/// With the mark, eight characters: the end of an ACS id is random.
const LEAST_ID: usize = 9;

/// The width of an ACS id in a text.
const ID_IN_TEXT: usize = 13;

const LEAST_TEXT: usize = 24;

/// `2026-11-27T12:00:00.000Z`
const WRITTEN_TIME: usize = 24;

#[cfg(test)]
mod tests;
