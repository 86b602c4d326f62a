//! The time formats of ACS.

use time::OffsetDateTime;
use time::macros::format_description;

/// .NET's `DateTimeOffset`: up to seven digits of a second, trailing zeros
/// dropped, always `+00:00`: `2023-10-19T15:34:47.9325159+00:00`.
pub(crate) fn date_time_offset(time: OffsetDateTime) -> String {
    let seconds = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]");
    let mut text = time.format(seconds).unwrap_or_default();
    let ticks = time.nanosecond() / 100;
    if ticks != 0 {
        let digits = format!("{ticks:07}");
        text.push('.');
        text.push_str(digits.trim_end_matches('0'));
    }
    text.push_str("+00:00");
    text
}

/// The `Date` of a response: `Tue, 05 Mar 2024 07:08:09 GMT`.
pub(crate) fn http_date(time: OffsetDateTime) -> String {
    let format = format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    time.format(format).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn fractions_have_up_to_seven_digits_and_no_trailing_zeros() {
        for (time, text) in [
            (datetime!(2023-10-19 15:34:47.932_515_999 UTC), "2023-10-19T15:34:47.9325159+00:00"),
            (datetime!(2023-10-19 15:34:47.93 UTC), "2023-10-19T15:34:47.93+00:00"),
            (datetime!(2023-10-19 15:34:47.000_01 UTC), "2023-10-19T15:34:47.00001+00:00"),
            (datetime!(2023-10-19 15:34:47 UTC), "2023-10-19T15:34:47+00:00"),
        ] {
            assert_eq!(date_time_offset(time), text);
        }
    }

    #[test]
    fn the_date_header_is_rfc_1123() {
        assert_eq!(http_date(datetime!(2024-03-05 07:08:09 UTC)), "Tue, 05 Mar 2024 07:08:09 GMT");
    }
}
