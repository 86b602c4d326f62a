//! What the emulator remembers, in memory and in its data directory.

mod clock;
mod data_dir;
mod directory_lock;
mod faults;
mod identities;
mod keys;
mod limits;
mod private_files;
mod request_log;
mod start_error;

pub use clock::EmulatorClock;
pub(crate) use data_dir::{DataDir, ENTRA_SIGNING_KEY, JOURNAL, KeptResource, SIGNING_KEY};
pub use directory_lock::DirectoryLock;
pub(crate) use faults::{Fault, FaultTrigger, Faults};
pub(crate) use identities::{Assignment, Identities, Journal, JournalEntry, TokenState};
pub use keys::ResourceKey;
pub(crate) use keys::{
    EmulatorClaim, KeyMark, KeyRing, KeyType, NotOurs, ResourceKeys, TokenClaims, TokenSigner,
    random,
};
pub(crate) use limits::RateLimits;
pub use limits::Window;
pub(crate) use request_log::{LoggedRequest, RequestLog};
pub use start_error::EmulatorStartError;
