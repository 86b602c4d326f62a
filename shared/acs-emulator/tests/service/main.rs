//! The service over HTTP: what it answers, what it refuses, what its tokens do.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may die")]

mod authentication;
mod control;
mod errors;
mod faults;
mod headers;
mod keys;
mod limits;
mod open_points;
mod operations;
mod program;
mod support;
mod tls;
