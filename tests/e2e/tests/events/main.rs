//! What identity providers report, from its arrival to its effect at ACS.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests may panic")]
#![expect(clippy::panic, reason = "tests may panic")]

mod applied;
mod entra;
mod races;
mod rules;
mod scim;
mod signals;
