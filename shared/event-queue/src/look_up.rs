use std::time::{Duration, SystemTime};

use identity_core::event::{Event, EventMode};
use identity_core::ports::AccountLookUp;
use serde_json::json;
use uuid::Uuid;

use crate::message::timestamp;

/// An account that may have changed, by a configured transmitter that was authenticated, or by a
/// function of this deployment that asked for the changed accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookUpMessage {
    /// The account.
    pub look_up: AccountLookUp,
    /// Whether what follows is applied, or only evaluated.
    pub mode: EventMode,
    /// When this deployment accepted the message. The look-up has a later time.
    pub accepted_at: SystemTime,
}

impl LookUpMessage {
    /// The body of the message, with a new unique `id`.
    pub(crate) fn body(&self) -> String {
        let AccountLookUp { user, source, transmitter, tenant, object_id, id } = &self.look_up;
        json!({
            "source": "guestpass.signals",
            "detail-type": "user.changed",
            "id": Uuid::new_v4().to_string(),
            "time": timestamp(self.accepted_at, Duration::from_secs(1)),
            "detail": {
                "transmitter": transmitter,
                "kind": source.as_str(),
                "externalId": user.as_str(),
                "tenant": tenant,
                "objectId": object_id,
                "eventId": id.chars().take(Event::MAX_ID_LENGTH).collect::<String>(),
                "mode": self.mode.as_str(),
            },
        })
        .to_string()
    }
}
