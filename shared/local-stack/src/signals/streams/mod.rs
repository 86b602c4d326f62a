//! The stream management of an SSF transmitter (SSF 1.0 §8), and delivery by poll (RFC 8936).
//!
//! A transmitter has at most one stream, as most real ones. It is lost when the stack stops.

mod authorization;
mod configuration;
mod delivery;
mod refusal;
mod status;

use std::sync::Arc;

use axum::Router;
use axum::routing::post;

use super::simulation::Simulation;

/// The routes below `/transmitters/{name}`.
pub(super) fn router(simulation: Arc<Simulation>) -> Router {
    let streams = post(configuration::create)
        .get(configuration::show)
        .patch(configuration::update)
        .delete(configuration::delete);
    let status = post(status::set).get(status::show);
    Router::new()
        .route("/transmitters/{name}/token", post(authorization::token))
        .route("/transmitters/{name}/streams", streams)
        .route("/transmitters/{name}/status", status)
        .route("/transmitters/{name}/verify", post(status::verify))
        .route("/transmitters/{name}/poll", post(delivery::poll))
        .with_state(simulation)
}
