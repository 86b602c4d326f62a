//! Tests the client against small servers that answer, hang, or close the connection as a test
//! tells them.

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
