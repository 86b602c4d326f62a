//! The resource that all connections share.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::auth::authenticator::Authenticator;
use crate::options::EmulatorOptions;
use crate::state::clock::EmulatorClock;
use crate::state::faults::Faults;
use crate::state::identities::registry::Identities;
use crate::state::keys::resource_keys::ResourceKeys;
use crate::state::keys::token_signer::TokenSigner;
use crate::state::limits::RateLimits;
use crate::state::request_log::RequestLog;

/// One resource: its keys, its identities, and the settings of tests.
pub(crate) struct Resource {
    /// The resource's GUID, lower case.
    pub guid: String,
    pub keys: ResourceKeys,
    pub auth: Authenticator,
    pub options: EmulatorOptions,
    pub clock: EmulatorClock,
    pub signer: TokenSigner,
    pub identities: Identities,
    pub requests: RequestLog,
    pub faults: Faults,
    pub limits: RateLimits,
    pub serial: AtomicU64,
}

impl Resource {
    pub(crate) fn next_serial(&self) -> u64 {
        self.serial.fetch_add(1, Ordering::Relaxed)
    }
}
