//! The control API under `/_emulator/`, for tests and users. It requires no credentials, so it
//! belongs on loopback. It shows no token, and no key except a new one.

mod entra_token;
mod introspection;
mod oauth;
mod oauth_grant;

use hyper::{Method, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tracing::error;

pub(crate) use self::oauth::OAuthRoute;
use crate::api::{HttpRequest, date_time_offset};
use crate::http::check_local_request;
use crate::resource::Resource;
use crate::state::{Fault, KeyType};

/// A response of the control API.
pub(crate) struct ControlReply {
    pub status: StatusCode,
    /// JSON; `None` for 204.
    pub body: Option<Value>,
}

impl ControlReply {
    fn json(status: StatusCode, body: Value) -> Self {
        Self { status, body: Some(body) }
    }
}

/// Whether a path belongs to the control API.
pub(crate) fn owns(path: &str) -> bool {
    path == "/_emulator" || path.starts_with(PREFIX)
}

/// Handles a request of the control API.
pub(crate) fn handle(resource: &Resource, request: &HttpRequest) -> ControlReply {
    if let (&Method::GET | &Method::HEAD, HEALTH) = (&request.method, request.uri.path()) {
        // Orchestrators ask under names of their own, and the answer is the same for all callers.
        return ControlReply::json(StatusCode::OK, json!({"status": "ok", "version": VERSION}));
    }
    if let Some(refusal) = refuse_foreign(resource, request) {
        return refusal;
    }
    let path = request.uri.path().strip_prefix(PREFIX).unwrap_or_default();
    let answered = match (request.method.clone(), path) {
        (Method::GET, "clock") => Ok(clock(resource)),
        (Method::POST, "clock") => read(request).and_then(|asked| set_clock(resource, &asked)),
        (Method::POST, "introspect") => {
            read(request).map(|asked: Introspect| introspection::of(resource, &asked.token))
        }
        (Method::GET, "identities") => Ok(identities(resource)),
        (Method::GET, "requests") => Ok(resource.requests.to_json()),
        (Method::GET, "jwks") => Ok(resource.signer.jwks()),
        (Method::GET, "entra/jwks") => Ok(resource.auth.entra.issuer.jwks()),
        (Method::POST, "entra/token") => entra_token::mint(resource, &request.body),
        (Method::GET, "faults") => Ok(faults(resource)),
        (Method::POST, "faults") => read(request).and_then(|script: Script| {
            resource.faults.add(script.faults).map(|()| faults(resource))
        }),
        (Method::DELETE, "faults") => {
            resource.faults.clear();
            Ok(faults(resource))
        }
        (Method::POST, "faults/release") => Ok(json!({"released": resource.faults.release()})),
        (Method::POST, "keys/regenerate") => match read(request) {
            Ok(RegenerateKey { key_type }) => return regenerate(resource, key_type),
            Err(message) => Err(message),
        },
        (Method::POST, "reset") => return reset(resource),
        _ => {
            let message = format!("unknown route of the control API: expected {ROUTES}");
            return refusal(StatusCode::NOT_FOUND, "NotFound", &message);
        }
    };
    match answered {
        Ok(body) => ControlReply::json(StatusCode::OK, body),
        Err(message) => refusal(StatusCode::BAD_REQUEST, "BadRequest", &message),
    }
}

/// Handles a request to an Entra endpoint. The development accounts are public, so these endpoints
/// are guarded like the control API.
pub(crate) fn handle_oauth(
    resource: &Resource,
    route: &OAuthRoute,
    request: &HttpRequest,
    scheme: &str,
) -> ControlReply {
    if let Some(refusal) = refuse_foreign(resource, request) {
        return refusal;
    }
    let (status, body) = route.respond(resource, request, scheme);
    ControlReply::json(status, body)
}

/// The response to a request that a page of another machine makes. Without credentials, only this
/// check keeps a page on the web from sending a reset.
fn refuse_foreign(resource: &Resource, request: &HttpRequest) -> Option<ControlReply> {
    let foreign = check_local_request(&request.headers, &resource.allowed_hosts).err()?;
    Some(refusal(StatusCode::FORBIDDEN, "Forbidden", &foreign.to_string()))
}

fn clock(resource: &Resource) -> Value {
    json!({
        "offsetSeconds": resource.clock.offset_seconds(),
        "skewSeconds": resource.clock.skew_seconds(),
        "now": date_time_offset(resource.clock.now()),
    })
}

fn set_clock(resource: &Resource, asked: &SetClock) -> Result<Value, String> {
    if asked.advance_seconds.is_none() && asked.skew_seconds.is_none() {
        return Err(
            "invalid request body: expected the integers `advanceSeconds`, `skewSeconds` or both"
                .into(),
        );
    }
    if let Some(seconds) = asked.advance_seconds {
        resource.clock.advance(seconds);
    }
    if let Some(seconds) = asked.skew_seconds {
        resource.clock.skew(seconds);
    }
    Ok(clock(resource))
}

fn identities(resource: &Resource) -> Value {
    let listed: Vec<Value> = resource
        .identities
        .list(resource.clock.now(), &resource.keys.now())
        .into_iter()
        .map(|listed| {
            json!({
                "id": listed.id.as_str(),
                "createdAt": date_time_offset(listed.created_at),
                "liveTokens": listed.live_tokens,
            })
        })
        .collect();
    json!({ "identities": listed })
}

fn faults(resource: &Resource) -> Value {
    json!({"faults": resource.faults.list(), "held": resource.faults.held()})
}

/// Replaces a key by a new one. No other control shows a key; this one must, because the caller
/// needs the new key to sign requests.
fn regenerate(resource: &Resource, key_type: KeyType) -> ControlReply {
    match resource.keys.regenerate(key_type) {
        Ok(key) => {
            let body = json!({"keyType": key_type, "accessKey": key.expose()});
            ControlReply::json(StatusCode::OK, body)
        }
        Err(cause) => {
            error!(error = %cause, "failed to store the new key");
            let message =
                "failed to store the new key, so the old key stays valid; see the emulator's log";
            refusal(StatusCode::INTERNAL_SERVER_ERROR, "Internal", message)
        }
    }
}

/// Removes identities, requests, limits, faults and the clock's offset and skew, and releases held
/// responses. Keys stay, because clients have them in their configuration.
fn reset(resource: &Resource) -> ControlReply {
    resource.faults.clear();
    resource.faults.release();
    resource.clock.reset();
    resource.requests.clear();
    resource.limits.clear();
    match resource.identities.clear() {
        Ok(()) => ControlReply { status: StatusCode::NO_CONTENT, body: None },
        Err(cause) => {
            error!(error = %cause, "failed to write the journal");
            let message = "failed to write the journal; see the emulator's log";
            refusal(StatusCode::INTERNAL_SERVER_ERROR, "Internal", message)
        }
    }
}

fn read<T: DeserializeOwned>(request: &HttpRequest) -> Result<T, String> {
    // The body may contain a token, so the message only has the position of the error.
    serde_json::from_slice(&request.body).map_err(|error| match error.classify() {
        serde_json::error::Category::Data if !request.uri.path().ends_with("introspect") => {
            format!("invalid request body: {error}")
        }
        _ => format!("invalid request body at column {}", error.column()),
    })
}

fn refusal(status: StatusCode, code: &str, message: &str) -> ControlReply {
    ControlReply::json(status, json!({"error": {"code": code, "message": message}}))
}

/// Absent members stay unchanged.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SetClock {
    advance_seconds: Option<i64>,
    skew_seconds: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RegenerateKey {
    key_type: KeyType,
}

#[derive(Deserialize)]
struct Introspect {
    token: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Script {
    faults: Vec<Fault>,
}

const PREFIX: &str = "/_emulator/";
const HEALTH: &str = "/_emulator/health";
const VERSION: &str = env!("CARGO_PKG_VERSION");
const ROUTES: &str = "GET health, GET and POST clock, POST introspect, GET identities, GET requests, GET jwks, \
                      POST entra/token, GET entra/jwks, \
                      GET, POST and DELETE faults, POST faults/release, POST keys/regenerate, \
                      POST reset";
