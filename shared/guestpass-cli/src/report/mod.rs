//! What the user sees: results, errors, progress.

pub(crate) mod duration;
pub(crate) mod error;
pub(crate) mod output;
pub(crate) mod printable;
pub(crate) mod progress;
pub(crate) mod receipt;
pub(crate) mod style;
pub(crate) mod timestamp;
pub(crate) mod views;
