//! A complete stack for each test: the real binaries, a DynamoDB engine, and an ACS that verifies
//! the requests.
#![expect(clippy::missing_panics_doc, reason = "a fixture panics when something is wrong")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests may panic")]
#![expect(clippy::panic, clippy::expect_used, reason = "tests may panic")]

mod control;
mod secrets;
mod stack;

pub use control::{
    DEAD_LETTERS, DELIVERIES, EVENTS, REVOKE, VISIBILITY, WITHOUT_ROUTES, in_a_path,
};
pub use harness::HttpReply;
pub use stack::{ADMIN_ROLE, ServiceStack, other_ways};
