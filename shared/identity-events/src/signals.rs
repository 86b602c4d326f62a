//! Signals of the configured transmitters, as `receive-security-event` puts them into the queue.
//!
//! `source` is `guestpass.signals`, which no rule of an event bus lets through: only functions of
//! the deployment can put such a message into the queue, and they have authenticated its sender.
//! `detail-type` is the kind of event. `detail` has the kind of the transmitter in `kind`, the user
//! in `externalId`, the time in `occurredAt`, the `mode`, an `eventId`, and may have a `reason`.

use identity_core::event::{Event, EventKind, EventMode, EventSource};
use identity_core::identity::{ExternalId, IdentityRef};
use identity_core::record::Reason;

use crate::envelope::Envelope;
use crate::issuers::EventIssuers;
use crate::reading::Malformed;

/// The `source` of these messages.
pub(crate) const SOURCE: &str = "guestpass.signals";

/// Reads the event and its mode. The transmitter's configuration says whose users its signals are
/// about, so users of issuers that are not in `issuers` are read, too.
pub(crate) fn read(
    envelope: &Envelope,
    issuers: &EventIssuers,
) -> Result<(Event, EventMode), Malformed> {
    let kind = EventKind::parse(envelope.required("detail-type")?)
        .ok_or(Malformed::Invalid { field: "detail-type", expected: "a kind of event" })?;
    let source = EventSource::parse(envelope.required("detail.kind")?)
        .filter(|source| source.is_transmitter())
        .ok_or(Malformed::Invalid { field: "detail.kind", expected: "a kind of transmitter" })?;
    let mode = envelope
        .required("detail.mode")?
        .parse()
        .map_err(|_| Malformed::Invalid { field: "detail.mode", expected: "apply or shadow" })?;
    let moment = envelope.time("detail.occurredAt")?;
    let event = Event {
        source,
        kind,
        identity: IdentityRef::External(user(envelope, issuers)?),
        occurred_at: moment.at,
        resolution: moment.resolution,
        heard_at: None,
        id: envelope.id("detail.eventId")?,
        reason: envelope.text("detail.reason").and_then(Reason::shortened),
    };
    Ok((event, mode))
}

/// The user, in the configured spelling of the issuer if it is one of the deployment's.
fn user(envelope: &Envelope, issuers: &EventIssuers) -> Result<ExternalId, Malformed> {
    let expected = "the external id of a user";
    let user = ExternalId::parse(envelope.required("detail.externalId")?)
        .ok_or(Malformed::Invalid { field: "detail.externalId", expected })?;
    Ok(issuers.resolve(&user).unwrap_or(user))
}
