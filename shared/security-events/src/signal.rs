use std::time::{Duration, SystemTime};

use identity_core::event::EventKind;
use identity_core::identity::ExternalId;

/// What a verified message says about one user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserSignal {
    /// The user.
    pub user: ExternalId,
    /// What happened.
    pub kind: EventKind,
    /// When it happened.
    pub occurred_at: SystemTime,
    /// The resolution of the sender's clock.
    pub resolution: Duration,
    /// The sender's ID of the message: its `jti`.
    pub event_id: String,
    /// The sender's reason. It must not be logged.
    pub reason: Option<String>,
}
