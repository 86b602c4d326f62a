//! Runs the store contract against the in-memory double that other tests use.
#![cfg(feature = "testing")]

use identity_core::{store_contract, testing::MemoryIdentityStore};

store_contract!(MemoryIdentityStore::default());
