//! Tools for fault injection.

mod interleaving;
mod yielding;

pub use interleaving::{Task, every_interleaving, turn};
pub use yielding::{Part, Without, Yielding};
