//! Times in RFC 3339.

use std::time::SystemTime;

use time::{OffsetDateTime, format_description::well_known::Rfc3339, macros::format_description};

/// In UTC, to the millisecond, as the service's API writes them.
pub(crate) fn format(moment: SystemTime) -> String {
    let format =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    OffsetDateTime::from(moment).format(&format).unwrap_or_default()
}

/// Reads RFC 3339.
pub(crate) fn parse(raw: &str) -> Option<SystemTime> {
    OffsetDateTime::parse(raw, &Rfc3339).ok().map(Into::into)
}
