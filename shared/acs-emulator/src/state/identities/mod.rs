//! The identities of the resource, their tokens, and the journal that stores them.

mod assignment;
mod compaction;
mod identity;
mod journal;
mod journal_entry;
mod records;
mod registry;

pub(crate) use assignment::Assignment;
pub(crate) use identity::TokenState;
pub(crate) use journal::Journal;
pub(crate) use journal_entry::JournalEntry;
pub(crate) use registry::Identities;
