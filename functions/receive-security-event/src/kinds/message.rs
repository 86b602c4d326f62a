//! What the kinds with one signed message have in common.

use std::borrow::Cow;

use bearer_verifier::{SignedToken, TokenProfile, TokenRefusal};
use event_queue::EventQueue;
use issuer_keys::{KeyDiscovery, Unverified};
use lambda_http::http::StatusCode;
use security_events::MessageIssuer;
use security_events::messages::{MessageReading, MessageRefusal};
use serde_json::{Map, Value};

use crate::answer::{SignalAnswer, SignalOutcome};
use crate::intake::{SignalIntake, TransmitterRequest};
use crate::request::BodyRefusal;
use crate::secret_cache::SecretSource;

/// Why a message is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MessageFault {
    /// The body was not read.
    Body(BodyRefusal),
    /// The body was read, but has no token where it must be.
    NoToken(&'static str),
    /// The token is not of this kind, or not signed by the issuer.
    Token(TokenRefusal),
    /// The token is signed by the issuer, but a claim refuses it.
    Claims(MessageRefusal),
    /// The keys of the issuer are not available now.
    KeysUnavailable,
}

impl MessageFault {
    /// The answer, with the members `error` and `error_description` of RFC 6749 §5.2.
    pub(super) fn answer(self, status: StatusCode, error: &'static str) -> SignalAnswer {
        let (status, error) = match self {
            Self::KeysUnavailable => return SignalAnswer::unavailable("keys-unavailable"),
            Self::Body(BodyRefusal::TooLarge) => (StatusCode::PAYLOAD_TOO_LARGE, "invalid_request"),
            Self::Body(_) | Self::NoToken(_) => (StatusCode::BAD_REQUEST, "invalid_request"),
            Self::Token(_) | Self::Claims(_) => (status, error),
        };
        SignalAnswer::oauth_error(status, error, &self.description())
    }

    /// What is wrong, without anything of the message.
    pub(super) fn description(self) -> Cow<'static, str> {
        match self {
            Self::Body(BodyRefusal::TooLarge) => "the body is longer than 65,536 bytes".into(),
            Self::Body(BodyRefusal::MediaType) => {
                "the body has another content type than this kind of message, or is compressed"
                    .into()
            }
            Self::NoToken(problem) => problem.into(),
            Self::Token(refusal) => refusal.to_string().into(),
            Self::Claims(refusal) => refusal.to_string().into(),
            Self::KeysUnavailable => "the keys of the issuer are not available".into(),
        }
    }
}

impl From<BodyRefusal> for MessageFault {
    fn from(refusal: BodyRefusal) -> Self {
        Self::Body(refusal)
    }
}

impl From<MessageRefusal> for MessageFault {
    fn from(refusal: MessageRefusal) -> Self {
        Self::Claims(refusal)
    }
}

/// The claims of a token of `issuer`, after its signature was verified.
pub(super) async fn verified_claims<S: SecretSource, Q: EventQueue>(
    intake: &SignalIntake<S, Q>,
    request: &TransmitterRequest<'_>,
    token: &str,
    profile: TokenProfile,
    issuer: &MessageIssuer,
    discovery: KeyDiscovery,
) -> Result<Map<String, Value>, MessageFault> {
    let token = SignedToken::parse_as(token, profile).map_err(MessageFault::Token)?;
    let claims = intake.verified_claims(token, issuer, discovery, request.now).await;
    claims.map_err(|unverified| match unverified {
        Unverified::Refused(refusal) => MessageFault::Token(refusal),
        Unverified::KeysUnavailable => MessageFault::KeysUnavailable,
    })
}

/// Stores what follows from a message, and answers with `status`.
pub(super) async fn answer_reading<S: SecretSource, Q: EventQueue>(
    intake: &SignalIntake<S, Q>,
    request: &TransmitterRequest<'_>,
    reading: MessageReading,
    status: StatusCode,
) -> SignalAnswer {
    let outcome = match reading {
        MessageReading::Signal(signal) => intake.enqueue(request, vec![signal]).await,
        MessageReading::Ignored(why) => Ok(SignalOutcome::Ignored(why.as_str())),
    };
    outcome.map_or_else(|answer| answer, |outcome| SignalAnswer::empty(status, outcome))
}
