//! The cursors of a directory fulfil their contract in the table of the records.

use identity_core::cursor_contract;

use super::store;

cursor_contract!(store().await);
