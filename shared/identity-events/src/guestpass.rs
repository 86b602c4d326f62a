//! Our own format, for whoever has no log stream: a webhook, a script, another provider.
//!
//! `source` is `guestpass.identity`, and `detail-type` what happened, as
//! [`EventKind`] spells it. `detail` names the user in one of three ways, by
//! `externalId`, by `issuer` and `subject`, or by `acsId`; says when it happened in
//! `occurredAt`; and should have an `eventId` and may have a `reason`.

use identity_core::{
    event::{Event, EventKind},
    identity::{AcsId, ExternalId, IdentityRef},
    record::Reason,
};

use crate::{
    Found, Malformed, WhyIgnored,
    envelope::{Envelope, user},
};

pub(crate) fn read(envelope: &Envelope) -> Result<Found, Malformed> {
    let name = envelope.required("detail-type")?;
    let Some(kind) = EventKind::parse(name) else {
        return Ok(Found::ignored(name, WhyIgnored::UnknownType));
    };
    let event = Event {
        kind,
        identity: identity(envelope)?,
        occurred_at: envelope.time("detail.occurredAt")?,
        id: envelope.id("detail.eventId")?,
        reason: envelope.text("detail.reason").and_then(Reason::shortened),
    };
    Ok(Found::Events(vec![event]))
}

/// The user, named in exactly one way.
fn identity(envelope: &Envelope) -> Result<IdentityRef, Malformed> {
    let has = |path| envelope.at(path).is_some();
    let by_subject = has("detail.issuer") || has("detail.subject");
    match (has("detail.externalId"), by_subject, has("detail.acsId")) {
        (true, false, false) => {
            let name = envelope.required("detail.externalId")?;
            let expected = "1 to 1,024 visible ASCII characters that do not begin with 8:";
            let invalid = Malformed::Invalid { field: "detail.externalId", expected };
            ExternalId::parse(name).map(IdentityRef::External).ok_or(invalid)
        }
        (false, true, false) => {
            let issuer = envelope.required("detail.issuer")?;
            user(issuer, envelope.required("detail.subject")?, "detail.subject")
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
