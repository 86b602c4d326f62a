//! The resource that all connections share.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::auth::Authenticator;
use crate::http::AllowedHosts;
use crate::options::EmulatorOptions;
use crate::state::{
    EmulatorClock, Faults, Identities, RateLimits, RequestLog, ResourceKeys, TokenSigner,
};

/// One resource: its keys, its identities, and the settings of tests.
pub(crate) struct Resource {
    /// The resource's GUID, lower case.
    pub guid: String,
    pub keys: ResourceKeys,
    pub auth: Authenticator,
    pub options: EmulatorOptions,
    /// The host names under which the control API can be requested.
    pub allowed_hosts: AllowedHosts,
    /// The names and addresses of this machine for clients on other machines.
    pub host_names: Vec<String>,
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
