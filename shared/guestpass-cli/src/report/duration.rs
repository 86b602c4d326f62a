//! Durations as users type them: `90m`, `12h`, `30d`.

use std::time::Duration;

/// Reads a whole number and its unit: `s`, `m`, `h` or `d`.
pub(crate) fn parse(raw: &str) -> Result<Duration, String> {
    let number = raw.trim_end_matches(|unit: char| unit.is_ascii_alphabetic());
    let unit = raw.strip_prefix(number).unwrap_or_default();
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 24 * 3600,
        _ => return Err("write a whole number and s, m, h or d: 90m, 12h, 30d".to_owned()),
    };
    let number: u64 = number
        .parse()
        .map_err(|_| "write a whole number and s, m, h or d: 90m, 12h, 30d".to_owned())?;
    // No option needs more than a century.
    let span = number.checked_mul(seconds).filter(|span| *span <= 100 * 365 * 24 * 3600);
    span.map(Duration::from_secs).ok_or_else(|| "that is more than a century".to_owned())
}

/// Writes a duration with its two largest units: `1 h 29 min`.
pub(crate) fn format(span: Duration) -> String {
    let seconds = span.as_secs();
    let (days, hours) = (seconds / 86_400, seconds / 3600 % 24);
    let (minutes, rest) = (seconds / 60 % 60, seconds % 60);
    let two = |large: u64, name: &str, small: u64, small_name: &str| match small {
        0 => format!("{large} {name}"),
        small => format!("{large} {name} {small} {small_name}"),
    };
    match (days, hours, minutes) {
        (1.., _, _) => two(days, "d", hours, "h"),
        (0, 1.., _) => two(hours, "h", minutes, "min"),
        (0, 0, 1..) => two(minutes, "min", rest, "s"),
        _ => format!("{rest} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_a_number_and_a_unit() {
        for (raw, seconds) in [("90m", 5400), ("1h", 3600), ("30d", 2_592_000), ("0s", 0)] {
            assert_eq!(parse(raw), Ok(Duration::from_secs(seconds)), "{raw}");
        }
        for raw in ["", "90", "m", "1.5h", "-1h", "1 h", "1w", "99999999999999999999d", "90000d"] {
            assert!(parse(raw).is_err(), "{raw}");
        }
    }

    #[test]
    fn a_span_is_shown_with_its_two_largest_units() {
        for (seconds, text) in
            [(0, "0 s"), (61, "1 min 1 s"), (5400, "1 h 30 min"), (90_000, "1 d 1 h")]
        {
            assert_eq!(format(Duration::from_secs(seconds)), text);
        }
    }
}
