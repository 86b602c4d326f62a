//! Puts accepted signals into the queue `IdentityEvents`, from which `revoke-on-event` applies them.
//!
//! A function that receives a signal stores it first, then answers its sender, and acts later: the
//! queue is the store. One [`SignalMessage`] is about one user, and has the shape of a message of
//! `EventBridge`, so that the queue has one form. `identity-events` reads it. A [`LookUpMessage`]
//! says that a user's account may have changed.
//!
//! [`EventQueue`] is the port. [`SqsEventQueue`] sends to Amazon SQS.

mod look_up;
#[cfg(feature = "testing")]
mod memory;
mod message;
mod sqs;

use std::fmt;

pub use look_up::LookUpMessage;
#[cfg(feature = "testing")]
pub use memory::MemoryEventQueue;
pub use message::SignalMessage;
pub use sqs::SqsEventQueue;

/// The queue of events.
pub trait EventQueue {
    /// Puts the messages into the queue. If this succeeds, all of them are stored durably. If it
    /// fails, some may be: the sender repeats the signal, and what arrives twice is applied once.
    fn send(&self, messages: &[SignalMessage])
    -> impl Future<Output = Result<(), EventQueueError>>;

    /// The same for accounts that are to be looked up.
    fn send_look_ups(
        &self,
        messages: &[LookUpMessage],
    ) -> impl Future<Output = Result<(), EventQueueError>>;
}

/// The queue could not be reached, or refused the message. The text never quotes the message.
#[derive(Debug)]
pub struct EventQueueError(String);

impl fmt::Display for EventQueueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for EventQueueError {}
