//! The operator's tool in a directory with a local stack, and comparison of its output with reviewed
//! output.
#![expect(clippy::missing_panics_doc, reason = "a fixture panics when something is wrong")]
#![expect(clippy::must_use_candidate, reason = "the effect of a command can be all that matters")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests may panic")]

mod emulator;
mod running;
mod seed;
mod snapshot;
mod stack;
mod terminal;

pub use emulator::LoneEmulator;
pub use running::{RunningTool, interrupt};
pub use snapshot::{Session, check, stable};
pub use stack::{CliStack, ToolOutput, guestpass, run};
pub use terminal::OnTerminal;
