//! The events of SQS and of the schedule.

use identity_core::identity::Issuer;
use identity_events::EventSettings;

use crate::batch::{BatchResponse, SqsBatch};
use crate::input::CleanupInput;

/// A batch of SQS, or the body of one of its messages.
pub fn sqs_event(input: &[u8]) {
    let issuer = Issuer::parse("https://idp.example").expect("an issuer");
    let settings = EventSettings::of(issuer);
    if let Ok(batch) = serde_json::from_slice::<SqsBatch>(input) {
        for message in &batch.messages {
            let _ = (message.sent_at(), message.is_at_its_end());
            let _ = identity_events::read(&message.body, &settings);
        }
        let _ = serde_json::to_string(&BatchResponse::failed(batch.messages.iter()));
    }
    if let Ok(body) = str::from_utf8(input) {
        let _ = identity_events::read(body, &settings);
    }
}

/// The event of the cleanup's schedule.
pub fn schedule_event(input: &[u8]) {
    if let Ok(event) = serde_json::from_slice(input) {
        let _ = CleanupInput::parse(event).map_err(|error| error.to_string());
    }
}
