//! Short texts from a file or from stdin.

use std::io::{self, Read as _};
use std::path::Path;

use identity_core::secret::Secret;

use super::stdin::open;
use crate::report::{CliError, Result};

/// Reads a secret from a file, or with `-` from stdin.
pub(crate) fn secret_in(file: &Path, what: &str) -> Result<Secret> {
    text_in(file, what).map(|text| Secret::new(text.trim()))
}

/// Reads a short text from a file, or with `-` from stdin.
pub(crate) fn text_in(file: &Path, what: &str) -> Result<String> {
    read(file, what, LONGEST_TEXT)
}

/// Reads a list with one line for each of very many users or events.
pub(crate) fn long_text_in(file: &Path, what: &str) -> Result<String> {
    read(file, what, LONGEST_LIST)
}

fn read(file: &Path, what: &str, longest: u64) -> Result<String> {
    let unreadable = |error: io::Error| {
        CliError::usage(format!("cannot read {what} from {}", file.display()))
            .because(error.to_string())
            .hint("name a file that you can read, or `-` for stdin")
    };
    let mut text = String::new();
    let reader = open(file, unreadable)?;
    let length = reader.take(longest + 1).read_to_string(&mut text).map_err(unreadable)?;
    if u64::try_from(length).is_ok_and(|length| length > longest) {
        return Err(CliError::usage(format!("{what} is too long"))
            .because(format!("it has more than {} MB", longest / MEGABYTE))
            .hint("check what writes it, or divide it"));
    }
    if !text.trim().is_empty() {
        return Ok(text);
    }
    Err(CliError::usage(format!("{what} is empty"))
        .because(if file == Path::new("-") {
            "stdin is empty".to_owned()
        } else {
            format!("{} is empty", file.display())
        })
        .hint("check what writes it"))
}

/// A token has some 2 KB, and a batch of events at most 256 KB.
const LONGEST_TEXT: u64 = MEGABYTE;

/// About 500,000 lines.
const LONGEST_LIST: u64 = 64 * MEGABYTE;

const MEGABYTE: u64 = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_too_long_is_refused_and_not_cut_off() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for (length, is_read) in [(8, true), (9, false)] {
            std::fs::write(file.path(), "x".repeat(length)).unwrap();
            assert_eq!(read(file.path(), "the text", 8).is_ok(), is_read, "{length}");
        }
        std::fs::write(file.path(), " \n").unwrap();
        assert!(format!("{:?}", text_in(file.path(), "the text")).contains("the text is empty"));
    }
}
