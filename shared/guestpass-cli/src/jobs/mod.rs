//! Work on many identities or messages.

pub(crate) mod bulk;
mod cleanup_plan;
mod dead_letters;
mod deletion;
mod import;
mod pace;

pub(crate) use bulk::BulkOutcome;
pub(crate) use cleanup_plan::{CleanupPlan, CleanupPlanEntry};
pub(crate) use dead_letters::{DeadLetter, DeadLetterReader, dead_letters};
pub(crate) use deletion::{BulkItem, IdentityDeleter};
pub(crate) use import::{IMPORTS_PER_SECOND, ImportRunOutcome, import_all};
