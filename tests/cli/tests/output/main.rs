//! What the tool prints: every format, in a terminal and elsewhere.

mod escapes;
mod formats;
mod snapshots;
mod terminal;
