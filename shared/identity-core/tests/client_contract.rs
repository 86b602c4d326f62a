//! The double of ACS keeps the contract that the real client keeps.
#![cfg(feature = "testing")]

use identity_core::{client_contract, testing::MemoryIdentityClient};

client_contract!(MemoryIdentityClient::default());
