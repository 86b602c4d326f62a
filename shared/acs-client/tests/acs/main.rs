//! Tests the client with scripted servers, which respond, hang, or close the connection.

#![expect(clippy::unwrap_used, reason = "a test may die")]

mod credentials;
mod errors;
mod keys;
mod retries;
mod secrets;
mod signatures;
mod stale;
mod support;
mod teams;
mod throttling;
mod tls;
mod wire;
