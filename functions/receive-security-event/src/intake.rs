//! What every kind of transmitter needs: secrets, verified claims, and the queue.

use std::time::{Instant, SystemTime};

use bearer_verifier::{SignedToken, TokenRefusal, verify_signature};
use event_queue::{EventQueue, LookUpMessage, SignalMessage};
use issuer_keys::{IssuerKeyCache, KeyDiscovery, KeyLocation};
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

/// Why the claims could not be verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unverified {
    /// The token is refused.
    Refused(TokenRefusal),
    /// The keys of the issuer are not available now, or may not be the newest.
    KeysUnavailable,
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
        if !issuer.is_named_by(&token) {
            return Err(Unverified::Refused(TokenRefusal::UnknownIssuer));
        }
        let jwks_uri = issuer.jwks_uri.as_deref();
        let location = KeyLocation { issuer: &issuer.issuer, jwks_uri, discovery };
        let keys = self.keys.keys(&location, &token, now).await;
        let keys = keys.ok_or(Unverified::KeysUnavailable)?;
        verify_signature(token, &keys).map_err(|refusal| match refusal {
            // It may be a new key: the keys were fetched less than a minute ago, or the last fetch
            // failed. A refusal would be final, and the signal would be lost.
            TokenRefusal::UnknownKey if !self.keys.are_current(&location, now) => {
                Unverified::KeysUnavailable
            }
            refusal => Unverified::Refused(refusal),
        })
    }

    /// Puts signals into the queue, and says how many. If that fails, the transmitter must repeat
    /// its request.
    pub(crate) async fn enqueue(
        &self,
        request: &TransmitterRequest<'_>,
        signals: Vec<UserSignal>,
    ) -> Result<SignalOutcome, SignalAnswer> {
        let transmitter = request.transmitter;
        let messages: Vec<_> = signals
            .into_iter()
            .map(|signal| SignalMessage {
                transmitter: transmitter.name.clone(),
                source: transmitter.settings.source(),
                mode: transmitter.mode,
                kind: signal.kind,
                user: signal.user,
                occurred_at: signal.occurred_at,
                accepted_at: request.arrived_at,
                resolution: signal.resolution,
                event_id: signal.event_id,
                reason: signal.reason,
            })
            .collect();
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
