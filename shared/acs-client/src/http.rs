//! The parts of HTTP that do not depend on ACS: connections, dates, and untrusted text.

mod connections;
mod date;
mod text;

pub(crate) use connections::{client, read_capped};
pub(crate) use date::{http_date, parse_http_date, parse_json_date};
pub(crate) use text::{LONGEST_NAME, LONGEST_TEXT, chain, clean};
