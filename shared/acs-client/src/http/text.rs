//! Text that is untrusted or is written to a log.

/// Cuts an untrusted text, and removes control characters, which could forge a log line.
pub(crate) fn clean(raw: &str, longest: usize) -> String {
    raw.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').take(longest).collect()
}

/// The messages of an error and of all its sources, from the outside in.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text.push_str(": ");
        text.push_str(&source.to_string());
        next = source.source();
    }
    clean(&text, 2 * LONGEST_TEXT)
}

/// ACS's own messages have up to 120 characters.
pub(crate) const LONGEST_TEXT: usize = 200;

/// The limit for error codes, and for names that are sent in headers.
pub(crate) const LONGEST_NAME: usize = 64;
