//! Runs the client contract against the in-memory double.
#![cfg(feature = "testing")]

use identity_core::{client_contract, testing::MemoryIdentityClient};

client_contract!(MemoryIdentityClient::default());
