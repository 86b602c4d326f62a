//! The status of a stream, and its verification: SSF 1.0 §8.1.2 and §8.1.4.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use serde_json::{Map, json};
use uuid::Uuid;

use super::authorization::authorized;
use super::configuration::StreamQuery;
use super::refusal::{StreamRefusal, parse};
use crate::json_response::json;
use crate::signals::message::SimulatedSignal;
use crate::signals::simulation::Simulation;
use crate::signals::stream::{SimulatedStream, StreamStatus};

#[derive(Deserialize)]
struct StatusChange {
    stream_id: String,
    status: StreamStatus,
}

#[derive(Deserialize)]
struct Verification {
    stream_id: String,
    state: Option<String>,
}

pub(super) async fn show(
    State(simulation): State<Arc<Simulation>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    Query(query): Query<StreamQuery>,
) -> Result<Response, StreamRefusal> {
    let (_, stream) = authorized(&simulation, &name, &headers)?;
    let id = query.id()?;
    let mut contents = stream.lock();
    let found = contents.stream(Some(&id)).ok_or_else(StreamRefusal::no_stream)?;
    Ok(status(found))
}

pub(super) async fn set(
    State(simulation): State<Arc<Simulation>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, StreamRefusal> {
    let (_, stream) = authorized(&simulation, &name, &headers)?;
    let change: StatusChange = parse(&body)?;
    let mut contents = stream.lock();
    let found = contents.stream(Some(&change.stream_id)).ok_or_else(StreamRefusal::no_stream)?;
    found.status = change.status;
    let answer = status(found);
    if change.status == StreamStatus::Disabled {
        // A disabled stream does not keep messages; a paused one does.
        contents.queued.clear();
    }
    Ok(answer)
}

/// Sends a verification event, also while the stream is paused.
pub(super) async fn verify(
    State(simulation): State<Arc<Simulation>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, StreamRefusal> {
    let (transmitter, stream) = authorized(&simulation, &name, &headers)?;
    let request: Verification = parse(&body)?;
    if stream.lock().stream(Some(&request.stream_id)).is_none() {
        return Err(StreamRefusal::no_stream());
    }
    let state = request.state.map(|state| ("state".to_owned(), state.into()));
    let signal = SimulatedSignal {
        event: "verification".to_owned(),
        subject: Some(json!({ "format": "opaque", "id": request.stream_id })),
        sub: None,
        members: Map::from_iter(state),
        jti: Uuid::new_v4().to_string(),
        now: simulation.clock.now().unix_timestamp(),
    };
    let failed = |problem| StreamRefusal(StatusCode::INTERNAL_SERVER_ERROR, problem);
    let token =
        simulation.sign(transmitter, &signal, None).map_err(|error| failed(error.to_string()))?;
    if stream.is_polled() {
        stream.queue(&signal.jti, token);
    } else {
        let mut request = signal.request(transmitter, &token, None);
        request.authorization = stream.authorization().or(request.authorization);
        // As a real transmitter, it does not tell the caller how the receiver answered.
        let sent = simulation.send(transmitter, &request).await;
        sent.map_err(|error| failed(error.to_string()))?;
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn status(stream: &SimulatedStream) -> Response {
    json(StatusCode::OK, &json!({ "stream_id": stream.id, "status": stream.status }))
}
