//! Text of others, on its way to a terminal.

/// The text on one line, without what a terminal would obey: a claim of a token or a line
/// of a log can move the cursor, hide what follows, or turn its direction.
pub(crate) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\t' | '\n' | '\r' => shown.push(' '),
            turning if is_turning(turning) => shown.extend(turning.escape_unicode()),
            control if control.is_control() => shown.extend(control.escape_unicode()),
            plain => shown.push(plain),
        }
    }
    shown
}

/// Whether it turns the direction of writing (Unicode's standard annex 9).
fn is_turning(character: char) -> bool {
    matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_a_terminal_obeys_is_left() {
        assert_eq!(printable("Zoë\tsays\r\n\"ok\""), "Zoë says  \"ok\"");
        assert_eq!(printable("\u{1b}[2J\u{7}\u{7f}"), r"\u{1b}[2J\u{7}\u{7f}");
        assert_eq!(printable("\u{9b}31m\u{202e}cba"), r"\u{9b}31m\u{202e}cba");
    }
}
