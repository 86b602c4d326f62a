//! Amazon Cognito user pools: `CloudTrail` records the calls of their API, and sends those that
//! change something to `EventBridge` (detail type `AWS API Call via CloudTrail`).
//!
//! Cognito keeps user names out of `CloudTrail`, and puts the user's `sub` into
//! `additionalEventData`. A call that users make for themselves carries an access token instead
//! of the pool; `CloudTrail` shows neither.

use identity_core::event::{Event, EventKind, EventSource};
use identity_core::identity::Issuer;

use crate::envelope::{Envelope, user};
use crate::reading::{Found, Malformed, WhyIgnored};

pub(crate) fn read(envelope: &Envelope, issuer: &Issuer) -> Result<Found, Malformed> {
    let detail_type = envelope.required("detail-type")?;
    let is_call = envelope.text("detail.eventSource") == Some("cognito-idp.amazonaws.com");
    if detail_type != "AWS API Call via CloudTrail" || !is_call {
        return Ok(Found::ignored(detail_type, WhyIgnored::UnknownType));
    }
    let name = envelope.required("detail.eventName")?;
    let Some(kind) = kind(name) else {
        return Ok(Found::ignored(name, WhyIgnored::UnknownType));
    };
    // A successful call has no error code, or an empty one.
    if envelope.text("detail.errorCode").is_some() {
        return Ok(Found::ignored(name, WhyIgnored::Failed));
    }
    let pool = ["detail.requestParameters.userPoolId", "detail.additionalEventData.userPoolId"]
        .iter()
        .find_map(|path| envelope.text(path));
    // `CloudTrail` reports the calls of every pool in the account. If it does not name the pool,
    // users of two pools still cannot be confused: a `sub` is a random UUID.
    if pool.is_some_and(|pool| !is_issuer_of(issuer.as_str(), pool)) {
        return Ok(Found::ignored(name, WhyIgnored::AnotherIssuer));
    }
    let sub = "detail.additionalEventData.sub";
    let moment = envelope.time("detail.eventTime")?;
    let event = Event {
        source: EventSource::Cognito,
        kind,
        identity: user(issuer, envelope.required(sub)?, sub)?,
        occurred_at: moment.at,
        resolution: moment.resolution,
        heard_at: None,
        id: envelope.id("detail.eventID")?,
        reason: None,
    };
    Ok(Found::Events(vec![event]))
}

fn kind(name: &str) -> Option<EventKind> {
    match name {
        "AdminDisableUser" => Some(EventKind::Disabled),
        "AdminEnableUser" => Some(EventKind::Enabled),
        "AdminDeleteUser" | "DeleteUser" => Some(EventKind::Deleted),
        "AdminUserGlobalSignOut" | "GlobalSignOut" => Some(EventKind::SignedOut),
        "AdminResetUserPassword"
        | "AdminSetUserPassword"
        | "ChangePassword"
        | "ConfirmForgotPassword" => Some(EventKind::CredentialsChanged),
        _ => None,
    }
}

/// Whether tokens of the pool have this `iss`:
/// `https://cognito-idp.<region>.amazonaws.com/<pool>`.
fn is_issuer_of(issuer: &str, pool: &str) -> bool {
    issuer.strip_suffix(pool).is_some_and(|rest| rest.ends_with('/'))
}
