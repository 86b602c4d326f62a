//! A complete stack for each test: the real binaries, a DynamoDB engine, and an ACS that verifies
//! the requests.
#![expect(clippy::missing_panics_doc, reason = "a fixture dies when something is wrong")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may die")]
#![expect(clippy::panic, clippy::expect_used, reason = "a test may die")]

mod canaries;
mod control;
mod stack;

pub use control::{DEAD_LETTERS, DELIVERIES, EVENTS, REVOKE, VISIBILITY, in_a_path};
pub use stack::{ADMIN_ROLE, Reply, Stack, binary, other_ways};
