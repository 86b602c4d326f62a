use std::sync::{Mutex, MutexGuard, PoisonError};

use identity_core::Error;

use crate::ports::{ScimUserEvent, UserEventSender};

/// A queue in memory.
#[derive(Debug, Default)]
pub struct MemoryUserEvents {
    sent: Mutex<Vec<ScimUserEvent>>,
    fails: Mutex<bool>,
}

impl MemoryUserEvents {
    /// Removes and returns the events that were sent, each as `<kind> <user>`.
    pub fn take(&self) -> Vec<String> {
        let events = std::mem::take(&mut *lock(&self.sent));
        events
            .iter()
            .map(|event| format!("{} {}", event.kind.as_str(), event.user.as_str()))
            .collect()
    }

    /// The events that were sent.
    pub fn sent(&self) -> Vec<ScimUserEvent> {
        lock(&self.sent).clone()
    }

    /// From now on, nothing can be sent.
    pub fn fail(&self) {
        *lock(&self.fails) = true;
    }
}

impl UserEventSender for MemoryUserEvents {
    async fn send(&self, event: &ScimUserEvent) -> Result<(), Error> {
        if *lock(&self.fails) {
            return Err(Error::StoreUnavailable("the queue does not answer".into()));
        }
        lock(&self.sent).push(event.clone());
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
