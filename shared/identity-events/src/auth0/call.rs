//! Calls of Auth0's Management API that change one user (`sapi`).

use identity_core::event::EventKind;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::envelope::{Envelope, text};

pub(super) const PATH: &str = "detail.data.details.request.path";
const BODY: &str = "detail.data.details.request.body";

/// A call that changes a user.
pub(super) struct UserCall {
    pub(super) user: String,
    /// The field that names the user.
    pub(super) field: &'static str,
    pub(super) kinds: Vec<EventKind>,
}

impl UserCall {
    pub(super) fn of(envelope: &Envelope) -> Option<Self> {
        let method = method(envelope)?;
        let path = path(envelope)?;
        // Some services of Auth0 log the path without `/api`.
        let path = path.strip_prefix("/api").unwrap_or(path);
        if (method.as_str(), path) == ("POST", "/v2/refresh-tokens/revoke") {
            return Self::revoking_refresh_tokens(envelope);
        }
        let rest = path.strip_prefix("/v2/users/")?;
        let (user, part) = rest.split_once('/').unwrap_or((rest, ""));
        let kinds = match (method.as_str(), part) {
            ("PATCH", "") => kinds_of_update(body(envelope)?),
            ("DELETE", "") => vec![EventKind::Deleted],
            ("DELETE", "sessions" | "refresh-tokens") | ("POST", "revoke-access") => {
                vec![EventKind::SignedOut]
            }
            ("DELETE", part) if is_factor(part) => vec![EventKind::CredentialsChanged],
            _ => return None,
        };
        let user = decoded(user)?;
        (!kinds.is_empty()).then_some(Self { user, field: PATH, kinds })
    }

    /// The call can name the refresh tokens of a user, possibly of one app only, or single tokens.
    fn revoking_refresh_tokens(envelope: &Envelope) -> Option<Self> {
        let body = body(envelope)?;
        let user = body.get("user_id").and_then(text)?.to_owned();
        let field = "detail.data.details.request.body.user_id";
        Some(Self { user, field, kinds: vec![EventKind::SignedOut] })
    }
}

/// Second factors and passkeys, all of a user or one of them.
fn is_factor(part: &str) -> bool {
    let resource = part.split('/').next().unwrap_or_default();
    ["authentication-methods", "authenticators", "multifactor"].contains(&resource)
}

/// The events that follow from a call of *Update a user*: only a new `blocked` or `password`
/// matters. Most updates change a name or a picture and have neither.
fn kinds_of_update(body: &Value) -> Vec<EventKind> {
    let asked = |name: &str| body.get(name).filter(|value| !value.is_null());
    let blocked = asked("blocked").and_then(Value::as_bool);
    let block = blocked.map(|yes| if yes { EventKind::Disabled } else { EventKind::Enabled });
    let password = asked("password").map(|_| EventKind::CredentialsChanged);
    block.into_iter().chain(password).collect()
}

/// The method of the call in upper case.
pub(super) fn method(envelope: &Envelope) -> Option<String> {
    envelope.text("detail.data.details.request.method").map(str::to_ascii_uppercase)
}

/// The path of the call, without a query and without a slash at its end.
pub(super) fn path(envelope: &Envelope) -> Option<&str> {
    let path = envelope.text(PATH)?;
    path.split('?').next().map(|path| path.trim_end_matches('/'))
}

/// The body of the call.
pub(super) fn body(envelope: &Envelope) -> Option<&Value> {
    envelope.at(BODY)
}

/// A percent-encoded segment of a path.
pub(super) fn decoded(segment: &str) -> Option<String> {
    percent_decode_str(segment).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}
