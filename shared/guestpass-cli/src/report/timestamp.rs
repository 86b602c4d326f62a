//! Times in RFC 3339, as the service's API writes them.

pub(crate) use api_types::{format_timestamp as format, parse_timestamp as parse};
