//! The store in memory fulfils the contract.

use scim_users::{scim_store_contract, testing::MemoryScimUserStore};

scim_store_contract!(MemoryScimUserStore::default());
