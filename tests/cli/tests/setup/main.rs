//! Which service the tool uses and whether it trusts it, and the quickstart.
#![expect(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "tests may panic")]

mod aws;
mod demonstration;
mod directories;
mod doctor;
mod newcomer;
mod proxy;
mod quickstart;
mod secrets;
mod trust;
mod which;
