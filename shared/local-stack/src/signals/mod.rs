//! Simulated identity providers that send signals: signed messages about their users.
//!
//! Each is one *transmitter* of the parameter `Transmitters`, which the stack sets by default. A
//! transmitter has an issuer of its own, below the console: `CONSOLE/transmitters/NAME`. There it
//! serves its keys and, for SSF, metadata, stream management and polling (`streams`).
//!
//! | on the console's port | request body | response |
//! |---|---|---|
//! | `GET /_local/signals` | | `{"transmitters": [{"name", "kind", "issuer"}]}` |
//! | `GET /_local/signals/{name}` | | the transmitter, and for SSF its stream: `{"queued": [...], "refused": {...}}` |
//! | `POST /_local/signals/{name}` | `{"event", "sub", "valid", ...}` | `{"jti", "status", "body"}`, as the receiver answered |
//!
//! The message passes the gateway's route `POST /v1/signals/{name}`, as a real one does. With
//! `valid`, one thing about it is wrong, so that the receiver must refuse it.

mod catalog;
mod control;
mod forgery;
mod kind;
mod message;
mod metadata;
mod scim_client;
mod simulation;
mod stream;
mod streams;

use std::sync::Arc;

use axum::Router;

pub(crate) use catalog::SimulatedTransmitters;
pub(crate) use simulation::Simulation;

/// The routes of the transmitters and of their control API.
pub(crate) fn router(simulation: &Arc<Simulation>) -> Router {
    control::router(Arc::clone(simulation))
        .merge(metadata::router(Arc::clone(simulation)))
        .merge(streams::router(Arc::clone(simulation)))
}
