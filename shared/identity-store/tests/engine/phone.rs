//! The table of the records fulfils the contract of the inventory of Teams Phone.

use identity_core::phone_contract;

use super::store;

phone_contract!(store().await);
