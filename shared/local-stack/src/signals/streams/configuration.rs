//! Creates, shows, changes and deletes a stream: SSF 1.0 §8.1.1.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::authorization::authorized;
use super::refusal::{StreamRefusal, parse};
use crate::json_response::json;
use crate::signals::catalog::SimulatedTransmitter;
use crate::signals::simulation::Simulation;
use crate::signals::stream::{POLL, PUSH, SimulatedStream, StreamStatus};

/// The members that a receiver sets.
#[derive(Default, Deserialize)]
#[serde(default)]
struct StreamChange {
    stream_id: Option<String>,
    delivery: Option<StreamDelivery>,
    events_requested: Option<Vec<String>>,
    description: Option<String>,
}

#[derive(Deserialize)]
struct StreamDelivery {
    method: String,
    #[serde(default)]
    endpoint_url: Option<String>,
    #[serde(default)]
    authorization_header: Option<String>,
}

/// `?stream_id=`
#[derive(Default, Deserialize)]
pub(super) struct StreamQuery {
    stream_id: Option<String>,
}

pub(super) async fn create(
    State(simulation): State<Arc<Simulation>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, StreamRefusal> {
    let (transmitter, stream) = authorized(&simulation, &name, &headers)?;
    let change: StreamChange = parse(&body)?;
    let mut contents = stream.lock();
    if contents.stream.is_some() {
        let problem = "the receiver has a stream already: read and update it".to_owned();
        return Err(StreamRefusal(StatusCode::CONFLICT, problem));
    }
    let mut new = SimulatedStream {
        id: Uuid::new_v4().simple().to_string(),
        status: StreamStatus::Enabled,
        method: POLL,
        endpoint: format!("{}/poll", transmitter.issuer),
        authorization: None,
        requested: Vec::new(),
        description: None,
    };
    new.apply(change, transmitter)?;
    let answer = new.to_json(transmitter);
    contents.stream = Some(new);
    Ok(json(StatusCode::CREATED, &answer))
}

/// With an id, that stream; without, the list of all streams.
pub(super) async fn show(
    State(simulation): State<Arc<Simulation>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    Query(query): Query<StreamQuery>,
) -> Result<Response, StreamRefusal> {
    let (transmitter, stream) = authorized(&simulation, &name, &headers)?;
    let mut contents = stream.lock();
    let found = contents.stream(query.stream_id.as_deref()).map(|s| s.to_json(transmitter));
    match (query.stream_id, found) {
        (Some(_), Some(found)) => Ok(json(StatusCode::OK, &found)),
        (Some(_), None) => Err(StreamRefusal::no_stream()),
        (None, found) => Ok(json(StatusCode::OK, &Value::from_iter(found))),
    }
}

/// Changes the members that the body has.
pub(super) async fn update(
    State(simulation): State<Arc<Simulation>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, StreamRefusal> {
    let (transmitter, stream) = authorized(&simulation, &name, &headers)?;
    let change: StreamChange = parse(&body)?;
    let mut contents = stream.lock();
    let id = change.stream_id.clone();
    let id = id.ok_or_else(|| StreamRefusal::bad("missing `stream_id`"))?;
    let found = contents.stream(Some(&id)).ok_or_else(StreamRefusal::no_stream)?;
    found.apply(change, transmitter)?;
    Ok(json(StatusCode::OK, &found.to_json(transmitter)))
}

pub(super) async fn delete(
    State(simulation): State<Arc<Simulation>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    Query(query): Query<StreamQuery>,
) -> Result<Response, StreamRefusal> {
    let (_, stream) = authorized(&simulation, &name, &headers)?;
    let id = query.id()?;
    let mut contents = stream.lock();
    if contents.stream(Some(&id)).is_none() {
        return Err(StreamRefusal::no_stream());
    }
    contents.stream = None;
    contents.queued.clear();
    Ok(StatusCode::NO_CONTENT.into_response())
}

impl StreamQuery {
    /// The id, where it must be there.
    pub(super) fn id(self) -> Result<String, StreamRefusal> {
        self.stream_id.ok_or_else(|| StreamRefusal::bad("missing `stream_id`"))
    }
}

impl SimulatedStream {
    fn apply(
        &mut self,
        change: StreamChange,
        transmitter: &SimulatedTransmitter,
    ) -> Result<(), StreamRefusal> {
        if let Some(delivery) = change.delivery {
            self.deliver_by(delivery, transmitter)?;
        }
        self.requested = change.events_requested.unwrap_or(std::mem::take(&mut self.requested));
        self.description = change.description.or(self.description.take());
        Ok(())
    }

    /// Messages are only pushed to this stack, so that a page cannot make it send anything elsewhere.
    fn deliver_by(
        &mut self,
        delivery: StreamDelivery,
        transmitter: &SimulatedTransmitter,
    ) -> Result<(), StreamRefusal> {
        match delivery.method.as_str() {
            PUSH => {
                let endpoint = delivery.endpoint_url.unwrap_or_default();
                let route = format!("/v1/signals/{}", transmitter.name);
                if !endpoint.ends_with(&route) {
                    let problem = format!("`endpoint_url` must be the gateway's {route}");
                    return Err(StreamRefusal::bad(problem));
                }
                self.method = PUSH;
                self.endpoint = endpoint;
                self.authorization = delivery.authorization_header;
            }
            POLL => {
                self.method = POLL;
                self.endpoint = format!("{}/poll", transmitter.issuer);
            }
            _ => return Err(StreamRefusal::bad("unsupported delivery method")),
        }
        Ok(())
    }
}
