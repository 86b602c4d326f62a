//! The double that every other test stands on keeps the contract, too.
#![cfg(feature = "testing")]

use identity_core::{store_contract, testing::MemoryIdentityStore};

store_contract!(MemoryIdentityStore::default());
