//! The cursors in memory fulfil the contract.
#![cfg(feature = "testing")]

use identity_core::{cursor_contract, testing::MemoryDirectoryCursors};

cursor_contract!(MemoryDirectoryCursors::default());
