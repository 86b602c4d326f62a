//! JSON and YAML in which every character that controls a terminal is an escape sequence.
//!
//! Both formats can hold such a character as it is. The escape sequence is the same value for a
//! program, and cannot mislead a person.

use std::fmt::Write as _;
use std::io::{self, Write};

use serde::Serialize;
use serde_norway::{Mapping, Value};

use crate::report::Result;
use crate::report::printable::is_hidden;

/// Writes a value as JSON.
pub(super) fn json<T: Serialize>(out: &mut impl Write, value: &T) -> Result<()> {
    serde_json::to_writer_pretty(Escaping(&mut *out), value).map_err(io::Error::from)?;
    Ok(writeln!(out)?)
}

/// A writer that escapes JSON. Characters beyond ASCII occur in strings only.
struct Escaping<W>(W);

impl<W: Write> Write for Escaping<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // The serializer never splits a character between two writes.
        let text = str::from_utf8(bytes).map_err(io::Error::other)?;
        let mut rest = text;
        while let Some(place) = rest.find(is_hidden) {
            let (before, from) = rest.split_at(place);
            self.0.write_all(before.as_bytes())?;
            let mut after = from.chars();
            let units = after.next().map(|hidden| hidden.encode_utf16(&mut [0; 2]).to_vec());
            for unit in units.unwrap_or_default() {
                write!(self.0, "\\u{unit:04x}")?;
            }
            rest = after.as_str();
        }
        self.0.write_all(rest.as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Writes a value as YAML.
pub(super) fn yaml<T: Serialize>(value: &T) -> Result<String> {
    let mut quoted = Quoted::default();
    let value = quoted.marked(serde_norway::to_value(value).map_err(io::Error::other)?);
    let yaml = serde_norway::to_string(&value).map_err(io::Error::other)?;
    Ok(quoted.filled_in(&yaml))
}

/// Strings that need quotation marks and escape sequences. The serializer cannot write them in
/// this form, so it writes a mark for each string, which is replaced afterwards.
struct Quoted {
    /// A text that occurs in no string. It begins with letters, so it needs no quotation marks.
    mark: String,
    /// The strings, in the order in which they are written.
    texts: Vec<String>,
}

impl Default for Quoted {
    fn default() -> Self {
        Self { mark: format!("guestpass-{}-", uuid::Uuid::new_v4()), texts: Vec::new() }
    }
}

impl Quoted {
    fn push(&mut self, text: &str) -> String {
        self.texts.push(double_quoted(text));
        // Two keys of a mapping must differ, so each mark is unique.
        format!("{}{:0DIGITS$}", self.mark, self.texts.len())
    }

    fn filled_in(&self, yaml: &str) -> String {
        let mut parts = yaml.split(&self.mark);
        let mut whole = parts.next().unwrap_or_default().to_owned();
        for (text, part) in self.texts.iter().zip(parts) {
            whole.push_str(text);
            whole.push_str(part.get(DIGITS..).unwrap_or_default());
        }
        whole
    }

    fn marked(&mut self, value: Value) -> Value {
        match value {
            Value::String(text) if text.contains(is_hidden) => Value::String(self.push(&text)),
            Value::Sequence(list) => {
                Value::Sequence(list.into_iter().map(|value| self.marked(value)).collect())
            }
            Value::Mapping(members) => {
                let marked = |(key, value)| (self.marked(key), self.marked(value));
                Value::Mapping(members.into_iter().map(marked).collect::<Mapping>())
            }
            other => other,
        }
    }
}

/// A YAML string in double quotation marks (YAML 1.2.2 §5.7).
fn double_quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            hidden if is_hidden(hidden) => {
                // Writing to a string cannot fail.
                let _ = match u32::from(hidden) {
                    code @ ..=0xffff => write!(quoted, "\\u{code:04x}"),
                    code => write!(quoted, "\\U{code:08x}"),
                };
            }
            plain => quoted.push(plain),
        }
    }
    quoted.push('"');
    quoted
}

/// Enough digits for any number of strings.
const DIGITS: usize = 12;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Characters of every kind that is escaped, in values, keys and next to quotation marks.
    fn hidden() -> serde_json::Value {
        json!({
            "plain": ["Zoë 🙂", "two\nlines", "a\tb", "", "no", "1.5"],
            "turned\u{202e}": "\u{202e}\"cba\"\\ \u{9b}31m\u{7f}\n\ttwo",
            "tags": [{ "of": "\u{e0041}\u{feff}" }, "\u{1b}[2J", "a\r\nb", "\u{85}\u{2028}"],
            "number": -5,
        })
    }

    fn json_of(value: &serde_json::Value) -> String {
        let mut text = Vec::new();
        json(&mut text, value).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn json_shows_nothing_hidden_and_means_the_same() {
        let text = json_of(&hidden());
        assert!(!text.contains(is_hidden), "{text:?}");
        assert!(text.contains(r#""\udb40\udc41\ufeff""#), "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), hidden());
    }

    #[test]
    fn yaml_shows_nothing_hidden_and_means_the_same() {
        let text = yaml(&hidden()).unwrap();
        assert!(!text.contains(is_hidden), "{text:?}");
        assert!(text.contains(r#""turned\u202e":"#), "{text}");
        assert_eq!(serde_norway::from_str::<serde_json::Value>(&text).unwrap(), hidden());
    }

    #[test]
    fn many_strings_of_one_answer_keep_their_places() {
        let many: Vec<String> = (0..120).map(|index| format!("\u{200b}{index}")).collect();
        let text = yaml(&many).unwrap();
        assert_eq!(serde_norway::from_str::<Vec<String>>(&text).unwrap(), many);
    }

    #[test]
    fn what_hides_nothing_is_written_as_ever() {
        let plain = json!({ "b": "Zoë", "a": ["x: y", "two\nlines", null, true, 1.5] });
        assert_eq!(json_of(&plain), format!("{plain:#}\n"));
        assert_eq!(yaml(&plain).unwrap(), serde_norway::to_string(&plain).unwrap());
    }
}
