//! The control API under `/_emulator/`, for tests and for people. It asks for
//! no credentials, so it belongs on loopback, and it shows no token and no key.

use hyper::{Method, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tracing::error;

use crate::answer::{self, Answer};
use crate::core::Core;
use crate::faults::Fault;
use crate::introspection;
use crate::service::Request;
use crate::timestamp::date_time_offset;

/// Whether a path is the control API's.
pub(crate) fn owns(path: &str) -> bool {
    path == "/_emulator" || path.starts_with(PREFIX)
}

/// Answers a request of the control API.
pub(crate) fn handle(core: &Core, request: &Request) -> Answer {
    let path = request.uri.path().strip_prefix(PREFIX).unwrap_or_default();
    let answered = match (request.method.clone(), path) {
        (Method::GET, "clock") => Ok(clock(core)),
        (Method::POST, "clock") => read(request).map(|asked: AdvanceClock| {
            core.clock.advance(asked.advance_seconds);
            clock(core)
        }),
        (Method::POST, "introspect") => {
            read(request).map(|asked: Introspect| introspection::of(core, &asked.token))
        }
        (Method::GET, "identities") => Ok(identities(core)),
        (Method::GET, "requests") => Ok(core.requests.to_json()),
        (Method::GET, "jwks") => Ok(core.signer.jwks()),
        (Method::GET, "faults") => Ok(faults(core)),
        (Method::POST, "faults") => read(request)
            .and_then(|script: Script| core.faults.add(script.faults).map(|()| faults(core))),
        (Method::DELETE, "faults") => {
            core.faults.clear();
            Ok(faults(core))
        }
        (Method::POST, "faults/release") => Ok(json!({"released": core.faults.release()})),
        (Method::POST, "reset") => return reset(core),
        _ => {
            let message = format!("there is no such control; there are {ROUTES}");
            return refusal(StatusCode::NOT_FOUND, "NotFound", &message);
        }
    };
    match answered {
        Ok(body) => answer::control(StatusCode::OK, &body),
        Err(message) => refusal(StatusCode::BAD_REQUEST, "BadRequest", &message),
    }
}

fn clock(core: &Core) -> Value {
    json!({
        "offsetSeconds": core.clock.offset_seconds(),
        "now": date_time_offset(core.clock.now()),
    })
}

fn identities(core: &Core) -> Value {
    let listed: Vec<Value> = core
        .identities
        .list(core.clock.now())
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

fn faults(core: &Core) -> Value {
    json!({"faults": core.faults.list(), "held": core.faults.held()})
}

/// Forgets identities, requests, faults and the clock's offset, and lets go of
/// what is held. Keys stay: somebody has them in a configuration.
fn reset(core: &Core) -> Answer {
    core.faults.clear();
    core.faults.release();
    core.clock.reset();
    core.requests.clear();
    match core.identities.clear() {
        Ok(()) => answer::bare(StatusCode::NO_CONTENT),
        Err(cause) => {
            error!(error = %cause, "the journal cannot be written");
            let message = "the journal cannot be written; see the emulator's log";
            refusal(StatusCode::INTERNAL_SERVER_ERROR, "Internal", message)
        }
    }
}

fn read<T: DeserializeOwned>(request: &Request) -> Result<T, String> {
    // The body may hold a token, so only the place of the mistake is told.
    serde_json::from_slice(&request.body).map_err(|error| match error.classify() {
        serde_json::error::Category::Data if !request.uri.path().ends_with("introspect") => {
            format!("the body does not fit: {error}")
        }
        _ => format!("the body does not fit, at column {}", error.column()),
    })
}

fn refusal(status: StatusCode, code: &str, message: &str) -> Answer {
    answer::control(status, &json!({"error": {"code": code, "message": message}}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AdvanceClock {
    advance_seconds: i64,
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
const ROUTES: &str = "GET and POST clock, POST introspect, GET identities, GET requests, GET jwks, \
                      GET, POST and DELETE faults, POST faults/release, POST reset";
