//! The client, and the retry loop of all its operations.

use std::fmt;
use std::time::{Duration, SystemTime};

use identity_core::Error;
use identity_core::phone::ResourceAccountName;
use identity_core::ports::Clock;
use identity_core::secret::Secret;
use reqwest::Client;
use serde::Serialize;
use tracing::{debug, warn};

use crate::auth::RequestCredential;
use crate::call::retry::{self, ATTEMPTS};
use crate::call::{
    AcsCall, AcsOperation, AcsResponse, AttemptResult, ErrorCause, Holds, Jitter, ResponseClass,
    Silence, Unanswered,
};
use crate::config::Config;
use crate::config_error::ClientConfigError;
use crate::http::{chain, read_capped};

/// A client of one ACS resource. Share one client, because it keeps the connections.
///
/// The operations on identities are those of the port
/// [`IdentityClient`](identity_core::ports::IdentityClient); those for Teams are methods of the
/// client. Every call ends before its `deadline`.
pub struct AcsIdentityClient<C> {
    config: Config,
    http: Client,
    clock: C,
    jitter: Jitter,
    holds: Holds,
}

/// The request of an operation.
pub(crate) struct OperationRequest<'a> {
    pub(crate) operation: AcsOperation,
    /// Percent-encoded where necessary.
    pub(crate) path: &'a str,
    pub(crate) body: Vec<u8>,
    /// A user's bearer token, which the request then carries instead of the client's credential.
    pub(crate) user_token: Option<&'a Secret>,
}

impl<C: Clock> AcsIdentityClient<C> {
    /// Creates a client that takes the time from `clock`. It opens no connection yet.
    pub fn new(config: Config, clock: C) -> Result<Self, ClientConfigError> {
        let (http, jitter, holds) = (config.http()?, Jitter::new(), Holds::default());
        Ok(Self { config, http, clock, jitter, holds })
    }

    /// The same client, with this spelling of a Teams resource account.
    #[must_use]
    pub fn spelling_resource_accounts(mut self, name: ResourceAccountName) -> Self {
        self.config.resource_account_name = name;
        self
    }

    /// Opens a connection in advance, so that the first call need not wait for it.
    ///
    /// Requests the root of the endpoint, without a credential, and ignores the response. A
    /// failure is only logged, because the first call connects again and reports its own error.
    pub async fn connect(&self) {
        let root = self.config.endpoint.root().clone();
        let request = self.http.get(root).timeout(self.config.limits.attempt);
        let outcome = async { read_capped(&mut request.send().await?).await }.await;
        if let Err(error) = outcome {
            debug!(error = chain(&error.without_url()), "connecting to ACS in advance failed");
        }
    }

    /// How the client spells a Teams resource account.
    pub(crate) fn resource_account_name(&self) -> ResourceAccountName {
        self.config.resource_account_name
    }

    /// The error for a request of `operation` that is not sent at all.
    pub(crate) fn not_sent(&self, operation: AcsOperation, why: Silence) -> Unanswered {
        Unanswered { operation: operation.name(), request_id: self.jitter.request_id(), why }
    }

    /// Whether requests of `operation` are not sent now, because ACS has throttled an earlier one.
    pub(crate) fn is_held(&self, operation: AcsOperation) -> bool {
        self.holds.left(operation, self.clock.now()).is_some()
    }

    /// Sends a request, and retries it if that is safe, until it succeeds or `deadline` is near.
    pub(crate) async fn call(
        &self,
        request: OperationRequest<'_>,
        deadline: SystemTime,
    ) -> Result<AcsResponse, Error> {
        let OperationRequest { operation, path, body, user_token } = request;
        let call = AcsCall {
            operation,
            url: self.config.endpoint.url(path, &self.config.api_version),
            body,
            request_id: self.jitter.request_id(),
        };
        let end = deadline.min(self.clock.now() + self.config.limits.call);
        let mut outcome = Err(call.unanswered(Silence::NoTime));
        let (mut maybe_applied, mut has_new_key) = (false, false);
        let attempts = self.config.limits.attempts.clamp(1, ATTEMPTS);
        for number in 1..=attempts.max(2) {
            self.check_hold(&call)?;
            if self.time_left(end).1 < SHORTEST_ATTEMPT {
                break;
            }
            notice_closed_connections().await;
            let used;
            (used, outcome) = self.attempt(&call, user_token, end).await;
            if number < attempts.max(2)
                && !has_new_key
                && self.is_key_replaced(used.as_ref(), &outcome, end).await
            {
                // ACS checked only the signature, so it is safe to send even a creation again.
                has_new_key = true;
                continue;
            }
            if number >= attempts {
                break;
            }
            let Some(pause) = self.pause(number, operation, &outcome) else { break };
            if self.time_left(end).1 < pause + SHORTEST_ATTEMPT {
                break;
            }
            maybe_applied |= may_be_applied(&outcome);
            warn!(
                acs.operation = operation.name(),
                acs.request_id = call.request_id,
                acs.status = outcome.as_ref().ok().map(|response| response.status),
                error = outcome.as_ref().err().map(|error| chain(error)),
                "request to ACS failed: retrying"
            );
            self.clock.sleep(pause).await;
        }
        self.conclude(operation, outcome, maybe_applied)
    }

    /// Returns an error if the operation is held. This is checked before each attempt, because
    /// another call may have been throttled in the meantime.
    ///
    /// `Throttled` means that ACS did nothing. This is also true after an earlier attempt: a
    /// creation is retried only if ACS has not received it, and a token whose response was lost
    /// was not given to a caller. An assignment is never held.
    fn check_hold(&self, call: &AcsCall) -> Result<(), Error> {
        let Some(retry_after) = self.holds.left(call.operation, self.clock.now()) else {
            return Ok(());
        };
        debug!(
            acs.operation = call.operation.name(),
            acs.request_id = call.request_id,
            metric.acs_held = 1_u64,
            "request to ACS not sent: the operation is held after a 429"
        );
        Err(Error::Throttled { retry_after, source: call.unanswered(Silence::Held).into() })
    }

    /// Makes one attempt. Also returns the credential that it used.
    async fn attempt(
        &self,
        call: &AcsCall,
        user_token: Option<&Secret>,
        end: SystemTime,
    ) -> (Option<RequestCredential>, AttemptResult) {
        let Config { endpoint, credential, limits, .. } = &self.config;
        let (now, left) = self.time_left(end);
        let used = match user_token {
            Some(_) if !self.config.may_send_bearer() => {
                return (None, Err(call.unanswered(Silence::BearerOverHttp)));
            }
            Some(token) => RequestCredential::Bearer(token.clone()),
            None => match credential.for_request(now, left.min(limits.attempt)).await {
                Ok(used) => used,
                Err(error) => return (None, Err(call.unanswered(Silence::NoBearer(error)))),
            },
        };
        // Fetching a token takes time.
        let (now, left) = self.time_left(end);
        let limit = left.min(limits.attempt);
        let outcome = call.attempt(&self.http, endpoint, &used, now, limit).await;
        self.count(call, &outcome, now);
        (Some(used), outcome)
    }

    /// Records the metrics of an attempt.
    fn count(&self, call: &AcsCall, outcome: &AttemptResult, began: SystemTime) {
        let took = self.clock.now().duration_since(began).unwrap_or_default();
        let status = outcome.as_ref().ok().map(|response| response.status);
        debug!(
            acs.operation = call.operation.name(),
            acs.request_id = call.request_id,
            acs.status = status,
            metric.acs_latency_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            metric.acs_throttled = u64::from(status == Some(429)),
            metric.acs_failed = u64::from(status.is_none_or(|status| status >= 500)),
            "ACS request finished"
        );
    }

    /// Whether ACS refused the access key, and another key is in use now.
    async fn is_key_replaced(
        &self,
        used: Option<&RequestCredential>,
        outcome: &AttemptResult,
        end: SystemTime,
    ) -> bool {
        let (now, left) = self.time_left(end);
        let Config { endpoint, credential, limits, .. } = &self.config;
        match (used, outcome) {
            (Some(RequestCredential::Key(key)), Ok(response)) if response.refuses_key(now) => {
                credential.replace(key, endpoint, now, left.min(limits.attempt)).await
            }
            _ => false,
        }
    }

    /// The current time, and the time left until `end`. The time left never exceeds the limit of a
    /// whole call, even if the clock is set back during the call.
    fn time_left(&self, end: SystemTime) -> (SystemTime, Duration) {
        let now = self.clock.now();
        (now, end.duration_since(now).unwrap_or_default().min(self.config.limits.call))
    }

    /// The pause before the next attempt; `None` if the request must not be sent again.
    fn pause(
        &self,
        number: u32,
        operation: AcsOperation,
        outcome: &AttemptResult,
    ) -> Option<Duration> {
        if number == ATTEMPTS || !retry::is_repeatable(operation, outcome) {
            return None;
        }
        let retry_after = match outcome {
            Ok(AcsResponse { status: 503, retry_after, .. }) => *retry_after,
            _ => None,
        };
        retry::pause(number, retry_after, self.jitter.next())
    }

    /// Converts the outcome of the last attempt. `earlier`: whether ACS may have performed the
    /// operation in an earlier attempt.
    fn conclude(
        &self,
        operation: AcsOperation,
        outcome: AttemptResult,
        earlier: bool,
    ) -> Result<AcsResponse, Error> {
        match self.conclude_last(operation, outcome, earlier) {
            // Callers take `Throttled` and `AcsRefused` as proof that ACS does not have the
            // assignment. That is true for the last attempt only.
            Err(Error::Throttled { source, .. } | Error::AcsRefused(source))
                if earlier && operation == AcsOperation::PutAssignment =>
            {
                Err(Error::AcsUnavailable { maybe_applied: true, source })
            }
            concluded => concluded,
        }
    }

    fn conclude_last(
        &self,
        operation: AcsOperation,
        outcome: AttemptResult,
        earlier: bool,
    ) -> Result<AcsResponse, Error> {
        let maybe_applied = earlier || may_be_applied(&outcome);
        let response = outcome.map_err(|error| match &error.why {
            Silence::BearerOverHttp => Error::AcsRefused(error.into()),
            Silence::NoBearer(reason) if !reason.is_retryable() => Error::AcsRefused(error.into()),
            _ => Error::AcsUnavailable { maybe_applied, source: error.into() },
        })?;
        let now = self.clock.now();
        match response.classify(operation, now) {
            ResponseClass::Done => Ok(response),
            ResponseClass::Throttled(answered) => {
                let asked = response.retry_after;
                let held = self.holds.begin(operation, asked, now, self.jitter.next());
                let retry_after = held.unwrap_or_else(|| retry::bounded(asked));
                Err(Error::Throttled { retry_after, source: answered.into() })
            }
            ResponseClass::Unavailable(answered) => {
                Err(Error::AcsUnavailable { maybe_applied, source: answered.into() })
            }
            ResponseClass::Refused(answered) => {
                if let ErrorCause::ClockSkew { ahead_s } = answered.cause() {
                    warn!(clock.skew_s = ahead_s, "ACS refused the request: clock skew");
                }
                Err(Error::AcsRefused(answered.into()))
            }
            ResponseClass::Foreign(answered) => Err(Error::ForeignIdentity(answered.into())),
        }
    }
}

impl<C> fmt::Debug for AcsIdentityClient<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AcsIdentityClient").field("config", &self.config).finish_non_exhaustive()
    }
}

/// Lets the runtime process network events before an idle connection is used.
///
/// A function is frozen between two invocations, and meanwhile the server closes idle
/// connections. Without this step, the client would write a request to a closed connection, and a
/// creation would then fail, because it must not be retried. The first yield lets the runtime poll
/// the network, the second lets the connections process the events.
async fn notice_closed_connections() {
    tokio::task::yield_now().await;
    tokio::task::yield_now().await;
}

/// Whether ACS may have performed the operation.
fn may_be_applied(outcome: &AttemptResult) -> bool {
    match outcome {
        Ok(response) => response.status != 429,
        Err(error) => error.maybe_applied(),
    }
}

/// The error for a 2xx response whose body is invalid.
pub(crate) fn invalid_body(response: &AcsResponse, operation: AcsOperation) -> Error {
    let source = response.invalid_body(operation).into();
    Error::AcsUnavailable { maybe_applied: true, source }
}

/// Serializes the body of a request.
pub(crate) fn json(body: &impl Serialize) -> Result<Vec<u8>, Error> {
    let failed = |_| Error::Internal("failed to serialize a request to ACS as JSON");
    serde_json::to_vec(body).map_err(failed)
}

/// ACS needs about 0.1 s to answer. If less time than this is left, an attempt would probably time
/// out, and its outcome would be unknown.
const SHORTEST_ATTEMPT: Duration = Duration::from_millis(250);
