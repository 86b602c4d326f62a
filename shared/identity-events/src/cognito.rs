//! Amazon Cognito user pools: `CloudTrail` records the calls of their API and the requests to their
//! pages, and sends those that change something to `EventBridge`.
//!
//! Cognito keeps user names out of `CloudTrail`, and puts the user's `sub` into
//! `additionalEventData`. A call that users make for themselves carries an access token instead
//! of the pool; `CloudTrail` shows neither.

use std::borrow::Cow;

use identity_core::event::EventSource;
use identity_core::identity::Issuer;

use crate::envelope::{Envelope, text};
use crate::event_types::{COGNITO_CALLS, COGNITO_PAGES, kind_in};
use crate::issuers::{host, path};
use crate::reading::{Found, Malformed, WhyIgnored};
use crate::report::{ProviderReport, ReportedSubject};
use crate::settings::EventSettings;

pub(crate) fn read(envelope: &Envelope, settings: &EventSettings) -> Result<Found, Malformed> {
    let detail_type = envelope.required("detail-type")?;
    let types = match detail_type {
        "AWS API Call via CloudTrail" => COGNITO_CALLS,
        "AWS Service Event via CloudTrail" => COGNITO_PAGES,
        _ => &[],
    };
    let is_cognito = envelope.text("detail.eventSource") == Some("cognito-idp.amazonaws.com");
    if types.is_empty() || !is_cognito {
        return Ok(Found::ignored(detail_type, WhyIgnored::UnknownType));
    }
    let name = envelope.required("detail.eventName")?;
    let Some(kind) = kind_in(types, name) else {
        return Ok(Found::ignored(name, WhyIgnored::UnknownType));
    };
    if has_failed(envelope) {
        return Ok(Found::ignored(name, WhyIgnored::Failed));
    }
    let subject = match subject(envelope) {
        Some(subject) => subject,
        // The pages and this call can do without a user. Any other call is about one: without
        // their name, an operator must find out who should be cut off.
        None if types == COGNITO_PAGES || name == "RevokeToken" => {
            return Ok(Found::ignored(name, WhyIgnored::NoUser));
        }
        None => return Err(Malformed::Missing("detail.additionalEventData.sub")),
    };
    let report = ProviderReport {
        source: EventSource::Cognito,
        name,
        kinds: vec![kind],
        issuers: issuers(envelope, settings),
        subjects: vec![subject],
        moment: envelope.time_or_envelope("detail.eventTime")?,
        id: envelope.id("detail.eventID")?,
    };
    report.found(settings)
}

/// A successful request has no error code, or an empty one. That of a page can have a status.
fn has_failed(envelope: &Envelope) -> bool {
    let status = envelope.at("detail.additionalEventData.responseParameters.status");
    envelope.text("detail.errorCode").is_some()
        || status.and_then(serde_json::Value::as_f64).is_some_and(|status| status >= 400.0)
}

/// The user's `sub`. A page has it, if at all, in the fields of its form.
fn subject(envelope: &Envelope) -> Option<ReportedSubject<'_>> {
    let field = "detail.additionalEventData.sub";
    if let Some(sub) = envelope.text(field) {
        return Some(ReportedSubject { name: Cow::Borrowed(sub), field });
    }
    let field = "detail.additionalEventData.requestParameters.sub";
    let sub = envelope.at(field)?;
    let sub = text(sub).or_else(|| sub.as_array()?.first().and_then(text))?;
    Some(ReportedSubject { name: Cow::Borrowed(sub), field })
}

/// The issuers of the pool. `CloudTrail` reports the calls of every pool in the account. If it does
/// not name the pool, users of two pools still cannot be confused: a `sub` is a random UUID.
fn issuers<'a>(envelope: &Envelope, settings: &'a EventSettings) -> Vec<&'a Issuer> {
    let pool = ["detail.requestParameters.userPoolId", "detail.additionalEventData.userPoolId"]
        .iter()
        .find_map(|path| envelope.text(path));
    settings
        .issuers
        .fitting(|issuer| pool_of(issuer).is_some_and(|its| pool.is_none_or(|pool| its == pool)))
}

/// The pool whose tokens have this `iss`. Besides the usual form, a pool can have the form
/// `https://issuer-cognito-idp.<region>.amazonaws.com/<pool>`, and the endpoints in China, those
/// for FIPS and those with IPv6 have names of their own.
fn pool_of(issuer: &Issuer) -> Option<&str> {
    let host = host(issuer);
    let (service, rest) = host.split_once('.')?;
    let (_, domain) = rest.split_once('.')?;
    let is_cognito = ["cognito-idp", "cognito-idp-fips", "issuer-cognito-idp"].contains(&service)
        && ["amazonaws.com", "amazonaws.com.cn", "api.aws", "api.amazonwebservices.com.cn"]
            .contains(&domain);
    is_cognito.then(|| path(issuer)).filter(|pool| !pool.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_issuer_of_a_pool_has_several_forms() {
        let pool = "eu-west-1_Example1";
        for host in [
            "cognito-idp.eu-west-1.amazonaws.com",
            "Cognito-IDP.eu-west-1.amazonaws.com",
            "cognito-idp-fips.us-east-1.amazonaws.com",
            "issuer-cognito-idp.eu-west-1.amazonaws.com",
            "cognito-idp.cn-north-1.amazonaws.com.cn",
            "cognito-idp.eu-west-1.api.aws",
            "cognito-idp.cn-north-1.api.amazonwebservices.com.cn",
        ] {
            for issuer in [format!("https://{host}/{pool}"), format!("https://{host}/{pool}/")] {
                assert_eq!(pool_of(&Issuer::parse(&issuer).unwrap()), Some(pool), "{issuer}");
            }
        }
        for issuer in [
            "https://idp.example/eu-west-1_Example1",
            "https://cognito-idp.eu-west-1.amazonaws.com.evil.example/eu-west-1_Example1",
            "https://cognito-idp.amazonaws.com/eu-west-1_Example1",
            "https://cognito-identity.eu-west-1.amazonaws.com/eu-west-1_Example1",
            "https://cognito-idp.eu-west-1.amazonaws.com/",
        ] {
            assert_eq!(pool_of(&Issuer::parse(issuer).unwrap()), None, "{issuer}");
        }
    }
}
