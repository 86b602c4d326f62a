//! What is around a connection string, or in its place, when people paste it.

use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::{Engine as _, alphabet};

use super::error::{ACCESS_KEY, ConnectionStringError, ENDPOINT};

/// Base64 with or without padding, because a shell script that splits at `=` loses it.
pub(super) const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The connection string without what copying adds to it: quotes and blanks around it, the name of
/// a variable in front, line breaks and invisible characters.
pub(super) fn clean(raw: &str) -> String {
    let text = trim(raw);
    let text = &text[start(text)..];
    let lines = text.lines().map(str::trim);
    trim(&lines.collect::<String>()).chars().filter(|c| !is_invisible(*c)).collect()
}

/// Where the first pair begins: after `export NAME=`, `"name": "`, and the like.
fn start(text: &str) -> usize {
    let first = text.split(';').next().unwrap_or_default().to_ascii_lowercase();
    let starts = [ENDPOINT, ACCESS_KEY].into_iter().filter_map(|name| {
        let (at, _) = first.match_indices(name).find(|(at, _)| {
            let rest = first.get(at + name.len()..).unwrap_or_default();
            let before = first.get(..*at).unwrap_or_default();
            rest.trim_start().starts_with('=')
                && before.chars().next_back().is_some_and(|c| "=:,{".contains(c) || is_added(c))
        })?;
        Some(at)
    });
    starts.min().unwrap_or(0)
}

/// Removes what copying adds at both ends.
pub(super) fn trim(text: &str) -> &str {
    text.trim_matches(|c| is_added(c) || c == ',').trim_end_matches(is_closing)
}

/// Whether a character is never part of a connection string, but often around it.
fn is_added(c: char) -> bool {
    c.is_whitespace()
        || is_invisible(c)
        || "\"'`\u{b4}\u{2018}\u{2019}\u{201c}\u{201d}\u{201e}".contains(c)
}

/// Whether a character ends the code in which a connection string was written.
fn is_closing(c: char) -> bool {
    is_added(c) || ",)]}".contains(c)
}

/// Whether a character is not shown: control and format characters, such as the byte order mark.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{feff}')
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(c, '\u{fe00}'..='\u{fe0f}')
}

/// Why the text is something else than a connection string of ACS, if it is.
pub(super) fn find_other_shape(parts: &[&str]) -> Option<ConnectionStringError> {
    let names = parts.iter().filter_map(|part| part.split_once('='));
    let names: Vec<String> = names.map(|(name, _)| trim(name).to_ascii_lowercase()).collect();
    let other = OTHER_NAMES.iter().find(|(name, _)| names.iter().any(|found| found == name));
    if let Some((_, service)) = other {
        return Some(ConnectionStringError::AnotherService(service));
    }
    match *parts {
        [one] if is_url(one) => Some(ConnectionStringError::EndpointAlone),
        [one] if is_key(one) => Some(ConnectionStringError::KeyAlone),
        [url, key] if is_url(url) && is_key(key) => Some(ConnectionStringError::WithoutNames),
        _ => None,
    }
}

/// The names that only connection strings of other services have.
const OTHER_NAMES: [(&str, &str); 4] = [
    ("accountkey", "Azure Storage or Azure Cosmos DB"),
    ("instrumentationkey", "Application Insights"),
    ("sharedaccesskey", "Service Bus, Event Hubs or IoT Hub"),
    ("secret", "App Configuration"),
];

fn is_url(text: &str) -> bool {
    let start = text.get(..8).unwrap_or(text).to_ascii_lowercase();
    start == "https://" || start.starts_with("http://")
}

/// Whether this is an access key, and not a word that happens to be base64.
fn is_key(text: &str) -> bool {
    (text.ends_with('=') || text.len() >= 40) && BASE64.decode(text).is_ok()
}

/// Refuses `<access-key>`, `...`, `$KEY` and other values that someone forgot to replace.
pub(super) fn refuse_placeholder(
    name: &'static str,
    value: &str,
) -> Result<(), ConnectionStringError> {
    let is_placeholder = value.contains(['<', '>', '{', '}', '$', '*'])
        || value.contains("...")
        || (value.len() > 2 && value.starts_with('%') && value.ends_with('%'));
    if is_placeholder { Err(ConnectionStringError::Placeholder(name)) } else { Ok(()) }
}
