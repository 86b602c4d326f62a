//! What every kind of transmitter needs: secrets, verified claims, and the queue.

use std::time::{Instant, SystemTime};

use bearer_verifier::SignedToken;
use event_queue::{EventQueue, LookUpMessage, SignalMessage};
use issuer_keys::{IssuerKeyCache, KeyDiscovery, KeyLocation, Unverified};
use lambda_http::Request;
use security_events::{MessageIssuer, Transmitter, UserSignal};
use serde_json::{Map, Value};
use tracing::error;

use crate::answer::{SignalAnswer, SignalOutcome};
use crate::secret_cache::{SecretCache, SecretSource};

/// Authenticates messages and stores what follows from them.
pub(crate) struct SignalIntake<S, Q> {
    pub(crate) secrets: SecretCache<S>,
    pub(crate) keys: IssuerKeyCache,
    pub(crate) queue: Q,
}

/// A request of a transmitter, and when it came.
pub(crate) struct TransmitterRequest<'a> {
    pub(crate) transmitter: &'a Transmitter,
    pub(crate) http: &'a Request,
    /// The time that is compared with times in the message.
    pub(crate) arrived_at: SystemTime,
    /// The same moment on a clock that never goes back, for caches.
    pub(crate) now: Instant,
}

impl<S: SecretSource, Q: EventQueue> SignalIntake<S, Q> {
    /// The claims of a token of `issuer`, after its signature was verified. Keys are fetched for the
    /// configured issuer only.
    pub(crate) async fn verified_claims(
        &self,
        token: SignedToken<'_>,
        issuer: &MessageIssuer,
        discovery: KeyDiscovery,
        now: Instant,
    ) -> Result<Map<String, Value>, Unverified> {
        let jwks_uri = issuer.jwks_uri.as_deref();
        let location = KeyLocation { issuer: &issuer.issuer, jwks_uri, discovery };
        self.keys.verified_claims(token, &location, now).await
    }

    /// Puts signals into the queue, and says how many. If that fails, the transmitter must repeat
    /// its request.
    pub(crate) async fn enqueue(
        &self,
        request: &TransmitterRequest<'_>,
        signals: Vec<UserSignal>,
    ) -> Result<SignalOutcome, SignalAnswer> {
        let message = |signal| SignalMessage::of(request.transmitter, signal, request.arrived_at);
        let messages: Vec<_> = signals.into_iter().map(message).collect();
        self.queue.send(&messages).await.map_err(|cause| {
            error!(%cause, "queue of events not reachable");
            SignalAnswer::unavailable("queue-unavailable")
        })?;
        Ok(SignalOutcome::Accepted(messages.len()))
    }

    /// The same for accounts that are to be looked up.
    pub(crate) async fn enqueue_look_ups(
        &self,
        messages: &[LookUpMessage],
    ) -> Result<SignalOutcome, SignalAnswer> {
        self.queue.send_look_ups(messages).await.map_err(|cause| {
            error!(%cause, "queue of events not reachable");
            SignalAnswer::unavailable("queue-unavailable")
        })?;
        Ok(SignalOutcome::Accepted(messages.len()))
    }
}
