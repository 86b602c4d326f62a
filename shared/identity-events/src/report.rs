//! What a provider reports about a user, before it is known which records it concerns.

use std::borrow::Cow;

use identity_core::event::{Event, EventKind, EventSource};
use identity_core::identity::Issuer;

use crate::envelope::{Moment, user};
use crate::reading::{Found, Malformed, WhyIgnored};
use crate::settings::EventSettings;

/// What a provider reports about a user.
pub(crate) struct ProviderReport<'a> {
    pub(crate) source: EventSource,
    /// The type of the message, as the provider spells it.
    pub(crate) name: &'a str,
    /// What happened, in the order in which it is applied.
    pub(crate) kinds: Vec<EventKind>,
    /// The issuers that the user can have tokens of.
    pub(crate) issuers: Vec<&'a Issuer>,
    /// The names of the user.
    pub(crate) subjects: Vec<ReportedSubject<'a>>,
    pub(crate) moment: Moment,
    /// The provider's ID for the event.
    pub(crate) id: String,
}

/// A name of a user.
pub(crate) struct ReportedSubject<'a> {
    pub(crate) name: Cow<'a, str>,
    /// The field that holds it.
    pub(crate) field: &'static str,
}

impl ProviderReport<'_> {
    /// The events for each kind and each record that the report can be about.
    pub(crate) fn found(&self, settings: &EventSettings) -> Result<Found, Malformed> {
        if self.issuers.is_empty() {
            return Ok(Found::ignored(self.name, WhyIgnored::AnotherIssuer));
        }
        if !settings.have_one_subject_claim() {
            return Ok(Found::ignored(self.name, WhyIgnored::SeveralClaims));
        }
        let mut users = Vec::new();
        for issuer in &self.issuers {
            for subject in &self.subjects {
                let user = user(issuer, &subject.name, subject.field)?;
                if !users.contains(&user) {
                    users.push(user);
                }
            }
        }
        let events = self.kinds.iter().flat_map(|kind| {
            users.iter().map(|user| Event {
                source: self.source,
                kind: *kind,
                identity: user.clone(),
                occurred_at: self.moment.at,
                resolution: self.moment.resolution,
                heard_at: None,
                id: self.id.clone(),
                reason: None,
            })
        });
        Ok(Found::Events(events.collect()))
    }
}
