//! Who may call: which bearers are accepted, by both authorizers, and whom they name.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may die")]

mod authorizer;
mod door;
mod providers;
