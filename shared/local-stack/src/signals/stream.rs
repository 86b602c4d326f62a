//! The stream of a transmitter.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::catalog::SimulatedTransmitter;
use super::kind::SimulatedKind;

pub(super) const PUSH: &str = "urn:ietf:rfc:8935";
pub(super) const POLL: &str = "urn:ietf:rfc:8936";

/// The events that the transmitters can report.
pub(super) const SUPPORTED: [&str; 6] = [
    "https://schemas.openid.net/secevent/caep/event-type/session-revoked",
    "https://schemas.openid.net/secevent/caep/event-type/credential-change",
    "https://schemas.openid.net/secevent/caep/event-type/token-claims-change",
    "https://schemas.openid.net/secevent/risc/event-type/account-disabled",
    "https://schemas.openid.net/secevent/risc/event-type/account-enabled",
    "https://schemas.openid.net/secevent/risc/event-type/account-purged",
];

/// Whether events are sent, kept or dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum StreamStatus {
    Enabled,
    Paused,
    Disabled,
}

/// One stream, as its receiver configured it. It has no `Debug`, because it holds a credential.
pub(super) struct SimulatedStream {
    pub(super) id: String,
    pub(super) status: StreamStatus,
    pub(super) method: &'static str,
    pub(super) endpoint: String,
    /// The header `Authorization` of pushed messages, if the receiver chose one.
    pub(super) authorization: Option<String>,
    pub(super) requested: Vec<String>,
    pub(super) description: Option<String>,
}

/// Signed messages by their ids, in the order in which they were queued.
type SignedMessages = Vec<(String, String)>;

/// The stream of one transmitter, if there is one, and its messages.
pub(crate) struct TransmitterStream(Mutex<StreamContents>);

#[derive(Default)]
pub(super) struct StreamContents {
    pub(super) stream: Option<SimulatedStream>,
    /// Messages that are not acknowledged.
    pub(super) queued: SignedMessages,
    /// The ids of the messages that the receiver refused, with its errors.
    pub(super) refused: BTreeMap<String, Value>,
    /// Access tokens of the transmitter's API, with the time (seconds since 1970) when they expire.
    pub(super) access_tokens: Vec<(String, i64)>,
}

impl TransmitterStream {
    /// A transmitter that is polled has a stream from the beginning.
    pub(crate) fn new(transmitter: &SimulatedTransmitter) -> Self {
        let stream = (transmitter.kind == SimulatedKind::SsfPoll).then(|| SimulatedStream {
            id: Uuid::new_v4().simple().to_string(),
            status: StreamStatus::Enabled,
            method: POLL,
            endpoint: format!("{}/poll", transmitter.issuer),
            authorization: None,
            requested: SUPPORTED.map(str::to_owned).into(),
            description: None,
        });
        Self(Mutex::new(StreamContents { stream, ..StreamContents::default() }))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, StreamContents> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether messages wait until the receiver fetches them.
    pub(crate) fn is_polled(&self) -> bool {
        self.lock().stream.as_ref().is_some_and(|stream| stream.method == POLL)
    }

    /// Whether messages are pushed: without a stream, they are sent to try out the receiver.
    pub(crate) fn sends(&self) -> bool {
        self.lock().stream.as_ref().is_none_or(|stream| stream.status == StreamStatus::Enabled)
    }

    /// The header `Authorization` that the receiver chose.
    pub(crate) fn authorization(&self) -> Option<String> {
        self.lock().stream.as_ref()?.authorization.clone()
    }

    /// Keeps a message until it is acknowledged or refused.
    pub(crate) fn queue(&self, jti: &str, token: String) {
        self.lock().queued.push((jti.to_owned(), token));
    }

    /// The state for the control API.
    pub(crate) fn overview(&self) -> Map<String, Value> {
        let contents = self.lock();
        let queued: Vec<_> = contents.queued.iter().map(|(jti, _)| jti.as_str()).collect();
        let stream = contents.stream.as_ref();
        let overview = json!({
            "stream": stream.map(|stream| json!({ "id": stream.id, "status": stream.status })),
            "queued": queued,
            "refused": contents.refused,
        });
        overview.as_object().cloned().unwrap_or_default()
    }
}

impl StreamContents {
    /// The stream with this id; without an id, the only one.
    pub(super) fn stream(&mut self, id: Option<&str>) -> Option<&mut SimulatedStream> {
        self.stream.as_mut().filter(|stream| id.is_none_or(|id| id == stream.id))
    }
}

impl SimulatedStream {
    /// The configuration as the API shows it. The agreed credential is not repeated.
    pub(super) fn to_json(&self, transmitter: &SimulatedTransmitter) -> Value {
        let delivered: Vec<_> =
            self.requested.iter().filter(|event| SUPPORTED.contains(&event.as_str())).collect();
        let mut configuration = json!({
            "stream_id": self.id,
            "iss": transmitter.issuer,
            "aud": transmitter.audience,
            "events_supported": SUPPORTED,
            "events_requested": self.requested,
            "events_delivered": delivered,
            "delivery": { "method": self.method, "endpoint_url": self.endpoint },
        });
        if let (Some(members), Some(text)) = (configuration.as_object_mut(), &self.description) {
            members.insert("description".to_owned(), text.as_str().into());
        }
        configuration
    }
}
