//! The resource that all connections share.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::clock::Clock;
use crate::entra::Entra;
use crate::faults::Faults;
use crate::identities::Identities;
use crate::keys::Keys;
use crate::limits::Limits;
use crate::options::Options;
use crate::request_log::RequestLog;
use crate::signature::Rules;
use crate::token::TokenSigner;

/// One resource: its keys, its identities, and the settings of tests.
pub(crate) struct Resource {
    /// The resource's GUID, lower case.
    pub guid: String,
    pub keys: Keys,
    pub rules: Rules,
    pub options: Options,
    pub clock: Clock,
    pub signer: TokenSigner,
    pub identities: Identities,
    pub entra: Entra,
    pub requests: RequestLog,
    pub faults: Faults,
    pub limits: Limits,
    pub serial: AtomicU64,
}

impl Resource {
    pub(crate) fn next_serial(&self) -> u64 {
        self.serial.fetch_add(1, Ordering::Relaxed)
    }
}
