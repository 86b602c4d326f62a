//! The metadata and the keys of the transmitters, by which a receiver finds the rest.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use serde_json::{Value, json};

use super::catalog::SimulatedTransmitter;
use super::simulation::Simulation;
use crate::json_response::json;

pub(super) fn router(simulation: Arc<Simulation>) -> Router {
    Router::new()
        .route("/transmitters/{name}/jwks", get(jwks))
        .route("/transmitters/{name}/.well-known/openid-configuration", get(openid))
        // SSF 1.0 §7.2 puts the well-known part between host and path.
        .route("/.well-known/ssf-configuration/transmitters/{name}", get(ssf))
        .with_state(simulation)
}

async fn jwks(State(simulation): State<Arc<Simulation>>, Path(name): Path<String>) -> Response {
    if simulation.find(&name).is_none() {
        return StatusCode::NOT_FOUND.into_response();
    }
    match simulation.jwks() {
        Ok(keys) => json(StatusCode::OK, &keys),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

async fn openid(State(simulation): State<Arc<Simulation>>, Path(name): Path<String>) -> Response {
    show(&simulation, &name, |transmitter| {
        let issuer = &transmitter.issuer;
        Some(json!({ "issuer": issuer, "jwks_uri": format!("{issuer}/jwks") }))
    })
}

async fn ssf(State(simulation): State<Arc<Simulation>>, Path(name): Path<String>) -> Response {
    show(&simulation, &name, |transmitter| {
        let issuer = &transmitter.issuer;
        transmitter.kind.is_ssf().then(|| {
            json!({
                "spec_version": "1_0",
                "issuer": issuer,
                "jwks_uri": format!("{issuer}/jwks"),
                "delivery_methods_supported": ["urn:ietf:rfc:8935", "urn:ietf:rfc:8936"],
                "configuration_endpoint": format!("{issuer}/streams"),
                "status_endpoint": format!("{issuer}/status"),
                "verification_endpoint": format!("{issuer}/verify"),
                "authorization_schemes": [{ "spec_urn": "urn:ietf:rfc:6749" }],
                "default_subjects": "ALL",
            })
        })
    })
}

fn show(
    simulation: &Simulation,
    name: &str,
    document: impl FnOnce(&SimulatedTransmitter) -> Option<Value>,
) -> Response {
    match simulation.find(name).and_then(|(transmitter, _)| document(transmitter)) {
        Some(document) => json(StatusCode::OK, &document),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
