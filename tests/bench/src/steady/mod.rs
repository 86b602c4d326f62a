//! What a function does over a longer time: its overhead at a steady rate of requests, and its
//! memory after many of them.

mod memory;
mod overhead;

pub(crate) use memory::{MemoryGrowth, memory_growth};
pub(crate) use overhead::{Overhead, overhead};
