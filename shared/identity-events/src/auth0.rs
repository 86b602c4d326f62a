//! Auth0 tenants, which have two kinds of streams to `EventBridge`: *log streams* (partner event
//! source `…/auth0.logs`) and *Event Streams* (`…/auth0.events`). A deployment can have both.

mod call;
mod log;
mod scim;
mod stream;
mod tenant;

use crate::envelope::Envelope;
use crate::reading::{Found, Malformed};
use crate::settings::EventSettings;

pub(crate) fn read(envelope: &Envelope, settings: &EventSettings) -> Result<Found, Malformed> {
    // The detail type of Event Streams is not documented.
    let is_stream = envelope.required("source")?.ends_with("/auth0.events")
        || envelope.at("detail.specversion").is_some();
    if is_stream { stream::read(envelope, settings) } else { log::read(envelope, settings) }
}
