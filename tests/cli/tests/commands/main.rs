//! What the commands do, and what they leave behind.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests may panic"
)]

mod audit;
mod bulk;
mod cleanup;
mod events;
mod history;
mod memory;
mod users;
