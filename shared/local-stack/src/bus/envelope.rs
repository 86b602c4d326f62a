//! An event as EventBridge delivers it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::arn::{ACCOUNT, REGION};
use crate::clock::{self, StackClock};

/// The complete event, with its fields in EventBridge's order.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct BusEnvelope {
    #[serde(default = "version")]
    pub(crate) version: String,
    #[serde(default = "id")]
    pub(crate) id: String,
    pub(crate) detail_type: String,
    pub(crate) source: String,
    #[serde(default = "account")]
    pub(crate) account: String,
    /// RFC 3339, in whole seconds. If it is empty, the current time is used.
    #[serde(default)]
    pub(crate) time: String,
    #[serde(default = "region")]
    pub(crate) region: String,
    #[serde(default)]
    pub(crate) resources: Vec<String>,
    pub(crate) detail: Map<String, Value>,
    /// Other members that the sender set.
    #[serde(flatten)]
    pub(crate) rest: Map<String, Value>,
}

impl BusEnvelope {
    /// Takes a complete event, and fills in the fields that EventBridge would set itself.
    pub(crate) fn complete(event: Value, clock: &StackClock) -> Result<Self, String> {
        let mut event: Self =
            serde_json::from_value(event).map_err(|error| format!("invalid event: {error}"))?;
        if event.time.is_empty() {
            event.time = clock::rfc3339(clock.now());
        }
        Ok(event)
    }
}

fn version() -> String {
    "0".to_owned()
}

fn id() -> String {
    Uuid::new_v4().to_string()
}

fn account() -> String {
    ACCOUNT.to_owned()
}

fn region() -> String {
    REGION.to_owned()
}
