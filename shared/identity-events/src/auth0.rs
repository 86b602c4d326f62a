//! Auth0 tenants: their log stream to `EventBridge` (detail type `Auth0 log`). Each entry
//! of the tenant's log is in `detail.data`, with a code for its `type`.
//!
//! Most entries name in `user_id` the user that they are about, which is the `sub` of the user's
//! tokens. An entry about a call of the Management API, `sapi`, names there the administrator
//! who made the call; the call itself names the user. Blocking a user has no code of its own: it
//! is a call of the Management API, too.

use identity_core::event::{Event, EventKind, EventSource};
use identity_core::identity::Issuer;
use percent_encoding::percent_decode_str;

use crate::envelope::{Envelope, user};
use crate::reading::{Found, Malformed, WhyIgnored};

pub(crate) fn read(envelope: &Envelope, issuer: &Issuer) -> Result<Found, Malformed> {
    let name = envelope.required("detail.data.type")?;
    let subject = "detail.data.user_id";
    let (kinds, subject, field) = match name {
        // A user whose session had already ended can still log out.
        "slo" | "universal_logout_succeeded" if envelope.text(subject).is_none() => {
            return Ok(Found::ignored(name, WhyIgnored::NoUser));
        }
        "slo" | "universal_logout_succeeded" => {
            (vec![EventKind::SignedOut], envelope.required(subject)?.to_owned(), subject)
        }
        "scp" => {
            (vec![EventKind::CredentialsChanged], envelope.required(subject)?.to_owned(), subject)
        }
        "sdu" => (vec![EventKind::Deleted], envelope.required(subject)?.to_owned(), subject),
        "sapi" => match Call::of(envelope) {
            Some(call) => (call.kinds, call.user, "detail.data.details.request.path"),
            None => return Ok(Found::ignored(name, WhyIgnored::UnknownType)),
        },
        _ => return Ok(Found::ignored(name, WhyIgnored::UnknownType)),
    };
    let identity = user(issuer, &subject, field)?;
    let moment = envelope.time("detail.data.date")?;
    let id = match envelope.text("detail.log_id") {
        Some(_) => envelope.id("detail.log_id")?,
        None => envelope.id("detail.data.log_id")?,
    };
    let events = kinds.into_iter().map(|kind| Event {
        source: EventSource::Auth0,
        kind,
        identity: identity.clone(),
        occurred_at: moment.at,
        resolution: moment.resolution,
        heard_at: None,
        id: id.clone(),
        reason: None,
    });
    Ok(Found::Events(events.collect()))
}

/// A call of the Management API that changes a user.
struct Call {
    user: String,
    kinds: Vec<EventKind>,
}

impl Call {
    fn of(envelope: &Envelope) -> Option<Self> {
        let method = envelope.text("detail.data.details.request.method")?.to_ascii_uppercase();
        let path = envelope.text("detail.data.details.request.path")?;
        let rest = path.strip_prefix("/api/v2/users/")?;
        let (user, of_theirs) = rest.split_once('/').unwrap_or((rest, ""));
        let kinds = match (method.as_str(), of_theirs) {
            ("PATCH", "") => changes(envelope),
            ("DELETE", "") => vec![EventKind::Deleted],
            ("DELETE", "sessions") | ("POST", "revoke-access") => vec![EventKind::SignedOut],
            _ => vec![],
        };
        let user = percent_decode_str(user).decode_utf8().ok()?.into_owned();
        (!kinds.is_empty()).then_some(Self { user, kinds })
    }
}

/// The events that follow from a call of *Update a user*: only a new `blocked` or `password`
/// matters. Most updates change a name or a picture and have neither.
fn changes(envelope: &Envelope) -> Vec<EventKind> {
    let asked = |name: &str| envelope.at(&format!("detail.data.details.request.body.{name}"));
    let blocked = asked("blocked").and_then(serde_json::Value::as_bool);
    let block = blocked.map(|yes| if yes { EventKind::Disabled } else { EventKind::Enabled });
    let password = asked("password").map(|_| EventKind::CredentialsChanged);
    block.into_iter().chain(password).collect()
}
