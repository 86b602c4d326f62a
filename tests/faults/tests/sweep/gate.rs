//! The gate between a process and the services that it calls: it counts the calls, and from one of
//! them on lets no call through.

use std::{
    future::pending,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, header, request::Parts},
    response::Response,
};
use harness::TestServer;
use tokio::sync::watch;

/// When a process is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SweepStrike {
    /// The number of the call, counted from 0.
    pub(crate) call: usize,
    pub(crate) at: StrikeTime,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StrikeTime {
    /// Before the call arrives.
    Before,
    /// After the call was executed, before its response.
    After,
}

/// A gate. Clones are the same gate.
#[derive(Clone)]
pub(crate) struct Gate(Arc<GateState>);

struct GateState {
    strike: Option<SweepStrike>,
    client: reqwest::Client,
    calls: Mutex<Vec<String>>,
    is_shut: watch::Sender<bool>,
    /// The number of calls on their way to a service.
    pending_calls: watch::Sender<usize>,
}

impl Gate {
    /// A gate that shuts at `strike`, if it is set.
    pub(crate) fn new(strike: Option<SweepStrike>, client: reqwest::Client) -> Self {
        let (is_shut, pending_calls) = (watch::Sender::new(false), watch::Sender::new(0));
        Self(Arc::new(GateState {
            strike,
            client,
            calls: Mutex::default(),
            is_shut,
            pending_calls,
        }))
    }

    /// Serves `service` through the gate.
    pub(crate) async fn open(&self, service: SocketAddr) -> TestServer {
        let router = Router::new().fallback(pass).with_state((self.clone(), service));
        TestServer::start(router).await.unwrap()
    }

    /// Waits until the gate is shut.
    pub(crate) async fn shut(&self) {
        // This cannot fail: the gate owns the sender.
        let _ = self.0.is_shut.subscribe().wait_for(|is_shut| *is_shut).await;
    }

    /// Waits until no call is on its way to a service: a sent call may arrive after its sender has
    /// died.
    pub(crate) async fn quiet(&self) {
        let _ = self.0.pending_calls.subscribe().wait_for(|calls| *calls == 0).await;
    }

    /// The calls up to now, including those that did not arrive.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.0.calls.lock().unwrap().clone()
    }

    /// Records a call and returns its number. The gate may already be shut.
    fn note(&self, parts: &Parts) -> Option<usize> {
        if *self.0.is_shut.borrow() {
            return None;
        }
        let target = parts.headers.get("x-amz-target").and_then(|target| target.to_str().ok());
        let name = target.map_or_else(|| format!("{} {}", parts.method, parts.uri), str::to_owned);
        let mut calls = self.0.calls.lock().unwrap();
        calls.push(name);
        Some(calls.len() - 1)
    }

    fn shuts(&self, call: usize, at: StrikeTime) -> bool {
        let shuts = self.0.strike == Some(SweepStrike { call, at });
        if shuts {
            self.0.is_shut.send_replace(true);
        }
        shuts
    }

    async fn forward(self, service: SocketAddr, parts: Parts, body: Bytes) -> Response {
        let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
        // The host header stays unchanged, because it is signed.
        let received = self
            .0
            .client
            .request(parts.method, format!("http://{service}{target}"))
            .headers(without_hops(parts.headers))
            .body(body)
            .send()
            .await
            .unwrap();
        let (status, headers) = (received.status(), without_hops(received.headers().clone()));
        let mut response = Response::new(Body::from(received.bytes().await.unwrap()));
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        self.0.pending_calls.send_modify(|calls| *calls -= 1);
        response
    }
}

async fn pass(State((gate, service)): State<(Gate, SocketAddr)>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let Some(call) = gate.note(&parts).filter(|call| !gate.shuts(*call, StrikeTime::Before)) else {
        return pending().await;
    };
    gate.0.pending_calls.send_modify(|calls| *calls += 1);
    // A separate task, because this task ends when the caller dies.
    let response = tokio::spawn(gate.clone().forward(service, parts, body)).await.unwrap();
    if gate.shuts(call, StrikeTime::After) {
        return pending().await;
    }
    response
}

/// A header of one connection, which must not be forwarded.
fn without_hops(mut headers: HeaderMap) -> HeaderMap {
    for name in [header::CONNECTION, header::CONTENT_LENGTH, header::TRANSFER_ENCODING] {
        headers.remove(name);
    }
    headers
}
