//! The simulated transmitters of a running stack, and how they send.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::error::Unspecified;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{Method, header};
use axum::response::Response;
use serde_json::{Value, json};

use super::catalog::{SimulatedTransmitter, SimulatedTransmitters};
use super::forgery::Forgery;
use super::message::{ReceiverRequest, SimulatedSignal};
use super::stream::TransmitterStream;
use crate::clock::StackClock;
use crate::gateway::{self, Gateway};
use crate::issuer::{IssuerAlgorithm, KeyError, SigningKey};

/// The transmitters, their key and their streams.
pub(crate) struct Simulation {
    transmitters: Vec<(SimulatedTransmitter, TransmitterStream)>,
    key_file: Option<PathBuf>,
    /// Created with the first message: most stacks need none.
    key: Mutex<Option<Arc<SigningKey>>>,
    gateway: Arc<Gateway>,
    pub(super) clock: Arc<StackClock>,
}

impl Simulation {
    /// `key_file` keeps the key, so that receivers that stored it can verify messages after a
    /// restart.
    pub(crate) fn new(
        configured: SimulatedTransmitters,
        key_file: Option<PathBuf>,
        gateway: Arc<Gateway>,
        clock: Arc<StackClock>,
    ) -> Arc<Self> {
        let with_stream = |transmitter: SimulatedTransmitter| {
            let stream = TransmitterStream::new(&transmitter);
            (transmitter, stream)
        };
        let transmitters = configured.transmitters.into_iter().map(with_stream).collect();
        Arc::new(Self { transmitters, key_file, key: Mutex::default(), gateway, clock })
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &SimulatedTransmitter> {
        self.transmitters.iter().map(|(transmitter, _)| transmitter)
    }

    /// The transmitter of this name, with its stream.
    pub(super) fn find(&self, name: &str) -> Option<&(SimulatedTransmitter, TransmitterStream)> {
        self.transmitters.iter().find(|(transmitter, _)| transmitter.name == name)
    }

    /// The key of all transmitters. It is not that of the users' issuer.
    fn key(&self) -> Result<Arc<SigningKey>, KeyError> {
        let mut key = self.key.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = key.as_ref() {
            return Ok(Arc::clone(key));
        }
        let file = self.key_file.as_deref();
        let new = Arc::new(SigningKey::load_or_create(file, IssuerAlgorithm::Rs256)?);
        *key = Some(Arc::clone(&new));
        Ok(new)
    }

    /// The public key of the transmitters.
    pub(super) fn jwks(&self) -> Result<Value, KeyError> {
        Ok(json!({ "keys": [self.key()?.jwk()] }))
    }

    /// The signed message of `signal`, with the fault that `forgery` names.
    pub(super) fn sign(
        &self,
        transmitter: &SimulatedTransmitter,
        signal: &SimulatedSignal,
        forgery: Option<Forgery>,
    ) -> Result<String, KeyError> {
        let key = self.key()?;
        let mut claims = Value::Object(signal.claims(transmitter));
        let mut header = key.header(transmitter.kind.token_type());
        if let (Some(forgery), Some(header), Some(claims)) =
            (forgery, header.as_object_mut(), claims.as_object_mut())
        {
            forgery.change(header, claims, signal.now);
        }
        let no_randomness = |_: Unspecified| KeyError::NoRandomness;
        let token = key.sign_with(&header, &claims).map_err(no_randomness)?;
        Ok(match forgery {
            Some(forgery) => forgery.change_token(token),
            None => token,
        })
    }

    /// Sends a message over the gateway's route, and returns the response.
    pub(super) async fn send(
        &self,
        transmitter: &SimulatedTransmitter,
        message: &ReceiverRequest,
    ) -> Result<Response, axum::http::Error> {
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(format!("/v1/signals/{}", transmitter.name))
            .header(header::HOST, "localhost")
            .header(header::CONTENT_TYPE, message.content_type)
            .header(header::ACCEPT, "application/json");
        if let Some(authorization) = &message.authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        let request = request.body(Body::from(message.body.clone()))?;
        Ok(gateway::send(&self.gateway, request).await)
    }
}
