//! Dates as HTTP writes them (RFC 9110 §5.6.7), and as ACS writes them in JSON.

use std::time::SystemTime;

use time::{
    OffsetDateTime, PrimitiveDateTime,
    format_description::{StaticFormatDescription, well_known::Rfc3339},
    macros::format_description,
};

const IMF_FIXDATE: StaticFormatDescription = format_description!(
    "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
);

/// `Tue, 05 Mar 2024 07:08:09 GMT`. `None` for a time that is outside of the calendar.
pub(crate) fn http_date(at: SystemTime) -> Option<String> {
    OffsetDateTime::from(at).format(IMF_FIXDATE).ok()
}

/// Reads what [`http_date`] writes.
pub(crate) fn parse_http_date(raw: &str) -> Option<SystemTime> {
    let at = PrimitiveDateTime::parse(raw.trim(), IMF_FIXDATE).ok()?;
    Some(at.assume_utc().into())
}

/// Reads `2023-10-19T15:34:47.9325159+00:00`. .NET writes up to seven digits of a second,
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
    fn http_dates_go_both_ways() {
        let text = "Tue, 05 Mar 2024 07:08:09 GMT";
        assert_eq!(http_date(at(1_709_622_489, 999)).unwrap(), text);
        assert_eq!(parse_http_date(text), Some(at(1_709_622_489, 0)));
        for bad in ["", "now", "Tue, 05 Mar 2024 07:08:09", "-1", "2024-03-05T07:08:09Z"] {
            assert_eq!(parse_http_date(bad), None, "{bad}");
        }
    }

    #[test]
    fn expiries_are_read_to_the_tick() {
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
