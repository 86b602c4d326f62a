//! Dates in the format of HTTP (RFC 9110 §5.6.7), and in the format of ACS's JSON.

use std::time::SystemTime;

use time::format_description::StaticFormatDescription;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

const IMF_FIXDATE: StaticFormatDescription = format_description!(
    "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
);

/// Formats a time like `Tue, 05 Mar 2024 07:08:09 GMT`; `None` if the calendar does not include it.
pub(crate) fn http_date(at: SystemTime) -> Option<String> {
    OffsetDateTime::from(at).format(IMF_FIXDATE).ok()
}

/// Parses the output of [`http_date`].
pub(crate) fn parse_http_date(raw: &str) -> Option<SystemTime> {
    let at = PrimitiveDateTime::parse(raw.trim(), IMF_FIXDATE).ok()?;
    Some(at.assume_utc().into())
}

/// Parses a time like `2023-10-19T15:34:47.9325159+00:00`. .NET writes up to seven decimal places,
/// without trailing zeros.
pub(crate) fn parse_json_date(raw: &str) -> Option<SystemTime> {
    OffsetDateTime::parse(raw, &Rfc3339).ok().map(Into::into)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(seconds: u64, nanoseconds: u32) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::new(seconds, nanoseconds)
    }

    #[test]
    fn an_http_date_is_formatted_and_parsed() {
        let text = "Tue, 05 Mar 2024 07:08:09 GMT";
        assert_eq!(http_date(at(1_709_622_489, 999)).unwrap(), text);
        assert_eq!(parse_http_date(text), Some(at(1_709_622_489, 0)));
        for bad in ["", "now", "Tue, 05 Mar 2024 07:08:09", "-1", "2024-03-05T07:08:09Z"] {
            assert_eq!(parse_http_date(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_expiry_is_parsed_to_100_ns() {
        for (text, expected) in [
            ("2023-10-19T15:34:47.9325159+00:00", Some(at(1_697_729_687, 932_515_900))),
            ("2023-10-19T15:34:47.93251+00:00", Some(at(1_697_729_687, 932_510_000))),
            ("2023-10-19T15:34:47+00:00", Some(at(1_697_729_687, 0))),
            ("2023-10-19T15:34:47Z", Some(at(1_697_729_687, 0))),
            ("2023-10-19T17:34:47+02:00", Some(at(1_697_729_687, 0))),
            ("2023-10-19 15:34", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(parse_json_date(text), expected, "{text}");
        }
    }
}
