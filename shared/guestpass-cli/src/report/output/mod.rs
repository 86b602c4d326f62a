//! Writes the answers of commands to stdout, in the requested format.
//!
//! All output, also to stderr, goes through this module. It makes untrusted text safe for a
//! terminal ([`printable()`](crate::report::printable())) or for a spreadsheet ([`mod@tsv`]), so
//! that no command has to do it.

mod format;
mod layout;
mod lines;
mod option;
mod rows;
mod text;
mod tsv;

pub(crate) use format::{OutputFormat, Row, print_row, print_value, shell_quoted};
pub(crate) use layout::TableLayout;
pub(crate) use lines::{ask, blank, line, marked, note};
pub(crate) use option::{OutputOption, OutputOptionParser, ResultKind, file_unsupported};
pub(crate) use rows::{Rows, print_rows};
pub(crate) use tsv::unescaped;
