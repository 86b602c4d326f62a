//! The events of the identities, one JSON line each, from which a restart restores the identities.
//! The journal contains no token and no key.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use time::OffsetDateTime;
use tracing::warn;

use super::JournalEntry;
use super::compaction::{WrittenLine, drop_obsolete};
use super::identity::millis;
use crate::state::private_files;

/// A file of events, to which each event is appended by one write, so a killed process does not
/// lose an event that it has confirmed.
pub(crate) struct Journal {
    file: File,
    /// The file may end with an incomplete line, which must not merge with the next line.
    is_cut: bool,
}

impl Journal {
    /// Opens or creates the file, removes what is obsolete at `now`, and returns the other events.
    /// Only the holder of the directory's lock may call it.
    pub(crate) fn open(path: &Path, now: OffsetDateTime) -> io::Result<(Self, Vec<JournalEntry>)> {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(cause) => return Err(cause),
        };
        // An incomplete line may end within a character.
        let text = String::from_utf8_lossy(&bytes);
        let mut lines = lines_of(&text);
        let found = lines.len();
        drop_obsolete(&mut lines, millis(now));
        let is_rewritten = lines.len() < found && try_rewrite(path, &lines);
        let file = OpenOptions::new().append(true).create(true).open(path)?;
        // A crash of the machine or a full disk can leave an incomplete line.
        let is_cut = !is_rewritten && !text.is_empty() && !text.ends_with('\n');
        let events = lines.into_iter().filter_map(|line| line.entry).collect();
        Ok((Self { file, is_cut }, events))
    }

    pub(crate) fn append(&mut self, event: &JournalEntry) -> io::Result<()> {
        let mut line = if self.is_cut { vec![b'\n'] } else { Vec::new() };
        serde_json::to_writer(&mut line, event)?;
        line.push(b'\n');
        let written = self.file.write_all(&line);
        self.is_cut = written.is_err();
        written
    }

    /// Removes all events.
    pub(crate) fn clear(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.is_cut = false;
        self.file.rewind()
    }
}

fn lines_of(text: &str) -> Vec<WrittenLine<'_>> {
    let numbered = text.lines().enumerate().filter(|(_, line)| !line.is_empty());
    let read = numbered.map(|(number, text)| {
        let entry = serde_json::from_str(text).ok();
        if entry.is_none() {
            warn!(journal.line = number + 1, "journal line skipped: not a valid entry");
        }
        WrittenLine { text, entry }
    });
    read.collect()
}

/// Whether the journal now has only these lines. If not, the old one stays.
fn try_rewrite(path: &Path, lines: &[WrittenLine<'_>]) -> bool {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    let written = write_beside(path, &beside, lines).and_then(|()| fs::rename(&beside, path));
    if let Err(cause) = &written {
        warn!(error = %cause, "failed to rewrite the journal: the old one stays in use");
        // What was written takes space, which may be what is missing.
        let _ = fs::remove_file(&beside);
    }
    written.is_ok()
}

/// Writes the lines to disk before the file gets the journal's name: after a crash, the name has
/// the old lines or all new ones.
fn write_beside(path: &Path, beside: &Path, lines: &[WrittenLine<'_>]) -> io::Result<()> {
    let file = private_files::create(beside)?;
    file.set_permissions(fs::metadata(path)?.permissions())?;
    let mut buffered = BufWriter::new(&file);
    for line in lines {
        buffered.write_all(line.text.as_bytes())?;
        buffered.write_all(b"\n")?;
    }
    buffered.flush()?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::state::KeyMark;

    const NOW: OffsetDateTime = datetime!(2026-03-05 07:08:09 UTC);

    fn created(id: &str) -> JournalEntry {
        JournalEntry::IdentityCreated { id: id.into(), at: 1 }
    }

    fn deleted(id: &str) -> JournalEntry {
        JournalEntry::IdentityDeleted { id: id.into(), at: 2_000 }
    }

    fn expired_token(id: &str, at: i64) -> JournalEntry {
        let expires = at + 1;
        JournalEntry::TokenIssued { id: id.into(), at, expires, key: KeyMark::default() }
    }

    fn text(events: &[JournalEntry]) -> String {
        events.iter().map(|event| serde_json::to_string(event).unwrap() + "\n").collect()
    }

    fn beside(path: &Path) -> PathBuf {
        path.with_extension("new")
    }

    #[test]
    fn events_come_back_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let (mut journal, events) = Journal::open(&path, NOW).unwrap();
        assert!(events.is_empty());
        journal.append(&created("a")).unwrap();
        journal.append(&deleted("a")).unwrap();
        let (_, events) = Journal::open(&path, NOW).unwrap();
        assert_eq!(events, [created("a"), deleted("a")]);
    }

    #[test]
    fn half_a_line_is_skipped_and_does_not_swallow_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        fs::write(&path, text(&[created("a")]) + "{\"event\":\"ide").unwrap();
        let (mut journal, events) = Journal::open(&path, NOW).unwrap();
        assert_eq!(events, [created("a")]);
        journal.append(&created("b")).unwrap();
        assert_eq!(Journal::open(&path, NOW).unwrap().1, [created("a"), created("b")]);
    }

    #[test]
    fn an_event_after_one_that_could_not_be_stored_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let (mut journal, _) = Journal::open(&path, NOW).unwrap();
        journal.append(&created("a")).unwrap();
        // A full disk leaves a part of the line, here up to the middle of a character.
        journal.file.write_all(b"{\"event\":\"identityCreated\",\"id\":\"\xc3").unwrap();
        journal.file = OpenOptions::new().read(true).open(&path).unwrap();
        assert!(journal.append(&created("b")).is_err());
        journal.file = OpenOptions::new().append(true).open(&path).unwrap();
        for id in ["c", "d"] {
            journal.append(&created(id)).unwrap();
        }
        drop(journal);
        let expected = ["a", "c", "d"].map(created);
        assert_eq!(Journal::open(&path, NOW).unwrap().1, expected);
    }

    #[test]
    fn a_line_that_ends_within_a_character_is_skipped() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let cut = b"{\"event\":\"identityCreated\",\"id\":\"\xc3";
        fs::write(&path, [text(&[created("a")]).as_bytes(), cut].concat()).unwrap();
        let (mut journal, events) = Journal::open(&path, NOW).unwrap();
        assert_eq!(events, [created("a")]);
        journal.append(&created("b")).unwrap();
        assert_eq!(Journal::open(&path, NOW).unwrap().1, [created("a"), created("b")]);
    }

    #[test]
    fn a_cleared_journal_is_empty_and_usable() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let (mut journal, _) = Journal::open(&path, NOW).unwrap();
        journal.append(&created("a")).unwrap();
        journal.clear().unwrap();
        journal.append(&created("b")).unwrap();
        assert_eq!(Journal::open(&path, NOW).unwrap().1, [created("b")]);
    }

    #[test]
    fn a_journal_with_many_expired_tokens_is_smaller_after_a_start_and_usable() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let (mut journal, _) = Journal::open(&path, NOW).unwrap();
        journal.append(&created("a")).unwrap();
        for at in 0..1000 {
            journal.append(&expired_token("a", at)).unwrap();
        }
        journal.append(&deleted("a")).unwrap();
        drop(journal);

        let (mut journal, events) = Journal::open(&path, NOW).unwrap();
        assert_eq!(events, [created("a"), deleted("a")]);
        assert_eq!(fs::read_to_string(&path).unwrap(), text(&events));
        assert!(!beside(&path).exists());
        journal.append(&created("b")).unwrap();
        journal.clear().unwrap();
        journal.append(&created("c")).unwrap();
        assert_eq!(Journal::open(&path, NOW).unwrap().1, [created("c")]);
    }

    #[test]
    fn a_new_file_that_a_crash_left_before_its_renaming_is_not_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let obsolete = [created("a"), expired_token("a", 1), deleted("a")];
        let needed = [created("a"), deleted("a")];
        for before in [obsolete.as_slice(), needed.as_slice()] {
            fs::write(&path, text(before)).unwrap();
            fs::write(beside(&path), text(&[created("left"), created("cut")]) + "{").unwrap();
            assert_eq!(Journal::open(&path, NOW).unwrap().1, needed);
            assert_eq!(fs::read_to_string(&path).unwrap(), text(&needed));
        }
        // The second journal had nothing obsolete, so it was not written again.
        assert!(beside(&path).exists());
    }

    #[test]
    fn a_journal_that_cannot_be_rewritten_stays_in_use() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let old = text(&[created("a"), expired_token("a", 1), deleted("a")]);
        fs::write(&path, &old).unwrap();
        fs::create_dir(beside(&path)).unwrap();
        let (mut journal, events) = Journal::open(&path, NOW).unwrap();
        assert_eq!(events, [created("a"), deleted("a")]);
        assert_eq!(fs::read_to_string(&path).unwrap(), old);
        journal.append(&created("b")).unwrap();
        drop(journal);
        assert_eq!(fs::read_to_string(&path).unwrap(), old + &text(&[created("b")]));
    }

    #[test]
    fn a_rewrite_keeps_lines_of_a_newer_version_and_ends_an_incomplete_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let newer = text(&[created("a")]) + "{\"event\":\"renamed\",\"id\":\"a\"}\n";
        let (obsolete, needed) = (text(&[expired_token("a", 1)]), text(&[deleted("a")]));
        let cut = "{\"event\":\"ide";
        fs::write(&path, format!("{newer}{obsolete}{needed}{cut}")).unwrap();
        let (mut journal, _) = Journal::open(&path, NOW).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{newer}{needed}{cut}\n"));
        journal.append(&created("b")).unwrap();
        let events = Journal::open(&path, NOW).unwrap().1;
        assert_eq!(events, [created("a"), deleted("a"), created("b")]);
    }

    #[cfg(unix)]
    #[test]
    fn a_rewritten_journal_keeps_its_permissions() {
        use std::os::unix::fs::PermissionsExt as _;

        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        fs::write(&path, text(&[created("a"), expired_token("a", 1), deleted("a")])).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let (_, events) = Journal::open(&path, NOW).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), text(&events));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    }
}
