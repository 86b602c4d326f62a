//! Finds the transmitter of a request, and lets its kind handle it.

use std::time::Instant;

use event_queue::EventQueue;
use identity_core::ports::Clock;
use issuer_keys::{HttpsClientError, IssuerKeyCache};
use lambda_edge::correlation_id;
use lambda_http::http::Method;
use lambda_http::{Body, Request, Response};
use security_events::{TransmitterSettings, Transmitters};
use tracing::error;

use crate::answer::SignalAnswer;
use crate::intake::{SignalIntake, TransmitterRequest};
use crate::kinds::{
    apple, back_channel_logout, event_grid, global_token_revocation, google, graph, ssf,
};
use crate::secret_cache::{SecretCache, SecretSource};
use crate::{request, signal_log};

/// Receives the signals of all configured transmitters.
pub(crate) struct Receiver<S, Q> {
    transmitters: Transmitters,
    intake: SignalIntake<S, Q>,
}

impl<S: SecretSource, Q: EventQueue> Receiver<S, Q> {
    /// Receives the signals of `transmitters`.
    pub(crate) fn new(
        transmitters: Transmitters,
        secrets: SecretCache<S>,
        queue: Q,
    ) -> Result<Self, HttpsClientError> {
        // Only a development transmitter is on this machine.
        let https_only = transmitters.iter().all(|one| !one.settings.is_on_this_machine());
        let keys = IssuerKeyCache::new(https_only)?;
        Ok(Self { transmitters, intake: SignalIntake { secrets, keys, queue } })
    }

    /// Reads the secret, and reports a name in it that is not configured: a misspelled name
    /// would leave a transmitter without its secret.
    pub(crate) async fn prepare(&self, now: Instant) {
        if self.intake.secrets.refresh(false, now).await.is_err() {
            return;
        }
        for name in self.intake.secrets.names() {
            if self.transmitters.find(&name).is_none() {
                error!(transmitter = name, "the secret names a transmitter that is not configured");
            }
        }
    }

    /// All configured transmitters.
    pub(crate) fn transmitters(&self) -> &Transmitters {
        &self.transmitters
    }

    /// The secrets and the queue.
    pub(crate) fn intake(&self) -> &SignalIntake<S, Q> {
        &self.intake
    }

    /// Answers a request, and writes its log line.
    pub(crate) async fn receive(
        &self,
        http: &Request,
        clock: &impl Clock,
        now: Instant,
    ) -> Response<Body> {
        let arrived_at = clock.now();
        let transmitter = self.transmitters.find(&request::transmitter_name(http));
        let answer = match transmitter {
            Some(transmitter) => {
                let request = TransmitterRequest { transmitter, http, arrived_at, now };
                self.receive_kind(&request).await
            }
            None => SignalAnswer::unknown_transmitter(),
        };
        let duration = clock.now().duration_since(arrived_at).unwrap_or_default();
        let request_id = correlation_id(http);
        signal_log::write(transmitter, &answer, &request_id, duration);
        answer.into_response(&request_id)
    }

    async fn receive_kind(&self, request: &TransmitterRequest<'_>) -> SignalAnswer {
        if request.http.method() == Method::OPTIONS {
            return event_grid::answer_handshake(request.http, &request.transmitter.settings);
        }
        match &request.transmitter.settings {
            TransmitterSettings::Ssf(settings) => {
                ssf::receive(&self.intake, request, settings).await
            }
            TransmitterSettings::BackChannelLogout(settings) => {
                back_channel_logout::receive(&self.intake, request, settings).await
            }
            TransmitterSettings::GlobalTokenRevocation(settings) => {
                global_token_revocation::receive(&self.intake, request, settings).await
            }
            TransmitterSettings::Apple(settings) => {
                apple::receive(&self.intake, request, settings).await
            }
            TransmitterSettings::Google(settings) => {
                google::receive(&self.intake, request, settings).await
            }
            TransmitterSettings::Graph(settings) => {
                graph::receive(&self.intake, request, settings).await
            }
            // This kind has no handler here.
            TransmitterSettings::Scim(_) => SignalAnswer::unknown_transmitter(),
        }
    }
}
