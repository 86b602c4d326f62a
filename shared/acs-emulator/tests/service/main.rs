//! Tests of the service over HTTP: its responses, its refusals, and its tokens.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may die")]

mod assignments;
mod authentication;
mod bearer;
mod clouds;
mod container;
mod control;
mod entra;
mod errors;
mod faults;
mod headers;
mod keys;
mod limits;
mod open_points;
mod operations;
mod program;
mod quirks;
mod support;
mod teams_exchange;
mod tls;
mod versions;
