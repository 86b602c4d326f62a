use std::time::SystemTime;

use time::{OffsetDateTime, format_description::well_known::Rfc3339, macros::format_description};

/// Formats a time as RFC 3339, in UTC, with three digits for the milliseconds. Not every parser
/// accepts the seven digits that ACS writes.
#[must_use]
pub fn format_timestamp(time: SystemTime) -> String {
    let format =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    OffsetDateTime::from(time).format(&format).unwrap_or_default()
}

/// Parses a time in RFC 3339.
#[must_use]
pub fn parse_timestamp(raw: &str) -> Option<SystemTime> {
    OffsetDateTime::parse(raw, &Rfc3339).ok().map(Into::into)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_timestamp_is_utc_with_milliseconds_and_can_be_parsed_with_any_offset() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_millis(1_800_000_000_250);
        assert_eq!(format_timestamp(time), "2027-01-15T08:00:00.250Z");
        for raw in ["2027-01-15T08:00:00.25Z", "2027-01-15T10:00:00.2500000+02:00"] {
            assert_eq!(parse_timestamp(raw), Some(time), "{raw}");
        }
        for raw in ["", "2027-01-15", "2027-01-15T08:00:00", "1800000000"] {
            assert_eq!(parse_timestamp(raw), None, "{raw}");
        }
    }
}
