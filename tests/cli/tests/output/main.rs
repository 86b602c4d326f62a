//! What the tool prints: every format, in a terminal and elsewhere.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests may panic")]

mod escapes;
mod formats;
mod snapshots;
mod terminal;
