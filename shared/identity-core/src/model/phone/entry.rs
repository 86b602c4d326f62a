use std::time::{Duration, SystemTime};

use super::{PhonePrincipal, TeamsExtensionAssignment};
use crate::model::{Event, ExternalId};

/// What the inventory knows about the assignment of one principal. ACS cannot list assignments.
///
/// A change is recorded before ACS is asked, so a crash in between leaves an entry that says what is
/// still to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhoneEntry {
    /// The assignment, as it was last requested or confirmed.
    pub assignment: TeamsExtensionAssignment,
    /// The user of this service who is the principal, if known. Their events end the assignment.
    pub user: Option<ExternalId>,
    /// What was done last.
    pub state: PhoneState,
    /// Counts the changes.
    pub version: u64,
    /// When the entry was first made.
    pub created_at: SystemTime,
    /// When the assignment was last requested.
    pub assigned_at: SystemTime,
    /// When the entry was last changed.
    pub changed_at: SystemTime,
    /// When ACS last confirmed the assignment.
    pub verified_at: Option<SystemTime>,
    /// Who changed it last: an external id, or the source of an event. Empty if ACS does not have an
    /// assignment that was only requested: then no one has ended it.
    pub by: String,
}

/// What was done last with an assignment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PhoneState {
    /// ACS was asked for the assignment, and has not answered yet.
    Assigning,
    /// ACS confirmed the assignment.
    Assigned,
    /// ACS was asked to delete the assignment, and has not answered yet.
    Removing,
    /// ACS confirmed that it does not have the assignment.
    Removed,
}

impl PhoneState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Assigning, Self::Assigned, Self::Removing, Self::Removed];

    /// The name as stored and as shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Assigning => "assigning",
            Self::Assigned => "assigned",
            Self::Removing => "removing",
            Self::Removed => "removed",
        }
    }

    /// Parses the output of [`as_str`](Self::as_str).
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == raw)
    }

    /// Whether ACS has still to answer.
    #[must_use]
    pub fn is_unfinished(self) -> bool {
        matches!(self, Self::Assigning | Self::Removing)
    }
}

/// The work of another process on an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PhoneWork {
    /// Nothing is left to do.
    None,
    /// Its process may be alive; retry after this time.
    Running(Duration),
    /// Its process is dead.
    Abandoned,
}

impl PhoneEntry {
    /// The entry of a principal that the inventory does not know.
    pub(crate) fn unseen(assignment: TeamsExtensionAssignment, now: SystemTime) -> Self {
        let now = Event::at_millisecond(now);
        Self {
            assignment,
            user: None,
            state: PhoneState::Removed,
            version: 0,
            created_at: now,
            assigned_at: now,
            changed_at: now,
            verified_at: None,
            by: String::new(),
        }
    }

    /// The principal.
    #[must_use]
    pub fn principal(&self) -> PhonePrincipal {
        self.assignment.principal()
    }

    /// The entry after a change.
    pub(crate) fn changed(&self, state: PhoneState, now: SystemTime) -> Self {
        let changed_at = Event::at_millisecond(now);
        Self { state, version: self.version + 1, changed_at, ..self.clone() }
    }

    /// The entry after ACS confirmed `found`.
    pub(crate) fn confirmed(
        &self,
        found: Option<TeamsExtensionAssignment>,
        now: SystemTime,
    ) -> Self {
        let by = match (self.state, &found) {
            (PhoneState::Assigning, None) => String::new(),
            _ => self.by.clone(),
        };
        let state = if found.is_some() { PhoneState::Assigned } else { PhoneState::Removed };
        let verified_at = found.is_some().then(|| Event::at_millisecond(now));
        let assignment = found.unwrap_or_else(|| self.assignment.clone());
        Self { assignment, verified_at, by, ..self.changed(state, now) }
    }

    /// Whether the first exchange of `user` may assign them: an assignment was neither made nor ended,
    /// and no administrator requested one that is unfinished.
    pub(crate) fn is_open_to(&self, user: &ExternalId) -> bool {
        match self.state {
            PhoneState::Removed => self.by.is_empty(),
            PhoneState::Assigning => self.by == user.as_str(),
            PhoneState::Assigned | PhoneState::Removing => false,
        }
    }

    /// What another process has still to do.
    pub(crate) fn work(&self, now: SystemTime, abandoned_after: Duration) -> PhoneWork {
        if !self.state.is_unfinished() {
            return PhoneWork::None;
        }
        let age = now.duration_since(self.changed_at).unwrap_or_default();
        match abandoned_after.checked_sub(age).filter(|left| !left.is_zero()) {
            Some(left) => PhoneWork::Running(left.min(Duration::from_secs(5))),
            None => PhoneWork::Abandoned,
        }
    }
}
