//! Okta organisations: their log stream to `EventBridge` (detail type `SystemLog`). Each
//! event of the System Log is in `detail`.
//!
//! A setting of the authorization server decides which of a user's two names is the `sub` of an
//! access token: by default the login in the app, otherwise the id. The event has both
//! (`alternateId` and `id`) and does not say which one is the `sub`; see [`OktaSubject`].
//!
//! [`OktaSubject`]: crate::settings::OktaSubject

use std::borrow::Cow;

use identity_core::event::EventSource;
use identity_core::identity::Issuer;
use serde_json::Value;

use crate::envelope::{Envelope, text};
use crate::event_types::{OKTA, OKTA_APP, kind_in};
use crate::issuers::{path, tenant_of};
use crate::reading::{Found, Malformed, WhyIgnored};
use crate::report::{ProviderReport, ReportedSubject};
use crate::settings::EventSettings;

pub(crate) fn read(envelope: &Envelope, settings: &EventSettings) -> Result<Found, Malformed> {
    let name = envelope.required("detail.eventType")?;
    let (source, kind) = match (kind_in(OKTA, name), kind_in(OKTA_APP, name)) {
        (Some(kind), _) => (EventSource::Okta, kind),
        (None, Some(kind)) if is_about_the_app(envelope, settings) => (EventSource::OktaApp, kind),
        (None, Some(_)) => return Ok(Found::ignored(name, WhyIgnored::AnotherApp)),
        (None, None) => return Ok(Found::ignored(name, WhyIgnored::UnknownType)),
    };
    if envelope.required("detail.outcome.result")? != "SUCCESS" {
        return Ok(Found::ignored(name, WhyIgnored::Failed));
    }
    let users = users(envelope, name, source);
    if users.is_empty() && name == "user.session.end" {
        return Ok(Found::ignored(name, WhyIgnored::NoUser));
    }
    let subjects: Vec<_> = users.into_iter().flat_map(|user| names(user, settings)).collect();
    if subjects.is_empty() {
        return Err(Malformed::Missing("detail.target"));
    }
    let report = ProviderReport {
        source,
        name,
        kinds: vec![kind],
        issuers: issuers(envelope, settings),
        subjects,
        moment: envelope.time_or_envelope("detail.published")?,
        id: envelope.id("detail.uuid")?,
    };
    report.found(settings)
}

/// The issuers of the organisation, which can have several authorization servers. The source of the
/// event names the organisation: `aws.partner/okta.com/<organisation>/<name of the stream>`. An
/// organisation with a custom domain has users of the first issuer.
fn issuers<'a>(envelope: &Envelope, settings: &'a EventSettings) -> Vec<&'a Issuer> {
    let source = envelope.text("source").unwrap_or_default();
    let org = source.split('/').nth(2).map(str::to_ascii_lowercase);
    settings.issuers.fitting_or_first(|issuer| {
        let its = tenant_of(issuer, DOMAINS);
        its.is_some() && its == org
    })
}

/// Whether an authorization server of Okta has this issuer: it is on a host of Okta or, with a custom
/// domain, has Okta's path `/oauth2/`.
#[must_use]
pub fn is_okta_issuer(issuer: &Issuer) -> bool {
    tenant_of(issuer, DOMAINS).is_some() || path(issuer).starts_with("oauth2/")
}

/// The domains of Okta's organisations.
const DOMAINS: &[&str] = &["okta.com", "oktapreview.com", "okta-emea.com", "okta-gov.com"];

/// Whether an app of the event is the configured one.
fn is_about_the_app(envelope: &Envelope, settings: &EventSettings) -> bool {
    let Some(app) = settings.okta_app.as_deref() else { return false };
    let is_it = |target: &Value| {
        is_a(target, "AppInstance") && target.get("id").and_then(text) == Some(app)
    };
    targets(envelope).any(is_it)
}

fn targets(envelope: &Envelope) -> impl Iterator<Item = &Value> {
    envelope.at("detail.target").and_then(Value::as_array).into_iter().flatten()
}

fn is_a(value: &Value, kind: &str) -> bool {
    value.get("type").and_then(text) == Some(kind)
}

/// The users that the event is about. Users who end their own session are the actor of that
/// event, which has no target. In any other event the actor may be an administrator. An event about
/// an app also names the user's account in the app (`AppUser`).
fn users<'a>(envelope: &'a Envelope, name: &str, source: EventSource) -> Vec<&'a Value> {
    let has_accounts = source == EventSource::OktaApp;
    let is_user = |value: &&Value| is_a(value, "User") || (has_accounts && is_a(value, "AppUser"));
    let users: Vec<&Value> = targets(envelope).filter(is_user).collect();
    if users.is_empty() && name == "user.session.end" {
        return envelope.at("detail.actor").into_iter().filter(is_user).collect();
    }
    users
}

/// The names of a user that can be the subject of their tokens. The ID of an account in an app is
/// never one.
fn names<'a>(user: &'a Value, settings: &EventSettings) -> Vec<ReportedSubject<'a>> {
    let subject = settings.okta_subject();
    let login = user.get("alternateId").and_then(text).filter(|login| *login != "unknown");
    let login = login.filter(|_| subject.has_login());
    let id = user.get("id").and_then(text);
    let id = id.filter(|_| subject.has_id() && is_a(user, "User"));
    let named = |name, field| ReportedSubject { name: Cow::Borrowed(name), field };
    let login = login.map(|login| named(login, "the alternateId of a user in detail"));
    login.into_iter().chain(id.map(|id| named(id, "the id of a user in detail"))).collect()
}
