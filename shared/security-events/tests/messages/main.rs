//! The signed messages of each kind: really signed, with each defect that refuses them.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may die")]

mod apple;
mod back_channel_logout;
mod global_token_revocation;
mod google;
mod support;
