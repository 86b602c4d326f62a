//! Why a message must be delivered again.

use std::panic::catch_unwind;

use identity_core::{Error, error_chain};
use identity_events::{EventSettings, Malformed, Reading};

/// The reason why a message must be delivered again.
#[derive(Debug)]
pub(crate) enum MessageError {
    /// The message is malformed; a retry will fail as well.
    Malformed(Malformed),
    /// The event could not be applied.
    Failed(Error),
    /// The directory did not say what the status of the user's account is.
    LookUp(String),
    /// The code panicked.
    Panicked,
    /// Lambda would have killed the function.
    TimedOut,
}

impl MessageError {
    /// Whether the message itself is the cause.
    pub(crate) fn is_malformed(&self) -> bool {
        matches!(self, Self::Malformed(_) | Self::Failed(Error::EventFromTheFuture))
    }

    /// For the log: the error and its sources on one line.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Malformed(problem) => problem.to_string(),
            Self::Failed(error) => error_chain(error),
            Self::LookUp(why) => format!("failed to look up the account: {why}"),
            Self::Panicked => "processing panicked".to_owned(),
            Self::TimedOut => "timed out before the function ended".to_owned(),
        }
    }
}

/// Parses a message's body.
pub(crate) fn read(body: &str, settings: &EventSettings) -> Result<Reading, MessageError> {
    catch_unwind(|| identity_events::read(body, settings))
        .map_err(|_| MessageError::Panicked)?
        .map_err(MessageError::Malformed)
}
