//! The events that follow from a change of a user.

use std::time::{Duration, SystemTime};

use identity_core::event::EventKind;

use crate::model::{ScimUser, UserMapping};
use crate::ports::ScimUserEvent;
use crate::service::request::ScimStamp;
use crate::wire::ScimRefusal;

/// A change of a user that is not stored yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct PlannedChange<'a> {
    /// The stored user; `None` for a new one.
    pub(super) before: Option<&'a ScimUser>,
    /// The user after the change.
    pub(super) after: &'a ScimUser,
    /// Whether the request itself says that the user is inactive.
    pub(super) deactivates: bool,
    /// Whether this transmitter blocked the subject before, as another user.
    pub(super) was_blocked: bool,
}

/// What happened to whom.
type Happening<'a> = (EventKind, &'a str);

impl PlannedChange<'_> {
    /// The events to send before the change is stored.
    ///
    /// A repeated deactivation is sent again, because the first one may not have been stored, and
    /// an activation only if it changes something, because the records would fill with users who
    /// never asked for a token.
    pub(super) fn events(
        &self,
        mapping: &UserMapping,
        stamp: &ScimStamp,
    ) -> Result<Vec<ScimUserEvent>, ScimRefusal> {
        let subject = mapping.subject(self.after);
        let before = self.before.and_then(|user| mapping.subject(user));
        let is_other = self.before.is_some() && before != subject;
        let was_active = self.before.is_none_or(|user| user.active);
        let mut happened: Vec<Happening<'_>> = Vec::new();
        if !self.after.active && (self.deactivates || is_other) {
            happened.push((EventKind::Disabled, subject.ok_or_else(|| unmapped(mapping))?));
        }
        if self.after.active && (!was_active || self.was_blocked) {
            happened.extend(subject.map(|subject| (EventKind::Enabled, subject)));
        }
        if let Some(old) = before.filter(|_| is_other && was_active) {
            // Bearers of the old subject would outlast a deactivation under the new one.
            happened.push((EventKind::SignedOut, old));
        }
        happened
            .into_iter()
            .map(|(kind, subject)| event(kind, subject, mapping, self.after, stamp))
            .collect()
    }
}

/// The event of a deletion; `None` if the user never had a subject, so that there is nothing to
/// delete.
pub(super) fn deletion(
    user: &ScimUser,
    mapping: &UserMapping,
    stamp: &ScimStamp,
) -> Result<Option<ScimUserEvent>, ScimRefusal> {
    let Some(subject) = mapping.subject(user) else { return Ok(None) };
    let last = next_version(user, stamp.now);
    event(EventKind::Deleted, subject, mapping, &last, stamp).map(Some)
}

/// The next version of a user. Its time is now, but later than the version before, so that two
/// requests at once have their events in the order in which they were stored.
pub(super) fn next_version(user: &ScimUser, now: SystemTime) -> ScimUser {
    let modified_at = now.max(user.modified_at + Duration::from_millis(1));
    ScimUser { modified_at, version: user.version + 1, ..user.clone() }
}

/// An event of this version of a user.
fn event(
    kind: EventKind,
    subject: &str,
    mapping: &UserMapping,
    version: &ScimUser,
    stamp: &ScimStamp,
) -> Result<ScimUserEvent, ScimRefusal> {
    let user = mapping.external_id(subject).ok_or_else(|| {
        let name = mapping.subject.as_str();
        ScimRefusal::value(format!("`{name}` is too long: it cannot be the subject of a bearer."))
    })?;
    let id = format!("{}-{}-{}", stamp.id, version.version, kind.as_str());
    Ok(ScimUserEvent { kind, user, occurred_at: version.modified_at, id })
}

fn unmapped(mapping: &UserMapping) -> ScimRefusal {
    let name = mapping.subject.as_str();
    ScimRefusal::value(format!(
        "The user has no `{name}`, so their tokens cannot be revoked. Map `{name}` at the provider \
         to the subject of the users' bearers, or set `subject` of the transmitter.",
    ))
}
