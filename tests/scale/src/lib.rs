//! A table of very many identities, few of which are stale, and what a run of the
//! scheduled job and a token call read of it.
//!
//! The table is the template's, in an engine of its own on disk. It is filled through the
//! engine's library, with the items that the store would have written.
#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a test may die")]

mod engine;
mod front;
mod function;
mod meter;
mod population;

pub use engine::Engine;
pub use function::Function;
pub use meter::{Cost, Meter};
pub use population::Population;
