//! One run over one stream: fetch, store, acknowledge, until nothing is left or the time is up.

use std::time::{Instant, SystemTime};

use event_queue::{EventQueue, SignalMessage};
use security_events::ssf::SetReading;
use serde_json::{Map, Value, json};
use tracing::{info, warn};

use crate::config::PolledStream;
use crate::set_verifier::{SetVerifier, UnreadSet};
use crate::stream_api::{LIMIT, PollAnswer, PollRequest, StreamApi, StreamError};

/// How many SETs a request asks for.
const BATCH: usize = 25;

/// The most requests of a run. The next run continues.
const MAX_REQUESTS: usize = 100;

/// A run over one stream.
pub(crate) struct PollRun<'a, Q> {
    pub(crate) stream: &'a PolledStream,
    pub(crate) api: &'a StreamApi,
    pub(crate) verifier: &'a SetVerifier,
    pub(crate) queue: &'a Q,
    /// The time that is compared with times in SETs.
    pub(crate) now: SystemTime,
    /// SETs are fetched until then.
    pub(crate) until: Instant,
    /// The last acknowledgement ends before this.
    pub(crate) end: Instant,
}

/// How many SETs of a run had which outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PollOutcome {
    /// Signals that are in the queue.
    pub(crate) accepted: usize,
    /// SETs that change nothing.
    pub(crate) ignored: usize,
    /// SETs that are refused; the transmitter does not send them again.
    pub(crate) refused: usize,
    /// SETs that stay at the transmitter, because its keys were not available.
    pub(crate) postponed: usize,
    /// Verification events of the stream.
    pub(crate) verified: usize,
    /// Changes of the stream's status by the transmitter.
    pub(crate) updated: usize,
}

impl<Q: EventQueue> PollRun<'_, Q> {
    /// Runs. What is not acknowledged when it fails is sent again to the next run.
    pub(crate) async fn run(&self) -> Result<PollOutcome, StreamError> {
        let mut outcome = PollOutcome::default();
        let mut request = PollRequest::next();
        for _ in 0..MAX_REQUESTS {
            let answer = self.api.poll(&request, self.until).await?;
            request = self.settle(&answer, &mut outcome).await?;
            let is_last = !answer.more_available || Instant::now() + LIMIT > self.until;
            // Without anything settled, the same SETs would be fetched again.
            if is_last || !request.settles() {
                break;
            }
        }
        if request.settles() {
            request.max_events = 0;
            self.api.poll(&request, self.end).await?;
        }
        Ok(outcome)
    }

    /// Stores what the SETs say, and returns the request that acknowledges or refuses them.
    async fn settle(
        &self,
        answer: &PollAnswer,
        outcome: &mut PollOutcome,
    ) -> Result<PollRequest, StreamError> {
        let mut request = PollRequest::next();
        for (jti, set) in &answer.sets {
            let set = set.as_str().unwrap_or_default();
            match self.verifier.read(set, &self.stream.settings, self.now).await {
                Ok(reading) => {
                    self.store(reading, outcome).await?;
                    request.ack.push(jti.clone());
                }
                Err(UnreadSet::Refused(error)) => {
                    outcome.refused += 1;
                    warn!(
                        transmitter = self.stream.transmitter.name,
                        err = error.code.as_str(),
                        "signal refused"
                    );
                    let error =
                        json!({ "err": error.code.as_str(), "description": error.description });
                    request.set_errs.insert(jti.clone(), error);
                }
                Err(UnreadSet::KeysUnavailable) => outcome.postponed += 1,
            }
        }
        Ok(request)
    }

    async fn store(
        &self,
        reading: SetReading,
        outcome: &mut PollOutcome,
    ) -> Result<(), StreamError> {
        match reading {
            SetReading::Signals(signals) => {
                let transmitter = &self.stream.transmitter;
                let message = |signal| SignalMessage::of(transmitter, signal, self.now);
                let messages: Vec<_> = signals.into_iter().map(message).collect();
                self.queue.send(&messages).await?;
                outcome.accepted += messages.len();
            }
            SetReading::Verification => outcome.verified += 1,
            SetReading::StreamUpdated(status) => {
                outcome.updated += 1;
                warn!(
                    transmitter = self.stream.transmitter.name,
                    status, "stream updated by transmitter"
                );
            }
            SetReading::Ignored(_) => outcome.ignored += 1,
        }
        Ok(())
    }
}

impl PollRequest {
    fn next() -> Self {
        Self { max_events: BATCH, return_immediately: true, ack: Vec::new(), set_errs: Map::new() }
    }

    /// Whether it acknowledges or refuses a SET.
    fn settles(&self) -> bool {
        !self.ack.is_empty() || !self.set_errs.is_empty()
    }
}

impl PollOutcome {
    /// Writes the log line, in whose fields CloudWatch counts the metrics.
    pub(crate) fn log(self, transmitter: &str) {
        info!(
            transmitter,
            metric.signals_accepted = self.accepted,
            metric.signals_ignored = self.ignored,
            metric.signals_refused = self.refused,
            metric.signals_failed = self.postponed,
            metric.streams_verified = self.verified,
            metric.streams_updated = self.updated,
            "stream polled"
        );
    }

    /// The counts for the response.
    pub(crate) fn to_json(self) -> Value {
        json!({
            "accepted": self.accepted,
            "ignored": self.ignored,
            "refused": self.refused,
            "postponed": self.postponed,
            "verified": self.verified,
            "updated": self.updated,
        })
    }
}
