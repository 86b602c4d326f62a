//! R50: no secret in any log.

use std::path::{Path, PathBuf};

/// A secret where none should be.
pub(crate) struct Found {
    pub(crate) file: PathBuf,
    pub(crate) what: &'static str,
}

/// Searches everything that a stack wrote down, but for the file that is made to
/// hold its secrets.
pub(crate) fn search(dir: &Path, secrets: &[String]) -> Option<Found> {
    let mut logs = files(&dir.join("data/logs"));
    logs.extend([dir.join("stack.out"), dir.join("stack.err")]);
    logs.into_iter().find_map(|file| {
        let text = String::from_utf8_lossy(&std::fs::read(&file).unwrap_or_default()).into_owned();
        let canary = secrets.iter().any(|secret| text.contains(secret.as_str()));
        let what = match (canary, looks_like_a_token(&text)) {
            (true, _) => "one that was used here",
            (_, true) => "something that looks like a token",
            _ => return None,
        };
        Some(Found { file, what })
    })
}

/// Whether any function has logged anything.
pub(crate) fn has_logs(dir: &Path) -> bool {
    let logs = files(&dir.join("data/logs"));
    logs.iter().any(|log| std::fs::metadata(log).is_ok_and(|log| log.len() > 0))
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.is_file()).collect()
}

/// Whether there is a JWT in it: a header that begins with `{"`, a dot, a payload
/// that does.
fn looks_like_a_token(text: &str) -> bool {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c)))
        .any(|word| word.starts_with("eyJ") && word.contains(".eyJ"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r50_a_secret_in_a_log_is_found() {
        for (line, leaks) in [
            ("{\"message\":\"CreateToken 200\"}", false),
            ("key=hunter2hunter2", true),
            ("Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.", true),
        ] {
            let dir = tempfile::tempdir().unwrap();
            std::fs::create_dir_all(dir.path().join("data/logs")).unwrap();
            std::fs::write(dir.path().join("data/logs/function.log"), line).unwrap();
            let secrets = ["hunter2hunter2".to_owned()];
            assert_eq!(search(dir.path(), &secrets).is_some(), leaks, "{line}");
        }
    }
}
