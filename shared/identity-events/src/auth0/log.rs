//! Auth0's log streams (detail type `Auth0 log`). Each entry of the tenant's log is in
//! `detail.data`, with a code for its `type`.
//!
//! Most entries name in `user_id` the user that they are about, which is the `sub` of the user's
//! tokens. An entry about a call of the Management API, `sapi`, names there the administrator
//! who made the call; the call itself names the user, as does the call of a SCIM client, `sscim`.
//! Blocking a user has no code of its own: it is one of these calls.
//!
//! Auth0's schemas require neither the user nor the date of an entry
//! (github.com/auth0/auth0-log-schemas).

use std::borrow::Cow;

use identity_core::event::EventSource;

use super::call::UserCall;
use super::scim::scim_call;
use super::tenant::issuers_of;
use crate::envelope::Envelope;
use crate::event_types::{AUTH0_LOG_KINDS, kind_in};
use crate::reading::{Found, Malformed, WhyIgnored};
use crate::report::{ProviderReport, ReportedSubject};
use crate::settings::EventSettings;

pub(super) fn read(envelope: &Envelope, settings: &EventSettings) -> Result<Found, Malformed> {
    let name = envelope.required("detail.data.type")?;
    let (kinds, subject) = match name {
        "sapi" | "sscim" => {
            let status = envelope.at("detail.data.details.response.statusCode");
            if status.and_then(serde_json::Value::as_u64).is_some_and(|status| status >= 400) {
                return Ok(Found::ignored(name, WhyIgnored::Failed));
            }
            let call = if name == "sapi" { UserCall::of(envelope) } else { scim_call(envelope) };
            let Some(call) = call else {
                return Ok(Found::ignored(name, WhyIgnored::NothingRelevant));
            };
            let subject = ReportedSubject { name: Cow::Owned(call.user), field: call.field };
            (call.kinds, subject)
        }
        // Calls of SCIM that failed.
        "fscim" => return Ok(Found::ignored(name, WhyIgnored::Failed)),
        _ => {
            let Some(kind) = kind_in(AUTH0_LOG_KINDS, name) else {
                return Ok(Found::ignored(name, WhyIgnored::UnknownType));
            };
            // For example, a user whose session had already ended can still log out.
            let Some(subject) = named_user(envelope) else {
                return Ok(Found::ignored(name, WhyIgnored::NoUser));
            };
            (vec![kind], subject)
        }
    };
    let id = match envelope.text("detail.log_id") {
        Some(_) => envelope.id("detail.log_id")?,
        None => envelope.id("detail.data.log_id")?,
    };
    let requested_host = envelope.text("detail.data.hostname").unwrap_or_default();
    let report = ProviderReport {
        source: EventSource::Auth0,
        name,
        kinds,
        issuers: issuers_of(settings, requested_host, envelope.text("detail.data.tenant_name")),
        subjects: vec![subject],
        moment: envelope.time_or_envelope("detail.data.date")?,
        id,
    };
    report.found(settings)
}

/// The user that an entry is about.
fn named_user(envelope: &Envelope) -> Option<ReportedSubject<'_>> {
    ["detail.data.user_id", "detail.data.details.query.user_id"].into_iter().find_map(|field| {
        envelope.text(field).map(|name| ReportedSubject { name: Cow::Borrowed(name), field })
    })
}
