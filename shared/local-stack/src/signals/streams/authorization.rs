//! Access to the transmitter's API: client credentials (RFC 6749 §4.4).

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use uuid::Uuid;

use super::refusal::StreamRefusal;
use crate::json_response::json;
use crate::signals::catalog::{CLIENT_ID, SimulatedTransmitter};
use crate::signals::simulation::Simulation;
use crate::signals::stream::TransmitterStream;

/// How long an access token is valid, in seconds.
const LIFETIME: i64 = 600;

/// `POST /transmitters/{name}/token`
pub(super) async fn token(
    State(simulation): State<Arc<Simulation>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    form: Bytes,
) -> Result<Response, StreamRefusal> {
    let (transmitter, stream) = find(&simulation, &name)?;
    let (client, secret) = basic(&headers).unwrap_or_else(|| in_form(&form));
    let refused = |error| Ok(json(StatusCode::UNAUTHORIZED, &json!({ "error": error })));
    let field = |name: &str| field(&form, name);
    if field("grant_type") != "client_credentials" {
        return Ok(json(StatusCode::BAD_REQUEST, &json!({ "error": "unsupported_grant_type" })));
    }
    if client != CLIENT_ID || secret != transmitter.credential {
        return refused("invalid_client");
    }
    let now = simulation.clock.now().unix_timestamp();
    let token = Uuid::new_v4().simple().to_string();
    let mut contents = stream.lock();
    contents.access_tokens.retain(|(_, expires)| *expires > now);
    contents.access_tokens.push((token.clone(), now + LIFETIME));
    drop(contents);
    let body = json!({ "access_token": token, "token_type": "Bearer", "expires_in": LIFETIME });
    Ok(json(StatusCode::OK, &body))
}

/// The SSF transmitter of this name, if the request has one of its access tokens.
pub(super) fn authorized<'a>(
    simulation: &'a Simulation,
    name: &str,
    headers: &HeaderMap,
) -> Result<&'a (SimulatedTransmitter, TransmitterStream), StreamRefusal> {
    let found = find(simulation, name)?;
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let bearer = bearer.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    let now = simulation.clock.now().unix_timestamp();
    let known = found.1.lock();
    let known =
        known.access_tokens.iter().any(|(token, expires)| token == bearer && *expires > now);
    if known {
        return Ok(found);
    }
    let problem = "missing, unknown or expired access token".to_owned();
    Err(StreamRefusal(StatusCode::UNAUTHORIZED, problem))
}

fn find<'a>(
    simulation: &'a Simulation,
    name: &str,
) -> Result<&'a (SimulatedTransmitter, TransmitterStream), StreamRefusal> {
    simulation
        .find(name)
        .filter(|(transmitter, _)| transmitter.kind.is_ssf())
        .ok_or_else(|| StreamRefusal(StatusCode::NOT_FOUND, "unknown transmitter".to_owned()))
}

/// Client and secret in the header `Authorization`.
fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Basic ")?;
    let decoded = String::from_utf8(STANDARD.decode(value).ok()?).ok()?;
    let (client, secret) = decoded.split_once(':')?;
    Some((client.to_owned(), secret.to_owned()))
}

/// Client and secret in the body.
fn in_form(form: &[u8]) -> (String, String) {
    (field(form, "client_id"), field(form, "client_secret"))
}

fn field(form: &[u8], name: &str) -> String {
    let mut fields = form_urlencoded::parse(form);
    fields.find(|(found, _)| found == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
}
