//! The inventory in memory fulfils the contract.
#![cfg(feature = "testing")]

use identity_core::{phone_contract, testing::MemoryIdentityStore};

phone_contract!(MemoryIdentityStore::default());
