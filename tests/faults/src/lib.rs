//! Tools for fault injection.

mod interleaving;
mod invitations;
mod phone;
mod yielding;

pub use interleaving::{Task, dying_after, every_interleaving, turn};
pub use yielding::{Part, Without, Yielding};
