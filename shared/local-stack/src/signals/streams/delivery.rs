//! Delivery by poll: RFC 8936.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::authorization::authorized;
use super::refusal::{StreamRefusal, parse};
use crate::json_response::json;
use crate::signals::simulation::Simulation;
use crate::signals::stream::{StreamContents, StreamStatus};

/// How many messages a response has if the request does not limit them.
const DEFAULT_EVENTS: usize = 10;

/// RFC 8936 §2.2.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PollRequest {
    max_events: Option<usize>,
    ack: Vec<String>,
    set_errs: BTreeMap<String, Value>,
}

/// Removes what is acknowledged or refused, and returns the next messages. It never waits for new
/// ones, which `returnImmediately: false` permits.
pub(super) async fn poll(
    State(simulation): State<Arc<Simulation>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, StreamRefusal> {
    let (_, stream) = authorized(&simulation, &name, &headers)?;
    let request: PollRequest = parse(&body)?;
    let mut contents = stream.lock();
    Ok(json(StatusCode::OK, &contents.poll(request)))
}

impl StreamContents {
    fn poll(&mut self, request: PollRequest) -> Value {
        let is_settled =
            |jti: &String| request.ack.contains(jti) || request.set_errs.contains_key(jti);
        self.queued.retain(|(jti, _)| !is_settled(jti));
        let refused = request.set_errs;
        self.refused.extend(refused);
        let status = self.stream.as_ref().map(|stream| stream.status);
        let limit = match (status, request.max_events) {
            (Some(StreamStatus::Enabled), limit) => limit.unwrap_or(DEFAULT_EVENTS),
            _ => 0,
        };
        let messages = self.queued.iter().take(limit);
        let sets: Map<String, Value> =
            messages.map(|(jti, token)| (jti.clone(), token.as_str().into())).collect();
        let more = self.queued.len() > sets.len() && status == Some(StreamStatus::Enabled);
        json!({ "sets": sets, "moreAvailable": more })
    }
}
