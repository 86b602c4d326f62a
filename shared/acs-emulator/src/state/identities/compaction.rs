//! Which entries of the journal the state still needs.

use std::collections::HashSet;

use super::JournalEntry;

/// A line of the journal.
pub(super) struct WrittenLine<'a> {
    pub text: &'a str,
    /// `None` if this version cannot read the line. It is kept, because a newer version may have
    /// written it.
    pub entry: Option<JournalEntry>,
}

/// Removes the lines without which the state is the same: expired tokens, assignments that were
/// replaced or removed, and repeated uses of an assignment.
///
/// Revocations stay, because they number the generations of tokens, and so do deleted identities,
/// because their tokens are reported as deleted.
pub(super) fn drop_obsolete(lines: &mut Vec<WrittenLine<'_>>, now: i64) {
    let entries = lines.iter().filter_map(|line| line.entry.as_ref());
    let mut later = LaterEntries::new(expired_by(entries, now));
    // Whether an entry is needed depends on those after it.
    lines.reverse();
    lines.retain(|line| line.entry.as_ref().is_none_or(|entry| later.leave_needed(entry)));
    lines.reverse();
}

/// The time by which tokens count as expired: `now`, or the time of the last entry if that is
/// earlier. A local stack whose clock is behind moves the emulator's clock back after each start, and
/// the last entry has the time of that clock.
fn expired_by<'a>(entries: impl DoubleEndedIterator<Item = &'a JournalEntry>, now: i64) -> i64 {
    entries.rev().find_map(JournalEntry::at).map_or(now, |last| last.min(now))
}

/// What the entries after the current one make obsolete.
struct LaterEntries {
    /// The time by which tokens count as expired.
    time: i64,
    /// The assignments that are replaced or removed.
    assignments: HashSet<String>,
    /// The identities whose assignment is recorded again before one is removed.
    users: HashSet<String>,
}

impl LaterEntries {
    fn new(time: i64) -> Self {
        Self { time, assignments: HashSet::new(), users: HashSet::new() }
    }

    /// Whether the later entries leave `entry` needed. It then is one of them.
    fn leave_needed(&mut self, entry: &JournalEntry) -> bool {
        match entry {
            JournalEntry::TokenIssued { expires, .. } => self.time < *expires,
            JournalEntry::Assigned { name, .. } => self.assignments.insert(name.clone()),
            JournalEntry::Unassigned { name, .. } => {
                self.assignments.insert(name.clone());
                // It ends the tokens of identities by the assignment that they used last before it.
                self.users.clear();
                true
            }
            JournalEntry::AssignmentUsed { id, .. } => self.users.insert(id.clone()),
            JournalEntry::IdentityCreated { .. }
            | JournalEntry::TokensRevoked { .. }
            | JournalEntry::IdentityDeleted { .. } => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::time::Duration;

    use super::super::Assignment;
    use super::super::identity::RevocationRules;
    use super::super::records::Records;
    use super::*;
    use crate::options::EmulatorOptions;
    use crate::state::KeyMark;

    const NOW: i64 = 1_000_000;

    fn created(id: &str) -> JournalEntry {
        JournalEntry::IdentityCreated { id: id.into(), at: NOW }
    }

    fn issued(id: &str, at: i64, expires: i64) -> JournalEntry {
        JournalEntry::TokenIssued { id: id.into(), at, expires, key: KeyMark::default() }
    }

    fn revoked(id: &str, at: i64) -> JournalEntry {
        JournalEntry::TokensRevoked { id: id.into(), at }
    }

    fn deleted(id: &str) -> JournalEntry {
        JournalEntry::IdentityDeleted { id: id.into(), at: NOW }
    }

    fn assigned(name: &str, principal_type: &str) -> JournalEntry {
        let assignment = Assignment {
            object_id: "o".into(),
            tenant_id: "t".into(),
            principal_type: principal_type.into(),
            client_ids: None,
        };
        JournalEntry::Assigned { name: name.into(), assignment }
    }

    fn unassigned(name: &str) -> JournalEntry {
        JournalEntry::Unassigned { name: name.into(), at: NOW }
    }

    fn used(id: &str, by: &str) -> JournalEntry {
        JournalEntry::AssignmentUsed { id: id.into(), by: by.into() }
    }

    fn without_obsolete(history: &[JournalEntry]) -> Vec<JournalEntry> {
        let line = |entry: &JournalEntry| WrittenLine { text: "", entry: Some(entry.clone()) };
        let mut lines: Vec<_> = history.iter().map(line).collect();
        drop_obsolete(&mut lines, NOW);
        lines.into_iter().filter_map(|line| line.entry).collect()
    }

    /// The state after the entries, without the tokens that expired by `time`.
    fn replayed(entries: &[JournalEntry], rules: RevocationRules, time: i64) -> Records {
        let (known, assignments) = (HashMap::new(), HashMap::new());
        let mut records = Records { journal: None, known, rules, assignments };
        for entry in entries {
            records.apply(entry.clone());
        }
        for identity in records.known.values_mut() {
            identity.tokens.retain(|token| time < token.expires);
        }
        records
    }

    /// All histories of four of these entries, after the creation of two identities.
    fn histories(entries: &[JournalEntry]) -> impl Iterator<Item = Vec<JournalEntry>> {
        let all = 0..entries.len().pow(4);
        all.map(move |number| {
            let digits = (0..4).map(|place| number / entries.len().pow(place) % entries.len());
            let chosen = digits.map(|digit| entries[digit].clone());
            [created("a"), created("b")].into_iter().chain(chosen).collect()
        })
    }

    #[test]
    fn without_its_obsolete_entries_every_history_has_the_same_state() {
        let lagging = EmulatorOptions {
            revocation_lag: Duration::from_mins(1),
            ..EmulatorOptions::default()
        };
        let entries = [
            created("a"),
            issued("a", NOW, NOW),
            issued("a", NOW, NOW + 1),
            revoked("a", NOW),
            revoked("a", NOW - 1),
            deleted("a"),
            assigned("x", "user"),
            assigned("x", "resourceAccount"),
            unassigned("x"),
            unassigned("y"),
            used("a", "x"),
            used("a", "y"),
            used("b", "x"),
        ];
        for history in histories(&entries) {
            let needed = without_obsolete(&history);
            let time = expired_by(history.iter(), NOW);
            for rules in [RevocationRules::default(), lagging.into()] {
                let before = replayed(&history, rules, time);
                let after = replayed(&needed, rules, i64::MIN);
                assert_eq!(after.known, before.known, "{history:?}");
                assert_eq!(after.assignments, before.assignments, "{history:?}");
            }
            assert_eq!(without_obsolete(&needed), needed, "{history:?}");
        }
    }

    #[test]
    fn replaced_assignments_repeated_uses_and_expired_tokens_are_obsolete() {
        let history = [
            created("a"),
            assigned("x", "user"),
            issued("a", 1, 2),
            used("a", "x"),
            used("a", "x"),
            unassigned("x"),
            assigned("x", "user"),
            assigned("x", "resourceAccount"),
            issued("a", NOW, NOW),
            used("a", "x"),
            issued("a", NOW, NOW + 1),
            used("a", "x"),
            deleted("a"),
        ];
        let needed = [
            created("a"),
            used("a", "x"),
            unassigned("x"),
            assigned("x", "resourceAccount"),
            issued("a", NOW, NOW + 1),
            used("a", "x"),
            deleted("a"),
        ];
        assert_eq!(without_obsolete(&history), needed);
    }

    #[test]
    fn a_token_is_obsolete_only_if_it_expired_by_the_system_and_by_the_last_entry() {
        for (last, expires, is_obsolete) in [
            (NOW, NOW, true),
            (NOW - 10, NOW - 9, false),
            (NOW - 10, NOW - 10, true),
            (NOW + 10, NOW + 1, false),
            (NOW + 10, NOW, true),
        ] {
            let history = [issued("a", 1, expires), revoked("a", last), used("a", "x")];
            let has_gone = without_obsolete(&history).len() < history.len();
            assert_eq!(has_gone, is_obsolete, "last entry at {last}, expiry at {expires}");
        }
    }
}
