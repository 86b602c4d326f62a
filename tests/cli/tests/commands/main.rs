//! What the commands do, and what they leave behind.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests may panic")]

mod audit;
mod bulk;
mod cleanup;
mod events;
mod history;
mod import;
mod memory;
mod policy;
mod replay;
mod streams;
mod users;
