//! How a stream is shown.

use serde::Serialize;
use serde_json::Value;

use crate::report::Row;
use crate::service::ManagedStream;

/// The part of a type of event that its readers know.
pub(super) fn short(event: &str) -> &str {
    event.rsplit('/').next().unwrap_or(event)
}

/// A stream in an answer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StreamRow {
    pub(super) stream_id: String,
    delivery: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<String>,
    /// What belongs into `audiences` of the configuration.
    pub(super) audiences: Vec<String>,
    pub(super) events_delivered: Vec<String>,
}

impl StreamRow {
    pub(super) fn of(stream: &ManagedStream) -> Self {
        let audiences = match &stream.aud {
            Value::String(one) => vec![one.clone()],
            Value::Array(many) => {
                many.iter().filter_map(Value::as_str).map(str::to_owned).collect()
            }
            _ => Vec::new(),
        };
        // The first names are those of the drafts.
        let delivery = match stream.delivery.method.as_str() {
            "https://schemas.openid.net/secevent/risc/delivery-method/push"
            | "urn:ietf:rfc:8935" => "push",
            "https://schemas.openid.net/secevent/risc/delivery-method/poll"
            | "urn:ietf:rfc:8936" => "poll",
            _ => "unknown",
        };
        Self {
            stream_id: stream.stream_id.clone(),
            delivery,
            endpoint_url: stream.delivery.endpoint_url.clone(),
            issuer: stream.iss.clone(),
            audiences,
            events_delivered: stream.events_delivered.clone(),
        }
    }
}

impl Row for StreamRow {
    const COLUMNS: &'static [&'static str] = &["stream", "delivery", "audience", "events"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.stream_id.clone(),
            self.delivery.to_owned(),
            self.audiences.join(", "),
            format!("{} types", self.events_delivered.len()),
        ]
    }
}
