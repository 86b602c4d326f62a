//! Guestpass's own format, for a sender without a log stream: a webhook, a script, another
//! provider.
//!
//! `source` is `guestpass.identity`, and `detail-type` is the kind of event as [`EventKind`]
//! spells it. `detail` names the user by `externalId`, by `issuer` and `subject`, or by `acsId`.
//! It has the time of the event in `occurredAt`, should have an `eventId`, and may have a
//! `reason`.

use identity_core::event::{Event, EventKind, EventSource};
use identity_core::identity::{AcsId, ExternalId, IdentityRef};
use identity_core::record::Reason;

use crate::envelope::{Envelope, user};
use crate::issuers::EventIssuers;
use crate::reading::{Found, Malformed, WhyIgnored};
use crate::settings::EventSettings;

pub(crate) fn read(envelope: &Envelope, settings: &EventSettings) -> Result<Found, Malformed> {
    let name = envelope.required("detail-type")?;
    let Some(kind) = EventKind::parse(name) else {
        return Ok(Found::ignored(name, WhyIgnored::UnknownType));
    };
    let identity = identity(envelope, &settings.issuers)?;
    let moment = envelope.time("detail.occurredAt")?;
    let event = Event {
        source: EventSource::Guestpass,
        kind,
        identity,
        occurred_at: moment.at,
        resolution: moment.resolution,
        heard_at: None,
        id: envelope.id("detail.eventId")?,
        reason: envelope.text("detail.reason").and_then(Reason::shortened),
    };
    Ok(Found::Events(vec![event]))
}

/// The user, named in exactly one way. An external id must be of an issuer whose tokens are
/// accepted.
fn identity(envelope: &Envelope, issuers: &EventIssuers) -> Result<IdentityRef, Malformed> {
    let has = |path| envelope.at(path).is_some();
    let by_subject = has("detail.issuer") || has("detail.subject");
    match (has("detail.externalId"), by_subject, has("detail.acsId")) {
        (true, false, false) => {
            let name = envelope.required("detail.externalId")?;
            let expected =
                "1 to 1,024 visible ASCII characters that do not begin with 8: or guest|";
            let invalid = Malformed::Invalid { field: "detail.externalId", expected };
            let user = ExternalId::parse_named(name).ok_or(invalid)?;
            let another = Malformed::AnotherIssuer("detail.externalId");
            issuers.resolve(&user).map(IdentityRef::External).map_err(|_| another)
        }
        (false, true, false) => {
            let (named, subject) =
                (envelope.required("detail.issuer")?, envelope.required("detail.subject")?);
            let another = Malformed::AnotherIssuer("detail.issuer");
            let issuer = issuers.named(named).ok_or(another)?;
            user(issuer, subject, "detail.subject")
        }
        (false, false, true) => {
            let expected = "the id of an ACS identity";
            let invalid = Malformed::Invalid { field: "detail.acsId", expected };
            AcsId::parse(envelope.required("detail.acsId")?).map(IdentityRef::Acs).ok_or(invalid)
        }
        (false, false, false) => Err(Malformed::Missing("detail.externalId")),
        _ => Err(Malformed::Ambiguous),
    }
}
