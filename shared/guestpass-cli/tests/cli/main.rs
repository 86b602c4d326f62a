//! Runs the tool against a local stack: what it prints, what it leaves behind, and how it
//! behaves in a terminal.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may die"
)]

mod audit;
mod aws;
mod bulk;
mod cleanup;
mod doctor;
mod escapes;
mod events;
mod formats;
mod memory;
mod quickstart;
mod secrets;
mod seed;
mod snapshot;
mod snapshots;
mod stack;
mod terminal;
mod trust;
mod users;
mod which;
