use std::time::{Duration, SystemTime};

/// The invocation that serves the current request: its ID and its time limits.
///
/// It is passed through every operation, so that time and unique IDs are arguments.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// Unique to this invocation: Lambda's request ID. Leases and receipts use it as their ID.
    pub id: String,
    /// When Lambda kills the function. A lease ends a little later.
    pub deadline: SystemTime,
    /// The deadline for calls to ACS. The write that commits the result and the response need the
    /// remaining time.
    pub acs_until: SystemTime,
    /// How long to wait for another request that works on the same record.
    pub patience: Duration,
}

impl Invocation {
    /// How long a second caller waits for the first one's work: ACS needs about 100 ms to create
    /// an identity or to revoke its tokens, rarely a second.
    pub const PATIENCE: Duration = Duration::from_secs(2);

    /// How long after [`deadline`](Self::deadline) another invocation may take over the work of
    /// this one. Lambda has killed this one by then; a takeover from a live owner is possible
    /// only if the clocks differ by this much.
    pub const LEASE_MARGIN: Duration = Duration::from_secs(5);
}
