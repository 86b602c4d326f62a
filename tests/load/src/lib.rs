//! A morning on which three times as many users arrive as one ACS resource serves: once with the
//! real functions in the local stack, and once with a simulation of the service. Both are asked by
//! the same simulated users. The clock of the stack is moved from request to request, so that hours
//! take minutes.

mod acs_limit;
mod app;
mod burst;
mod comparison;
mod measured;
mod predicted;
mod random;

pub use acs_limit::LimitReading;
pub use burst::{AcsCalls, Burst, BurstOutcome, TokenReply, TokenService};
pub use comparison::{BurstComparison, predict, share_text, time_text};
pub use measured::MeasuredService;
pub use predicted::PredictedService;
