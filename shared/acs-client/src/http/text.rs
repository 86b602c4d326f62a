//! Text that is untrusted or is written to a log.

/// Shortens an untrusted text, and removes control characters, which could forge a log line.
pub(crate) fn clean(raw: &str, longest: usize) -> String {
    raw.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').take(longest).collect()
}

/// The messages of an error and of all its sources, outermost first.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    clean(&identity_core::error_chain(error), 2 * LONGEST_TEXT)
}

/// The maximum length of a message; ACS's own have up to 120 characters.
pub(crate) const LONGEST_TEXT: usize = 200;

/// The maximum length of an error code, and of a name in a header.
pub(crate) const LONGEST_NAME: usize = 64;
