//! What is wrong with a body or a query, and where. The messages of `serde_json` can quote a value,
//! which can be a secret, so only their other parts are used.

use serde_json::Error;
use serde_path_to_error::{Path, Segment};

/// What is wrong with a body at the JSON pointer (RFC 6901) `pointer`.
pub(super) fn describe_body(pointer: &str, error: &Error) -> String {
    let text = message(error);
    if let Some((fault, name, expected)) = field_fault(&text) {
        return match fault {
            _ if !is_name(name) => format!("{fault} field{}{expected}", within(pointer)),
            // The path to a field that is unknown ends with its name.
            "unknown" => format!("unknown field `{name}` at `{pointer}`{expected}"),
            "missing" => format!("missing field `{name}` at `{pointer}/{name}`"),
            _ => format!("repeated field `{name}` at `{pointer}/{name}`"),
        };
    }
    let place = within(pointer);
    match text.rsplit_once(", expected ") {
        Some((_, expected)) if error.is_data() => {
            format!("invalid value{place}: expected {expected}")
        }
        _ if error.is_data() => format!("invalid value{place}"),
        _ => match &*text {
            "recursion limit exceeded" => format!("invalid value{place}: nested too deeply"),
            "lone leading surrogate in hex escape" | "unexpected end of hex escape" => {
                format!("invalid text{place}: unpaired surrogate in a `\\u` escape")
            }
            "invalid unicode code point" => format!("invalid text{place}: not UTF-8"),
            _ => format!("malformed JSON at line {} column {}", error.line(), error.column()),
        },
    }
}

/// What is wrong with a query, all of whose values are text.
pub(super) fn describe_query(error: &Error) -> String {
    match field_fault(&message(error)) {
        Some((fault, name, expected)) if is_name(name) => {
            format!("{fault} parameter `{name}`{expected}")
        }
        Some((fault, _, expected)) => format!("{fault} parameter{expected}"),
        None => "invalid value of a parameter".to_owned(),
    }
}

/// The message without the position at its end.
fn message(error: &Error) -> String {
    let text = error.to_string();
    let position = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&position).map(ToOwned::to_owned).unwrap_or(text)
}

/// Splits a message about a field into the kind of fault, the name of the field, and what was
/// expected, if the message says so.
fn field_fault(text: &str) -> Option<(&str, &str, String)> {
    let (fault, rest) = text.split_once(" field `")?;
    if !["unknown", "missing", "duplicate"].contains(&fault) {
        return None;
    }
    let (name, _) = rest.split_once('`')?;
    let expected = rest.rsplit_once("`, expected ");
    let expected = expected.map(|(_, expected)| format!(": expected {expected}"));
    Some((fault, name, expected.unwrap_or_default()))
}

/// The JSON pointer to a value. It ends before a name that the client invented.
pub(super) fn pointer(path: &Path) -> String {
    let known = path.iter().map_while(|segment| match segment {
        Segment::Seq { index } => Some(format!("/{index}")),
        Segment::Map { key } => is_name(key).then(|| format!("/{key}")),
        Segment::Enum { .. } | Segment::Unknown => None,
    });
    known.collect()
}

fn within(pointer: &str) -> String {
    if pointer.is_empty() { String::new() } else { format!(" at `{pointer}`") }
}

/// Whether this looks like the name of a field. A client that confuses names and values could
/// send a token as a name.
pub(super) fn is_name(raw: &str) -> bool {
    raw.len() <= 32 && raw.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
