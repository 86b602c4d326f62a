//! The events of the identities, one JSON line each, from which a restart restores the identities.
//! The journal contains no token and no key.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::Path;

use tracing::warn;

use super::JournalEntry;

/// An append-only file of events. Each event is one write, so a killed process does not lose an
/// event that it has confirmed.
pub(crate) struct Journal {
    file: File,
}

impl Journal {
    /// Opens or creates the file, and returns its events.
    pub(crate) fn open(path: &Path) -> io::Result<(Self, Vec<JournalEntry>)> {
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        // A crash of the machine can leave an incomplete line, which must not merge with the next
        // line.
        if !text.is_empty() && !text.ends_with('\n') {
            file.write_all(b"\n")?;
        }
        let mut events = Vec::new();
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.is_empty()) {
            match serde_json::from_str(line) {
                Ok(event) => events.push(event),
                Err(_) => {
                    warn!(journal.line = number + 1, "journal line skipped: not a valid entry");
                }
            }
        }
        Ok((Self { file }, events))
    }

    pub(crate) fn append(&mut self, event: &JournalEntry) -> io::Result<()> {
        let mut line = serde_json::to_vec(event)?;
        line.push(b'\n');
        self.file.write_all(&line)
    }

    /// Removes all events.
    pub(crate) fn clear(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.rewind()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn created(id: &str) -> JournalEntry {
        JournalEntry::IdentityCreated { id: id.into(), at: 1 }
    }

    #[test]
    fn events_come_back_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let (mut journal, events) = Journal::open(&path).unwrap();
        assert!(events.is_empty());
        journal.append(&created("a")).unwrap();
        journal.append(&JournalEntry::IdentityDeleted { id: "a".into(), at: 2 }).unwrap();
        let (_, events) = Journal::open(&path).unwrap();
        assert_eq!(events, [created("a"), JournalEntry::IdentityDeleted { id: "a".into(), at: 2 }]);
    }

    #[test]
    fn half_a_line_is_skipped_and_does_not_swallow_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        std::fs::write(
            &path,
            "{\"event\":\"identityCreated\",\"id\":\"a\",\"at\":1}\n{\"event\":\"ide",
        )
        .unwrap();
        let (mut journal, events) = Journal::open(&path).unwrap();
        assert_eq!(events, [created("a")]);
        journal.append(&created("b")).unwrap();
        assert_eq!(Journal::open(&path).unwrap().1, [created("a"), created("b")]);
    }

    #[test]
    fn a_cleared_journal_is_empty_and_usable() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let (mut journal, _) = Journal::open(&path).unwrap();
        journal.append(&created("a")).unwrap();
        journal.clear().unwrap();
        journal.append(&created("b")).unwrap();
        assert_eq!(Journal::open(&path).unwrap().1, [created("b")]);
    }
}
