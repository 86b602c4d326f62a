//! The control API of the transmitters: shows them, and lets them send.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::catalog::SimulatedTransmitter;
use super::forgery::Forgery;
use super::message::{ReceiverRequest, SimulatedSignal};
use super::simulation::Simulation;
use super::stream::TransmitterStream;
use crate::control::{ControlError, ok, read};

/// The most bytes of a receiver's response that are shown.
const MAX_RESPONSE: usize = 64 * 1024;

/// The most copies of one message.
const MAX_COPIES: u8 = 25;

pub(super) fn router(simulation: Arc<Simulation>) -> Router {
    Router::new()
        .route("/_local/signals", get(list))
        .route("/_local/signals/{name}", get(show).post(send))
        .with_state(simulation)
}

async fn list(State(simulation): State<Arc<Simulation>>) -> Response {
    let transmitters: Vec<Value> = simulation.all().map(description).collect();
    ok(&json!({ "transmitters": transmitters }))
}

async fn show(
    State(simulation): State<Arc<Simulation>>,
    Path(name): Path<String>,
) -> Result<Response, ControlError> {
    let (transmitter, stream) = find(&simulation, &name)?;
    let mut shown = description(transmitter);
    if let (true, Some(shown)) = (transmitter.kind.is_ssf(), shown.as_object_mut()) {
        shown.extend(stream.overview());
    }
    Ok(ok(&shown))
}

/// `POST /_local/signals/{name}`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SendBody {
    /// The type of the event; by default the one that ends the user's sessions.
    event: Option<String>,
    /// The user: `sub` of their bearers.
    sub: Option<String>,
    /// A subject identifier in place of the one with `iss` and `sub`.
    subject: Option<Value>,
    /// Further members of the event.
    #[serde(default)]
    members: Map<String, Value>,
    /// The id of the message; by default a new one.
    jti: Option<String>,
    /// What is wrong about the message; by default nothing.
    valid: Option<Forgery>,
    /// How often the same message is sent.
    #[serde(default = "one")]
    copies: u8,
}

fn one() -> u8 {
    1
}

async fn send(
    State(simulation): State<Arc<Simulation>>,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Response, ControlError> {
    let (transmitter, stream) = find(&simulation, &name)?;
    let body: SendBody = read(&body)?;
    check(&body, transmitter)?;
    let (copies, forgery) = (body.copies, body.valid);
    let signal = signal(body, transmitter, simulation.clock.now().unix_timestamp());
    let jti = signal.jti.clone();
    let token = simulation.sign(transmitter, &signal, forgery).map_err(failed)?;
    if stream.is_polled() {
        stream.queue(&jti, token);
        return Ok(ok(&json!({ "jti": jti, "queued": true })));
    }
    if !stream.sends() {
        let problem = "the stream is not enabled: enable it, or delete it".to_owned();
        return Err(ControlError(StatusCode::CONFLICT, problem));
    }
    let mut request = signal.request(transmitter, &token, forgery);
    if forgery != Some(Forgery::WrongCredentials) {
        request.authorization = stream.authorization().or(request.authorization);
    }
    let mut outcome = deliver(&simulation, transmitter, &request).await?;
    for _ in 1..copies {
        outcome = deliver(&simulation, transmitter, &request).await?;
    }
    let (status, body) = outcome;
    Ok(ok(&json!({ "jti": jti, "status": status, "body": body })))
}

fn check(body: &SendBody, transmitter: &SimulatedTransmitter) -> Result<(), ControlError> {
    if body.sub.is_none() && body.subject.is_none() && body.valid != Some(Forgery::NoSubject) {
        return Err(ControlError::bad("missing `sub`: the user's `sub`, or `subject`"));
    }
    if !(1..=MAX_COPIES).contains(&body.copies) {
        let problem =
            format!("invalid value `{}` for `copies`: must be 1 to {MAX_COPIES}", body.copies);
        return Err(ControlError::bad(problem));
    }
    match body.valid {
        Some(forgery) if !forgery.applies_to(transmitter.kind) => {
            let kind = transmitter.kind.name();
            let problem =
                format!("invalid value for `valid`: a receiver of {kind} does not check this");
            Err(ControlError::bad(problem))
        }
        _ => Ok(()),
    }
}

fn signal(body: SendBody, transmitter: &SimulatedTransmitter, now: i64) -> SimulatedSignal {
    let kind = transmitter.kind;
    let names_user = body.valid != Some(Forgery::NoSubject);
    let sub = body.sub.filter(|_| names_user);
    let of_sub = sub.as_deref().map(|sub| kind.subject(&transmitter.issuer, sub));
    SimulatedSignal {
        event: body.event.unwrap_or_else(|| kind.default_event().to_owned()),
        subject: body.subject.filter(|_| names_user).or(of_sub),
        sub,
        members: body.members,
        jti: body.jti.unwrap_or_else(|| Uuid::new_v4().to_string()),
        now,
    }
}

/// The receiver's status, and its body as JSON if it is JSON.
async fn deliver(
    simulation: &Simulation,
    transmitter: &SimulatedTransmitter,
    request: &ReceiverRequest,
) -> Result<(u16, Value), ControlError> {
    let response = simulation.send(transmitter, request).await.map_err(failed)?;
    let status = response.status().as_u16();
    let body = axum::body::to_bytes(response.into_body(), MAX_RESPONSE).await.map_err(failed)?;
    let text = || Value::from(String::from_utf8_lossy(&body).into_owned());
    Ok((status, serde_json::from_slice(&body).unwrap_or_else(|_| text())))
}

fn find<'a>(
    simulation: &'a Simulation,
    name: &str,
) -> Result<&'a (SimulatedTransmitter, TransmitterStream), ControlError> {
    simulation.find(name).ok_or_else(|| {
        ControlError::missing("transmitter", name, simulation.all().map(|known| known.name))
    })
}

fn description(transmitter: &SimulatedTransmitter) -> Value {
    json!({
        "name": transmitter.name,
        "kind": transmitter.kind.name(),
        "issuer": transmitter.issuer,
        "audience": transmitter.audience,
    })
}

fn failed(error: impl std::fmt::Display) -> ControlError {
    ControlError(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
}
