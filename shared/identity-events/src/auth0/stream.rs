//! Auth0's Event Streams: each event is a `CloudEvent` in `detail`, and `detail.data` has the user
//! as `object` and, for a change, as they were before in `previous_object`.

use std::borrow::Cow;

use identity_core::event::{EventKind, EventSource};
use serde_json::Value;

use super::tenant::issuers_of;
use crate::envelope::Envelope;
use crate::issuers::tenant_of;
use crate::reading::{Found, Malformed, WhyIgnored};
use crate::report::{ProviderReport, ReportedSubject};
use crate::settings::EventSettings;

pub(super) fn read(envelope: &Envelope, settings: &EventSettings) -> Result<Found, Malformed> {
    let name = envelope.required("detail.type")?;
    let kind = match name {
        "user.deleted" => EventKind::Deleted,
        "user.updated" => match kind_of_update(envelope) {
            Some(kind) => kind,
            None => return Ok(Found::ignored(name, WhyIgnored::NothingRelevant)),
        },
        _ => return Ok(Found::ignored(name, WhyIgnored::UnknownType)),
    };
    let field = "detail.data.object.user_id";
    let subject = ReportedSubject { name: Cow::Borrowed(envelope.required(field)?), field };
    // The URN of the tenant's own domain, also if the tenant has a custom domain.
    let source = envelope.text("detail.source").unwrap_or_default();
    let domain = source.strip_prefix("urn:auth0:").unwrap_or_default();
    let tenant = identity_core::identity::Issuer::parse(&format!("https://{domain}/"))
        .and_then(|issuer| tenant_of(&issuer, &["auth0.com"]));
    let report = ProviderReport {
        source: EventSource::Auth0,
        name,
        kinds: vec![kind],
        issuers: issuers_of(settings, domain, tenant.as_deref()),
        subjects: vec![subject],
        moment: envelope.time_or_envelope("detail.time")?,
        id: envelope.id("detail.id")?,
    };
    report.found(settings)
}

/// Whether the update blocks or unblocks the user. Each login updates the user, too, so only a
/// change counts. A user is unblocked only if the event says that they were blocked before.
fn kind_of_update(envelope: &Envelope) -> Option<EventKind> {
    let blocked = |path: &str| envelope.at(path).and_then(Value::as_bool);
    let was_blocked = blocked("detail.data.previous_object.blocked") == Some(true);
    match (was_blocked, blocked("detail.data.object.blocked")?) {
        (false, true) => Some(EventKind::Disabled),
        (true, false) => Some(EventKind::Enabled),
        _ => None,
    }
}
