//! Signals of the configured transmitters, as `receive-security-event` puts them into the queue.
//!
//! `source` is `guestpass.signals`, which no rule of an event bus lets through: only functions of
//! the deployment can put such a message into the queue, and they have authenticated its sender.
//! `detail-type` is the kind of event. `detail` has the kind of the transmitter in `kind`, the user
//! in `externalId`, the time in `occurredAt`, the `mode`, an `eventId`, and may have a `reason`.
//!
//! The `detail-type` `user.changed` says that an account may have changed, and not what changed. It
//! has no time: the account is looked up, by its `tenant` and its `objectId`.

use identity_core::event::{Event, EventKind, EventMode, EventSource};
use identity_core::identity::{ExternalId, IdentityRef};
use identity_core::ports::AccountLookUp;
use identity_core::record::Reason;

use crate::envelope::Envelope;
use crate::issuers::EventIssuers;
use crate::reading::{Malformed, Reading};

/// The `source` of these messages.
pub(crate) const SOURCE: &str = "guestpass.signals";

/// The `detail-type` of a message that asks for a look-up.
const CHANGED: &str = "user.changed";

/// Reads a message. The transmitter's configuration says whose users its signals are about, so users
/// of issuers that are not in `issuers` are read, too.
pub(crate) fn read(envelope: &Envelope, issuers: &EventIssuers) -> Result<Reading, Malformed> {
    if envelope.required("detail-type")? == CHANGED {
        let look_up = AccountLookUp {
            user: user(envelope, issuers)?,
            source: source(envelope)?,
            transmitter: envelope.required("detail.transmitter")?.to_owned(),
            tenant: envelope.required("detail.tenant")?.to_owned(),
            object_id: envelope.required("detail.objectId")?.to_owned(),
            id: envelope.id("detail.eventId")?,
        };
        return Ok(Reading::LookUp { look_up, mode: mode(envelope)? });
    }
    let (event, mode) = (event(envelope, issuers)?, mode(envelope)?);
    Ok(Reading::Events {
        source: event.source,
        mode: Some(mode),
        transmitter: envelope.text("detail.transmitter").map(str::to_owned),
        events: vec![event],
    })
}

fn event(envelope: &Envelope, issuers: &EventIssuers) -> Result<Event, Malformed> {
    let kind = EventKind::parse(envelope.required("detail-type")?)
        .ok_or(Malformed::Invalid { field: "detail-type", expected: "a kind of event" })?;
    let moment = envelope.time("detail.occurredAt")?;
    Ok(Event {
        source: source(envelope)?,
        kind,
        identity: IdentityRef::External(user(envelope, issuers)?),
        occurred_at: moment.at,
        resolution: moment.resolution,
        heard_at: None,
        id: envelope.id("detail.eventId")?,
        reason: envelope.text("detail.reason").and_then(Reason::shortened),
    })
}

/// The kind of the transmitter, which is the origin of what the message decides.
fn source(envelope: &Envelope) -> Result<EventSource, Malformed> {
    EventSource::parse(envelope.required("detail.kind")?)
        .filter(|source| source.is_transmitter())
        .ok_or(Malformed::Invalid { field: "detail.kind", expected: "a kind of transmitter" })
}

fn mode(envelope: &Envelope) -> Result<EventMode, Malformed> {
    let mode = envelope.required("detail.mode")?.parse();
    mode.map_err(|_| Malformed::Invalid { field: "detail.mode", expected: "apply or shadow" })
}

/// The user, in the configured spelling of the issuer if it is one of the deployment's.
fn user(envelope: &Envelope, issuers: &EventIssuers) -> Result<ExternalId, Malformed> {
    let expected = "the external id of a user";
    let user = ExternalId::parse_named(envelope.required("detail.externalId")?)
        .ok_or(Malformed::Invalid { field: "detail.externalId", expected })?;
    Ok(issuers.resolve(&user).unwrap_or(user))
}
