//! A store and a queue in memory, and the contract of the stores.

mod memory_events;
mod memory_store;
pub mod store_contract;

pub use memory_events::MemoryUserEvents;
pub use memory_store::MemoryScimUserStore;
