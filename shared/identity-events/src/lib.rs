//! Reads the messages of identity providers about their users as events of the core.
//!
//! `EventBridge` delivers all messages in the same envelope. Their content differs from provider
//! to provider, so each provider has a module here. A module reads only the fields that an event
//! needs: any other field may be missing, new or malformed.
//!
//! A message that does not concern this service is [ignored](Reading::Ignored), which is not an
//! error. An error is a message that should have been an event and cannot be read as one: it
//! requires manual action.

mod auth0;
mod cognito;
mod envelope;
pub mod event_types;
mod guestpass;
mod issuers;
mod okta;
mod reading;
mod report;
mod settings;
mod signals;

use envelope::Envelope;
use reading::{Found, shown};

pub use identity_core::event::EventSource;
pub use issuers::{EventIssuers, InvalidIssuers};
pub use okta::is_okta_issuer;
pub use reading::{Ignored, Malformed, Reading, WhyIgnored};
pub use settings::{EventSettings, InvalidOktaSubject, OktaSubject};

/// Reads a message that `EventBridge` delivered.
///
/// `settings` has the issuers whose tokens the deployment accepts. An event of a provider is about
/// users of those that fit: of the user pool, the tenant or the organisation that the event names.
/// An event in Guestpass's own format that names another issuer is malformed, because a user of
/// that issuer can never call the service.
///
/// The times are in whole milliseconds, as the core requires. A caller that has a clock must check
/// whether they are too far ahead.
///
/// The operator's tool adds the member [`HEARD_AT`] to a message that it sends again.
pub fn read(body: &str, settings: &EventSettings) -> Result<Reading, Malformed> {
    let envelope = Envelope::parse(body)?;
    let mut reading = read_envelope(&envelope, settings)?;
    if let Reading::Events { events, .. } = &mut reading
        && envelope.text(HEARD_AT).is_some()
    {
        let heard_at = envelope.time(HEARD_AT)?.at;
        for event in events {
            event.heard_at = Some(heard_at);
        }
    }
    Ok(reading)
}

/// The member of an envelope that says when the event was heard first, in RFC 3339. A message that
/// is sent again has it: without it, an event could count as newer than it did the first time. Only
/// those who can write to the queue can add it, because no sender on a bus writes the envelope.
pub const HEARD_AT: &str = "heardAt";

fn read_envelope(envelope: &Envelope, settings: &EventSettings) -> Result<Reading, Malformed> {
    let name = envelope.required("source")?;
    if name == signals::SOURCE {
        return signals::read(envelope, &settings.issuers);
    }
    let Some(source) = source(name) else {
        let ignored = Ignored { name: shown(name), why: WhyIgnored::UnknownSource };
        return Ok(Reading::Ignored { source: None, ignored });
    };
    let found = match source {
        EventSource::Guestpass => guestpass::read(envelope, settings)?,
        EventSource::Cognito => cognito::read(envelope, settings)?,
        EventSource::Auth0 => auth0::read(envelope, settings)?,
        EventSource::Okta | EventSource::OktaApp => okta::read(envelope, settings)?,
        // The sources of transmitters have no name of their own on a bus.
        _ => Found::ignored(name, WhyIgnored::UnknownSource),
    };
    Ok(match found {
        Found::Events(events) => Reading::Events { source, mode: None, transmitter: None, events },
        Found::Ignored(ignored) => Reading::Ignored { source: Some(source), ignored },
    })
}

/// The event source with this `source`. Only AWS and its partners can send an event whose source
/// begins with `aws.`. A partner's source continues with the name of the tenant.
fn source(name: &str) -> Option<EventSource> {
    match name {
        "guestpass.identity" => Some(EventSource::Guestpass),
        "aws.cognito-idp" => Some(EventSource::Cognito),
        _ if name.starts_with("aws.partner/auth0.com/") => Some(EventSource::Auth0),
        _ if name.starts_with("aws.partner/okta.com/") => Some(EventSource::Okta),
        _ => None,
    }
}
