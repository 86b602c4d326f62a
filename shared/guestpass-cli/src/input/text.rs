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
    let unreadable = |error: io::Error| {
        CliError::usage(format!("cannot read {what} from {}", file.display()))
            .because(error.to_string())
            .hint("name a file that you can read, or `-` for stdin")
    };
    let mut text = String::new();
    let reader = open(file, unreadable)?;
    reader.take(LONGEST_TEXT).read_to_string(&mut text).map_err(unreadable)?;
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
const LONGEST_TEXT: u64 = 1024 * 1024;
