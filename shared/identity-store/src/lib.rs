//! identity-store.
