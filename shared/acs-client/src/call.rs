//! One call of an operation: its attempts, the meaning of their responses, retries and holds.

pub(crate) mod attempt;
pub(crate) mod cause;
pub(crate) mod error;
mod error_body;
pub(crate) mod hold;
pub(crate) mod jitter;
pub(crate) mod operation;
pub(crate) mod response;
pub(crate) mod retry;
