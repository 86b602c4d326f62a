use std::sync::{Arc, Mutex, PoisonError};

use crate::{EventQueue, EventQueueError, LookUpMessage, SignalMessage};

/// A queue in memory. Clones share the messages.
#[derive(Clone, Debug, Default)]
pub struct MemoryEventQueue(Arc<Mutex<MemoryState>>);

#[derive(Debug, Default)]
struct MemoryState {
    messages: Vec<SignalMessage>,
    look_ups: Vec<LookUpMessage>,
    is_down: bool,
}

impl MemoryEventQueue {
    /// The messages so far, oldest first.
    #[must_use]
    pub fn messages(&self) -> Vec<SignalMessage> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).messages.clone()
    }

    /// The accounts to look up so far, oldest first.
    #[must_use]
    pub fn look_ups(&self) -> Vec<LookUpMessage> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).look_ups.clone()
    }

    /// The bodies of the messages, as SQS would deliver them.
    #[must_use]
    pub fn bodies(&self) -> Vec<String> {
        self.messages().iter().map(SignalMessage::body).collect()
    }

    /// From now on, whether the queue refuses every message.
    pub fn set_down(&self, is_down: bool) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_down = is_down;
    }
}

impl EventQueue for MemoryEventQueue {
    async fn send(&self, messages: &[SignalMessage]) -> Result<(), EventQueueError> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.is_down {
            return Err(EventQueueError("the queue is down".to_owned()));
        }
        state.messages.extend_from_slice(messages);
        Ok(())
    }

    async fn send_look_ups(&self, messages: &[LookUpMessage]) -> Result<(), EventQueueError> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.is_down {
            return Err(EventQueueError("the queue is down".to_owned()));
        }
        state.look_ups.extend_from_slice(messages);
        Ok(())
    }
}
