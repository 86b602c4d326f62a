//! The journal, which keeps messages over a restart: a file to which every change is appended.
//!
//! Each line is one change. The file is rewritten without obsolete lines at the start, and whenever
//! most of it is obsolete.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::QueueMessage;

/// The messages of every queue, by the queue's name, in the order of their arrival.
pub(super) type Contents = BTreeMap<String, Vec<QueueMessage>>;

/// The journal could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("cannot use the queue journal {}: {source}", path.display())]
pub struct JournalError {
    path: PathBuf,
    source: io::Error,
}

/// The open file.
pub(super) struct QueueJournal {
    path: PathBuf,
    file: File,
    /// Lines since the last rewrite, or since the last one failed.
    lines: usize,
    /// The last append failed, and may have left a part of its line.
    is_cut: bool,
}

/// One line.
#[derive(Serialize, Deserialize)]
struct JournalLine<'a> {
    queue: std::borrow::Cow<'a, str>,
    id: std::borrow::Cow<'a, str>,
    /// The new state of the message; `None` if it was deleted.
    message: Option<std::borrow::Cow<'a, QueueMessage>>,
}

impl QueueJournal {
    /// Opens the journal in `path` and reads its messages.
    pub(super) fn open(path: PathBuf) -> Result<(Self, Contents), JournalError> {
        let contents = match fs::read(&path) {
            // An incomplete line may end within a character.
            Ok(bytes) => replay(&String::from_utf8_lossy(&bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Contents::new(),
            Err(source) => return Err(JournalError { path, source }),
        };
        match rewrite(&path, &contents) {
            Ok(file) => Ok((Self { path, file, lines: 0, is_cut: false }, contents)),
            Err(source) => Err(JournalError { path, source }),
        }
    }

    /// Appends the new state of a message of `queue`, or its deletion.
    pub(super) fn append(
        &mut self,
        queue: &str,
        id: &str,
        message: Option<&QueueMessage>,
    ) -> Result<(), JournalError> {
        let change = JournalLine {
            queue: queue.into(),
            id: id.into(),
            message: message.map(std::borrow::Cow::Borrowed),
        };
        let mut text = line(&change);
        if self.is_cut {
            text.insert(0, '\n');
        }
        self.lines += 1;
        // One write, so that a killed stack leaves only complete lines.
        let written = self.file.write_all(text.as_bytes());
        self.is_cut = written.is_err();
        written.map_err(|source| self.error(source))
    }

    /// Whether most of the file is obsolete, given `live` messages.
    pub(super) fn is_stale(&self, live: usize) -> bool {
        self.lines > STALE_LINES && self.lines > live * 4
    }

    /// Rewrites the file. If that fails, the file stays, and is not stale again at once: otherwise
    /// every later change would try to rewrite it.
    pub(super) fn compact(&mut self, contents: &Contents) -> Result<(), JournalError> {
        self.lines = 0;
        self.file = rewrite(&self.path, contents).map_err(|source| self.error(source))?;
        self.is_cut = false;
        Ok(())
    }

    fn error(&self, source: io::Error) -> JournalError {
        JournalError { path: self.path.clone(), source }
    }
}

fn replay(text: &str) -> Contents {
    let mut contents = Contents::new();
    // A line may be incomplete after a power cut, or if the disk was full.
    for change in text.lines().filter_map(|line| serde_json::from_str::<JournalLine<'_>>(line).ok())
    {
        let messages = contents.entry(change.queue.into_owned()).or_default();
        let known = messages.iter_mut().find(|message| message.id == change.id);
        match (known, change.message) {
            (Some(known), Some(message)) => *known = message.into_owned(),
            (None, Some(message)) => messages.push(message.into_owned()),
            (_, None) => messages.retain(|message| message.id != change.id),
        }
    }
    contents
}

fn rewrite(path: &Path, contents: &Contents) -> io::Result<File> {
    let mut text = String::new();
    for (queue, messages) in contents {
        for message in messages {
            text.push_str(&line(&JournalLine {
                queue: queue.into(),
                id: message.id.as_str().into(),
                message: Some(std::borrow::Cow::Borrowed(message)),
            }));
        }
    }
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    fs::write(&new, text)?;
    // Opened first: if this fails, the journal still writes into the file that has its name.
    let file = OpenOptions::new().append(true).open(&new)?;
    fs::rename(&new, path)?;
    Ok(file)
}

fn line(change: &JournalLine<'_>) -> String {
    // The lines contain only text and numbers, which JSON can always represent.
    let mut line = serde_json::to_string(change).unwrap_or_default();
    line.push('\n');
    line
}

const STALE_LINES: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    fn message(id: &str, receives: u32) -> QueueMessage {
        QueueMessage {
            id: id.to_owned(),
            body: "line\nline".to_owned(),
            sent_at: 1,
            receives,
            first_received_at: None,
            visible_at: 2,
            receipt: None,
        }
    }

    #[test]
    fn appended_messages_are_read_again_even_after_an_incomplete_line() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("queues.jsonl");
        let (mut journal, contents) = QueueJournal::open(path.clone()).unwrap();
        assert!(contents.is_empty());
        for id in ["a", "b", "c"] {
            journal.append("Q", id, Some(&message(id, 0))).unwrap();
        }
        journal.append("Q", "b", None).unwrap();
        journal.append("Q", "a", Some(&message("a", 3))).unwrap();
        journal.file.write_all(b"{\"queue\":\"Q\",\"id\":\"d\",\"mess").unwrap();
        drop(journal);
        for _ in 0..2 {
            let (_, contents) = QueueJournal::open(path.clone()).unwrap();
            assert_eq!(contents["Q"], [message("a", 3), message("c", 0)]);
        }
    }

    impl QueueJournal {
        /// Lets all appends fail, or succeed again.
        pub(in crate::queue) fn set_writable(&mut self, is_writable: bool) {
            let options = OpenOptions::new().read(true).append(is_writable).open(&self.path);
            self.file = options.unwrap();
        }
    }

    #[test]
    fn a_change_after_a_failed_one_is_read_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("queues.jsonl");
        let (mut journal, _) = QueueJournal::open(path.clone()).unwrap();
        journal.append("Q", "a", Some(&message("a", 0))).unwrap();
        // A full disk leaves a part of the line, here up to the middle of a character.
        journal.file.write_all(b"{\"queue\":\"Q\",\"id\":\"\xc3").unwrap();
        journal.set_writable(false);
        assert!(journal.append("Q", "b", Some(&message("b", 0))).is_err());
        journal.set_writable(true);
        for id in ["c", "d"] {
            journal.append("Q", id, Some(&message(id, 0))).unwrap();
        }
        drop(journal);
        let (_, contents) = QueueJournal::open(path).unwrap();
        assert_eq!(contents["Q"], [message("a", 0), message("c", 0), message("d", 0)]);
    }

    #[test]
    fn a_rewrite_that_failed_is_not_repeated_with_the_next_change() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("queues.jsonl");
        let (mut journal, contents) = QueueJournal::open(path.clone()).unwrap();
        journal.lines = STALE_LINES + 1;
        assert!(journal.is_stale(0));
        journal.path = directory.path().join("missing").join("queues.jsonl");
        assert!(journal.compact(&contents).is_err());
        assert!(!journal.is_stale(0));
        journal.append("Q", "a", Some(&message("a", 0))).unwrap();
        drop(journal);
        assert_eq!(QueueJournal::open(path).unwrap().1["Q"], [message("a", 0)]);
    }

    #[test]
    fn a_mostly_obsolete_journal_is_rewritten() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("queues.jsonl");
        let (mut journal, _) = QueueJournal::open(path.clone()).unwrap();
        for receives in 0..=u32::try_from(STALE_LINES).unwrap() {
            journal.append("Q", "a", Some(&message("a", receives))).unwrap();
        }
        assert!(journal.is_stale(1) && !journal.is_stale(STALE_LINES));
        let contents = Contents::from([("Q".to_owned(), vec![message("a", 9)])]);
        journal.compact(&contents).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 1);
        journal.append("Q", "b", Some(&message("b", 0))).unwrap();
        drop(journal);
        assert_eq!(QueueJournal::open(path).unwrap().1["Q"].len(), 2);
    }
}
