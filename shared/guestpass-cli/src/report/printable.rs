//! Makes untrusted text safe for a terminal.

/// The text on one line, without characters that control a terminal. A claim of a token or a
/// line of a log could otherwise move the cursor, hide text, or change its direction.
pub(crate) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\t' | '\n' | '\r' => shown.push(' '),
            hidden if is_hidden(hidden) => shown.extend(hidden.escape_unicode()),
            plain => shown.push(plain),
        }
    }
    shown
}

/// Whether a character is not shown as itself: it controls the terminal, changes the direction
/// of writing, or is invisible, so that two different names look the same. Tabs and ends of
/// lines are layout.
pub(super) fn is_hidden(character: char) -> bool {
    match character {
        '\t' | '\n' => false,
        // C0, DEL and C1: some terminals take U+009B for `ESC [`.
        control if control.is_control() => true,
        ascii if ascii.is_ascii() => false,
        other => HIDDEN.iter().any(|(first, last)| (*first..=*last).contains(&other)),
    }
}

/// Invisible characters: Unicode's property `Default_Ignorable_Code_Point`, which includes the
/// direction controls of standard annex 9 (U+061C, U+200E to U+200F, U+202A to U+202E, U+2066 to
/// U+2069), and the separators of lines, paragraphs and annotations.
const HIDDEN: [(char, char); 17] = [
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{2028}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fffb}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{e0000}', '\u{e0fff}'),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_control_sequence_is_left() {
        assert_eq!(printable("Zoë\tsays\r\n\"ok\""), "Zoë says  \"ok\"");
        assert_eq!(printable("\u{1b}[2J\u{7}\u{7f}"), r"\u{1b}[2J\u{7}\u{7f}");
        assert_eq!(printable("\u{9b}31m\u{202e}cba"), r"\u{9b}31m\u{202e}cba");
    }

    #[test]
    fn whatever_turns_or_hides_text_is_escaped() {
        let turning = ['\u{61c}', '\u{200e}', '\u{200f}'];
        let turning = turning.into_iter().chain('\u{202a}'..='\u{202e}');
        let turning = turning.chain('\u{2066}'..='\u{2069}');
        let c1 = '\u{80}'..='\u{9f}';
        let invisible = ['\u{ad}', '\u{200b}', '\u{200d}', '\u{2028}', '\u{2060}', '\u{feff}'];
        let invisible = invisible.into_iter().chain(['\u{fe0f}', '\u{e0041}', '\u{e0100}']);
        for character in turning.chain(c1).chain(invisible) {
            let shown = printable(&format!("a{character}b"));
            assert_eq!(shown, format!("a{}b", character.escape_unicode()));
        }
    }

    #[test]
    fn what_can_be_seen_stays_as_it_is() {
        for text in ["Zoë", "名前", "שלום", "مرحبا", "é e\u{301}", "🙂", "a\u{a0}b", "\u{fffd}"]
        {
            assert_eq!(printable(text), text);
        }
    }
}
