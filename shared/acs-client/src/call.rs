//! One call of an operation: its attempts, the meaning of their responses, retries and holds.

mod attempt;
mod cause;
mod error;
mod error_body;
mod hold;
mod jitter;
mod operation;
mod response;
pub(crate) mod retry;

pub(crate) use attempt::AcsCall;
pub use cause::{ErrorCause, Mistake};
pub use error::{Answered, Silence, Unanswered};
pub(crate) use hold::Holds;
pub(crate) use jitter::{Jitter, up_to};
pub(crate) use operation::AcsOperation;
pub(crate) use response::{AcsResponse, AttemptResult, Body, ResponseClass};
