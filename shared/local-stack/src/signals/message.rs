//! The messages of each kind, as their senders make them.

use serde_json::{Map, Value, json};

use super::catalog::SimulatedTransmitter;
use super::forgery::Forgery;
use super::kind::SimulatedKind;

const CAEP: &str = "https://schemas.openid.net/secevent/caep/event-type/";
const RISC: &str = "https://schemas.openid.net/secevent/risc/event-type/";
const SSF: &str = "https://schemas.openid.net/secevent/ssf/event-type/";
const OAUTH: &str = "https://schemas.openid.net/secevent/oauth/event-type/";
const BACK_CHANNEL_LOGOUT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// How long a message of a kind with `exp` is valid, in seconds.
const LIFETIME: i64 = 120;

/// What a message reports.
pub(super) struct SimulatedSignal {
    /// The type of the event: a URI, or its last segment.
    pub(super) event: String,
    /// The user, as a subject identifier of RFC 9493.
    pub(super) subject: Option<Value>,
    /// `sub` of the user, for the kinds that have no other form.
    pub(super) sub: Option<String>,
    /// Further members of the event.
    pub(super) members: Map<String, Value>,
    pub(super) jti: String,
    /// Seconds since 1970.
    pub(super) now: i64,
}

/// A request to the receiver.
pub(super) struct ReceiverRequest {
    pub(super) content_type: &'static str,
    pub(super) authorization: Option<String>,
    pub(super) body: String,
}

impl SimulatedSignal {
    /// The claims of the message.
    pub(super) fn claims(&self, transmitter: &SimulatedTransmitter) -> Map<String, Value> {
        let mut claims = json!({
            "iss": transmitter.issuer,
            "aud": transmitter.audience,
            "iat": self.now,
            "jti": self.jti,
        });
        let own = match transmitter.kind {
            SimulatedKind::SsfPush | SimulatedKind::SsfPoll => self.set_claims(),
            SimulatedKind::Google => self.google_claims(),
            SimulatedKind::BackChannelLogout => self.logout_claims(),
            SimulatedKind::GlobalTokenRevocation => json!({
                "sub": super::catalog::CLIENT_ID,
                "nbf": self.now - 300,
                "exp": self.now + 300,
            }),
            SimulatedKind::Apple => self.apple_claims(),
        };
        if let (Some(claims), Value::Object(own)) = (claims.as_object_mut(), own) {
            claims.extend(own);
        }
        claims.as_object().cloned().unwrap_or_default()
    }

    /// RFC 8417 and SSF 1.0.
    fn set_claims(&self) -> Value {
        let mut event = json!({ "event_timestamp": self.now });
        let uri = self.event_uri();
        if uri.starts_with(SSF) {
            // The framework's own events are about the stream and carry no time.
            event = json!({});
        }
        if let Some(event) = event.as_object_mut() {
            event.extend(self.members.clone());
        }
        let mut claims = json!({ "txn": self.jti, "events": { uri: event } });
        if let (Some(claims), Some(subject)) = (claims.as_object_mut(), &self.subject) {
            claims.insert("sub_id".to_owned(), subject.clone());
        }
        claims
    }

    /// One of `sub` and `sid` must be present. The receiver knows no sessions, so `sid` alone names
    /// no user.
    fn logout_claims(&self) -> Value {
        let mut claims = json!({
            "exp": self.now + LIFETIME,
            "events": { BACK_CHANNEL_LOGOUT: {} },
        });
        if let Some(claims) = claims.as_object_mut() {
            if let Some(sub) = &self.sub {
                claims.insert("sub".to_owned(), sub.as_str().into());
            }
            claims.extend(self.members.clone());
        }
        claims
    }

    /// Google's subject is in the event.
    fn google_claims(&self) -> Value {
        let mut event = self.members.clone();
        if let Some(subject) = &self.subject {
            event.insert("subject".to_owned(), subject.clone());
        }
        json!({ "events": { self.event_uri(): event } })
    }

    /// Apple's `events` is a text that contains JSON, with milliseconds.
    fn apple_claims(&self) -> Value {
        let mut event = json!({ "type": self.event, "event_time": self.now * 1000 });
        if let Some(event) = event.as_object_mut() {
            if let Some(sub) = &self.sub {
                event.insert("sub".to_owned(), sub.as_str().into());
            }
            event.extend(self.members.clone());
        }
        json!({ "events": event.to_string(), "exp": self.now + 86_400 })
    }

    /// The URI of the event. The list of CAEP is shorter, so all other names are those of RISC.
    fn event_uri(&self) -> String {
        let event = self.event.as_str();
        if event.contains(':') {
            return event.to_owned();
        }
        let base = match event {
            "session-revoked"
            | "credential-change"
            | "token-claims-change"
            | "assurance-level-change"
            | "device-compliance-change"
            | "risk-level-change"
            | "session-established"
            | "session-presented" => CAEP,
            "verification" | "stream-updated" => SSF,
            "tokens-revoked" | "token-revoked" => OAUTH,
            _ => RISC,
        };
        format!("{base}{event}")
    }

    /// The request that carries the signed `token`.
    pub(super) fn request(
        &self,
        transmitter: &SimulatedTransmitter,
        token: &str,
        forgery: Option<Forgery>,
    ) -> ReceiverRequest {
        let of = |content_type, authorization: Option<String>, body: String| ReceiverRequest {
            content_type,
            authorization,
            body,
        };
        match transmitter.kind {
            SimulatedKind::SsfPush => {
                let credential = match forgery {
                    Some(Forgery::WrongCredentials) => "Bearer another-credential".to_owned(),
                    _ => transmitter.authorization(),
                };
                of("application/secevent+jwt", Some(credential), token.to_owned())
            }
            SimulatedKind::SsfPoll | SimulatedKind::Google => {
                of("application/secevent+jwt", None, token.to_owned())
            }
            SimulatedKind::BackChannelLogout => {
                let form = format!("logout_token={token}");
                of("application/x-www-form-urlencoded", None, form)
            }
            SimulatedKind::GlobalTokenRevocation => {
                let subject =
                    self.subject.iter().map(|subject| ("sub_id".to_owned(), subject.clone()));
                let body = Value::Object(subject.collect());
                of("application/json", Some(format!("Bearer {token}")), body.to_string())
            }
            SimulatedKind::Apple => {
                of("application/json", None, json!({ "payload": token }).to_string())
            }
        }
    }
}
