//! Security event tokens: what is refused, and what follows from the others.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may die")]

mod meanings;
mod refusals;
mod support;
