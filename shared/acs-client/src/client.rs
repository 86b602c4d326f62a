//! The client, and the retry loop that its operations share.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use identity_core::{Error, ports::Clock, secret::Secret};
use reqwest::Client;
use tracing::{debug, warn};

use crate::{
    auth::credential::Pass,
    call::{
        attempt::Call,
        cause::Cause,
        error::{Silence, Unanswered},
        hold::Holds,
        jitter::Dice,
        operation::Operation,
        response::{Answer, Verdict},
        retry::{self, ATTEMPTS},
    },
    config::Config,
    config_error::ConfigError,
    http::{connections::read_capped, text::chain},
};

/// A client of one ACS resource. Share one client: it holds the connections.
///
/// The operations on identities are those of the port
/// [`IdentityClient`](identity_core::ports::IdentityClient); those for Teams are methods of the
/// client. Every call ends by its `deadline`.
pub struct AcsIdentityClient<C> {
    config: Config,
    http: Client,
    clock: C,
    dice: Dice,
    holds: Holds,
}

/// The request of an operation.
pub(crate) struct Wanted<'a> {
    pub(crate) operation: Operation,
    /// Percent-encoded where necessary.
    pub(crate) path: &'a str,
    pub(crate) body: Vec<u8>,
    /// A user's bearer token, if the request carries it in place of the client's credential.
    pub(crate) user_token: Option<&'a Secret>,
}

impl<C: Clock> AcsIdentityClient<C> {
    /// Creates a client that takes the time from `clock`. It opens no connection yet.
    pub fn new(config: Config, clock: C) -> Result<Self, ConfigError> {
        let (http, dice, holds) = (config.http()?, Dice::new(), Holds::default());
        Ok(Self { config, http, clock, dice, holds })
    }

    /// Opens a connection in advance, so that the first call need not wait for it.
    ///
    /// Requests the root of the endpoint, without a credential, and ignores the response. A
    /// failure is only logged: the first call connects again, and reports its error.
    pub async fn connect(&self) {
        let root = self.config.endpoint.root().clone();
        let request = self.http.get(root).timeout(self.config.limits.attempt);
        let outcome = async { read_capped(&mut request.send().await?).await }.await;
        if let Err(error) = outcome {
            debug!(error = chain(&error.without_url()), "could not connect to ACS in advance");
        }
    }

    /// Sends a request, and retries it if that is safe, until it succeeds or `deadline` is near.
    pub(crate) async fn call(
        &self,
        wanted: Wanted<'_>,
        deadline: SystemTime,
    ) -> Result<Answer, Error> {
        let Wanted { operation, path, body, user_token } = wanted;
        let call = Call {
            operation,
            url: self.config.endpoint.url(path, &self.config.api_version),
            body,
            request_id: self.dice.request_id(),
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
            let pass;
            (pass, outcome) = self.attempt(&call, user_token, end).await;
            if number < attempts.max(2)
                && !has_new_key
                && self.is_key_replaced(pass.as_ref(), &outcome, end).await
            {
                // ACS has checked only the signature, so even a creation may be sent again.
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
                acs.status = outcome.as_ref().ok().map(|answer| answer.status),
                error = outcome.as_ref().err().map(|error| chain(error)),
                "ACS did not do it; asking again"
            );
            self.clock.sleep(pause).await;
        }
        self.conclude(operation, outcome, maybe_applied)
    }

    /// Refuses an operation that is held. It also does so between two attempts, because another
    /// call may have been throttled meanwhile.
    ///
    /// `Throttled` says that ACS did nothing, and that holds for an earlier attempt, too: a
    /// creation is repeated only if ACS has not seen it, and if a response with a token was
    /// lost, no caller has that token.
    fn check_hold(&self, call: &Call) -> Result<(), Error> {
        let Some(retry_after) = self.holds.left(call.operation, self.clock.now()) else {
            return Ok(());
        };
        debug!(
            acs.operation = call.operation.name(),
            acs.request_id = call.request_id,
            metric.acs_held = 1_u64,
            "request not sent: ACS has throttled this operation"
        );
        Err(Error::Throttled { retry_after, source: call.unanswered(Silence::Held).into() })
    }

    /// Makes one attempt. Also returns the credential that it carried.
    async fn attempt(
        &self,
        call: &Call,
        user_token: Option<&Secret>,
        end: SystemTime,
    ) -> (Option<Pass>, Result<Answer, Unanswered>) {
        let Config { endpoint, credential, limits, .. } = &self.config;
        let (now, left) = self.time_left(end);
        let pass = match user_token {
            Some(_) if !self.config.may_send_bearer() => {
                return (None, Err(call.unanswered(Silence::BearerOverHttp)));
            }
            Some(token) => Pass::Bearer(token.clone()),
            None => match credential.pass(now, left.min(limits.attempt)).await {
                Ok(pass) => pass,
                Err(error) => return (None, Err(call.unanswered(Silence::NoBearer(error)))),
            },
        };
        // Fetching a token may have taken some time.
        let (now, left) = self.time_left(end);
        let limit = left.min(limits.attempt);
        let outcome = call.attempt(&self.http, endpoint, &pass, now, limit).await;
        self.count(call, &outcome, now);
        (Some(pass), outcome)
    }

    /// Records the metrics of an attempt.
    fn count(&self, call: &Call, outcome: &Result<Answer, Unanswered>, began: SystemTime) {
        let took = self.clock.now().duration_since(began).unwrap_or_default();
        let status = outcome.as_ref().ok().map(|answer| answer.status);
        debug!(
            acs.operation = call.operation.name(),
            acs.request_id = call.request_id,
            acs.status = status,
            metric.acs_latency_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            metric.acs_throttled = u64::from(status == Some(429)),
            metric.acs_failed = u64::from(status.is_none_or(|status| status >= 500)),
            "ACS was asked"
        );
    }

    /// Whether ACS refused the access key, and another key is in use now.
    async fn is_key_replaced(
        &self,
        pass: Option<&Pass>,
        outcome: &Result<Answer, Unanswered>,
        end: SystemTime,
    ) -> bool {
        let (now, left) = self.time_left(end);
        let Config { endpoint, credential, limits, .. } = &self.config;
        match (pass, outcome) {
            (Some(Pass::Key(key)), Ok(answer)) if answer.refuses_key(now) => {
                credential.replace(key, endpoint, now, left.min(limits.attempt)).await
            }
            _ => false,
        }
    }

    /// The current time, and the time left until `end`. The time left is at most the limit of a
    /// whole call, even if the clock is set back meanwhile.
    fn time_left(&self, end: SystemTime) -> (SystemTime, Duration) {
        let now = self.clock.now();
        (now, end.duration_since(now).unwrap_or_default().min(self.config.limits.call))
    }

    /// How long to wait before the retry; `None` if there is no retry.
    fn pause(
        &self,
        number: u32,
        operation: Operation,
        outcome: &Result<Answer, Unanswered>,
    ) -> Option<Duration> {
        if number == ATTEMPTS || !retry::is_repeatable(operation, outcome) {
            return None;
        }
        let asked = match outcome {
            Ok(Answer { status: 503, retry_after, .. }) => *retry_after,
            _ => None,
        };
        retry::pause(number, asked, self.dice.roll())
    }

    fn conclude(
        &self,
        operation: Operation,
        outcome: Result<Answer, Unanswered>,
        earlier: bool,
    ) -> Result<Answer, Error> {
        let maybe_applied = earlier || may_be_applied(&outcome);
        let answer = outcome.map_err(|error| match &error.why {
            Silence::BearerOverHttp => Error::AcsRefused(error.into()),
            Silence::NoBearer(reason) if !reason.may_pass() => Error::AcsRefused(error.into()),
            _ => Error::AcsUnavailable { maybe_applied, source: error.into() },
        })?;
        let now = self.clock.now();
        match answer.verdict(operation, now) {
            Verdict::Done => Ok(answer),
            Verdict::Throttled(answered) => {
                let asked = answer.retry_after;
                let held = self.holds.begin(operation, asked, now, self.dice.roll());
                let retry_after = held.unwrap_or_else(|| retry::bounded(asked));
                Err(Error::Throttled { retry_after, source: answered.into() })
            }
            Verdict::Unavailable(answered) => {
                Err(Error::AcsUnavailable { maybe_applied, source: answered.into() })
            }
            Verdict::Refused(answered) => {
                if let Cause::ClockSkew { ahead_s } = answered.cause() {
                    warn!(clock.skew_s = ahead_s, "ACS refuses our signature because of its date");
                }
                Err(Error::AcsRefused(answered.into()))
            }
            Verdict::Foreign(answered) => Err(Error::ForeignIdentity(answered.into())),
        }
    }
}

impl<C> fmt::Debug for AcsIdentityClient<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AcsIdentityClient").field("config", &self.config).finish_non_exhaustive()
    }
}

/// Lets the runtime process network events before a kept connection is used.
///
/// A function is frozen between two invocations, and a server closes idle connections. Without
/// this step, the client would write a request to a closed connection. A creation would then be
/// lost, because it must not be repeated. The first yield lets the runtime poll the network, the
/// second lets the connections process what it found.
async fn notice_closed_connections() {
    tokio::task::yield_now().await;
    tokio::task::yield_now().await;
}

/// Whether ACS may have done the operation.
fn may_be_applied(outcome: &Result<Answer, Unanswered>) -> bool {
    match outcome {
        Ok(answer) => answer.status != 429,
        Err(error) => error.maybe_applied(),
    }
}

/// The error for a 2xx response with an unusable body.
pub(crate) fn nonsense(answer: &Answer, operation: Operation) -> Error {
    let source = answer.nonsense(operation).into();
    Error::AcsUnavailable { maybe_applied: true, source }
}

pub(crate) const UNWRITABLE: Error = Error::Internal("a request to ACS cannot be written as JSON");

/// ACS needs about 0.1 s. With less time than this, most attempts would end with an unknown
/// outcome.
const SHORTEST_ATTEMPT: Duration = Duration::from_millis(250);
