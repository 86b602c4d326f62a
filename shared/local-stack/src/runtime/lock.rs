use std::sync::{Mutex, MutexGuard, PoisonError};

/// The data behind these locks is consistent whenever a lock is free.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
