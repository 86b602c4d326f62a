//! A table of very many identities, few of which are stale, and the reads of a cleanup run and a
//! token call in it.
//!
//! The table is the template's, in a separate engine on disk. The engine's library fills it with
//! the items that the store would have written.
#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "tests may panic")]

mod engine;
mod function;
mod meter;
mod population;
mod proxy;

pub use engine::ScaleEngine;
pub use function::ScaleFunction;
pub use meter::{Cost, Meter};
pub use population::Population;
