use std::time::{Duration, SystemTime};

use identity_core::event::{Event, EventKind, EventMode, EventSource};
use identity_core::identity::ExternalId;
use security_events::{Transmitter, UserSignal};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::format_description;
use uuid::Uuid;

/// A signal about one user, from a configured transmitter that was authenticated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignalMessage {
    /// The name of the transmitter in the configuration.
    pub transmitter: String,
    /// The kind of the transmitter, which is the origin of what the signal decides.
    pub source: EventSource,
    /// Whether the signal is applied, or only evaluated.
    pub mode: EventMode,
    /// What happened.
    pub kind: EventKind,
    /// The user.
    pub user: ExternalId,
    /// When it happened.
    pub occurred_at: SystemTime,
    /// When this deployment accepted the signal.
    pub accepted_at: SystemTime,
    /// The resolution of the sender's clock: one second, or finer.
    pub resolution: Duration,
    /// The sender's ID of the signal, for people who search for it: at most
    /// [`Event::MAX_ID_LENGTH`] characters are kept.
    pub event_id: String,
    /// The sender's reason, for the receipt. It is never logged.
    pub reason: Option<String>,
}

impl SignalMessage {
    /// What a signal of `transmitter` says, which this deployment accepted at `accepted_at`.
    #[must_use]
    pub fn of(transmitter: &Transmitter, signal: UserSignal, accepted_at: SystemTime) -> Self {
        Self {
            transmitter: transmitter.name.clone(),
            source: transmitter.settings.source(),
            mode: transmitter.mode,
            kind: signal.kind,
            user: signal.user,
            occurred_at: signal.occurred_at,
            accepted_at,
            resolution: signal.resolution,
            event_id: signal.event_id,
            reason: signal.reason,
        }
    }

    /// The body of the message, with a new unique `id`.
    pub(crate) fn body(&self) -> String {
        let mut detail = json!({
            "transmitter": self.transmitter,
            "kind": self.source.as_str(),
            "externalId": self.user.as_str(),
            "occurredAt": timestamp(self.occurred_at, self.resolution),
            "eventId": self.event_id.chars().take(Event::MAX_ID_LENGTH).collect::<String>(),
            "mode": self.mode.as_str(),
        });
        if let (Some(reason), Value::Object(detail)) = (&self.reason, &mut detail) {
            detail.insert("reason".to_owned(), json!(reason));
        }
        json!({
            "source": "guestpass.signals",
            "detail-type": self.kind.as_str(),
            "id": Uuid::new_v4().to_string(),
            "time": timestamp(self.accepted_at, Duration::from_secs(1)),
            "detail": detail,
        })
        .to_string()
    }
}

/// RFC 3339. The number of digits says the resolution, as `identity-events` reads it.
pub(crate) fn timestamp(time: SystemTime, resolution: Duration) -> String {
    let time = OffsetDateTime::from(time);
    let seconds = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
    let milliseconds =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    let is_fine = resolution < Duration::from_secs(1);
    let formatted = if is_fine { time.format(milliseconds) } else { time.format(seconds) };
    formatted.unwrap_or_default()
}
