//! The adapter: one method per operation, and the loop they share.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use identity_core::{
    Error,
    identity::{AccessToken, AcsId, TokenRequest},
    ports::{Clock, IdentityClient},
};
use reqwest::Client;
use tracing::{debug, warn};

use crate::{
    Config, ConfigError,
    answer::{Answer, Operation, Verdict},
    error::{Unanswered, chain},
    retry::{self, ATTEMPTS, Dice},
    transport::{Call, read_capped},
    wire,
};

/// A client of one ACS resource. Share it: it holds the connections.
pub struct AcsIdentityClient<C> {
    config: Config,
    http: Client,
    clock: C,
    dice: Dice,
}

impl<C: Clock> AcsIdentityClient<C> {
    /// A client that takes the time from `clock`. Connects to nothing yet.
    pub fn new(config: Config, clock: C) -> Result<Self, ConfigError> {
        Ok(Self { http: config.http()?, config, clock, dice: Dice::new() })
    }

    /// Opens a connection in advance, so that the first call need not wait for it.
    ///
    /// Asks for the root of the endpoint, without a signature, and ignores the
    /// answer. A failure is only logged: the first call tries again, and tells.
    pub async fn connect(&self) {
        let root = self.config.connection_string.endpoint.root().clone();
        let request = self.http.get(root).timeout(self.config.limits.attempt);
        let outcome = async { read_capped(&mut request.send().await?).await }.await;
        if let Err(error) = outcome {
            debug!(error = chain(&error.without_url()), "could not connect to ACS in advance");
        }
    }

    /// Sends a request, again if that is safe, until it is done or `deadline` is
    /// near.
    async fn call(
        &self,
        operation: Operation,
        path: &str,
        body: Vec<u8>,
        deadline: SystemTime,
    ) -> Result<Answer, Error> {
        let Config { connection_string, api_version, limits, .. } = &self.config;
        let call = Call {
            operation,
            url: connection_string.endpoint.url(path, api_version),
            body,
            request_id: self.dice.request_id(),
        };
        let end = deadline.min(self.clock.now() + limits.call);
        let mut outcome = Err(Unanswered::NoTime { operation: operation.name() });
        let mut maybe_applied = false;
        for number in 1..=ATTEMPTS {
            let (now, left) = self.time_left(end);
            if left < SHORTEST_ATTEMPT {
                break;
            }
            notice_closed_connections().await;
            outcome =
                call.attempt(&self.http, connection_string, now, left.min(limits.attempt)).await;
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

    /// The time, and how much of it is left. Never more than a whole call may take,
    /// even if the clock is set back meanwhile.
    fn time_left(&self, end: SystemTime) -> (SystemTime, Duration) {
        let now = self.clock.now();
        (now, end.duration_since(now).unwrap_or_default().min(self.config.limits.call))
    }

    /// How long to wait before sending it again; `None` if it is not sent again.
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
            Ok(Answer { status: 429 | 503, retry_after, .. }) => *retry_after,
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
        let answer = outcome
            .map_err(|error| Error::AcsUnavailable { maybe_applied, source: error.into() })?;
        match answer.verdict(operation, self.clock.now()) {
            Verdict::Done => Ok(answer),
            Verdict::Throttled => {
                Err(Error::Throttled { retry_after: retry::bounded(answer.retry_after) })
            }
            Verdict::Unavailable(answered) => {
                Err(Error::AcsUnavailable { maybe_applied, source: answered.into() })
            }
            Verdict::Refused(answered) => Err(Error::AcsRefused(answered.into())),
        }
    }
}

impl<C: Clock> IdentityClient for AcsIdentityClient<C> {
    async fn create_identity(&self, deadline: SystemTime) -> Result<AcsId, Error> {
        let answer = self.call(Operation::Create, "/identities", Vec::new(), deadline).await?;
        wire::read_identity(&answer.body.0).ok_or_else(|| nonsense(&answer, Operation::Create))
    }

    async fn create_identity_with_token(
        &self,
        token: &TokenRequest,
        deadline: SystemTime,
    ) -> Result<(AcsId, AccessToken), Error> {
        let body = wire::create_with_token(token).ok_or(UNWRITABLE)?;
        let answer = self.call(Operation::Create, "/identities", body, deadline).await?;
        wire::read_identity_with_token(&answer.body.0)
            .ok_or_else(|| nonsense(&answer, Operation::Create))
    }

    async fn issue_access_token(
        &self,
        identity: &AcsId,
        token: &TokenRequest,
        deadline: SystemTime,
    ) -> Result<AccessToken, Error> {
        let body = wire::issue(token).ok_or(UNWRITABLE)?;
        let path = format!("{}/:issueAccessToken", path(identity));
        let answer = self.call(Operation::Issue, &path, body, deadline).await?;
        wire::read_token(&answer.body.0).ok_or_else(|| nonsense(&answer, Operation::Issue))
    }

    async fn revoke_access_tokens(
        &self,
        identity: &AcsId,
        deadline: SystemTime,
    ) -> Result<(), Error> {
        let path = format!("{}/:revokeAccessTokens", path(identity));
        self.call(Operation::Revoke, &path, Vec::new(), deadline).await.map(drop)
    }

    async fn delete_identity(&self, identity: &AcsId, deadline: SystemTime) -> Result<(), Error> {
        self.call(Operation::Delete, &path(identity), Vec::new(), deadline).await.map(drop)
    }
}

impl<C> fmt::Debug for AcsIdentityClient<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AcsIdentityClient").field("config", &self.config).finish_non_exhaustive()
    }
}

/// Lets the runtime hear from the network before a kept connection is used.
///
/// A function is frozen between two invocations, and a server closes what is idle.
/// If nobody has looked since, a request would be written to the dead connection,
/// and for a creation that means: lost, and not to be repeated. The first yield
/// lets the runtime poll the network, the second lets the connections act on it.
async fn notice_closed_connections() {
    tokio::task::yield_now().await;
    tokio::task::yield_now().await;
}

/// An ACS id has no other character that needs an escape.
fn path(identity: &AcsId) -> String {
    format!("/identities/{}", identity.as_str().replace(':', "%3A"))
}

/// Whether ACS may have done what it was asked.
fn may_be_applied(outcome: &Result<Answer, Unanswered>) -> bool {
    match outcome {
        Ok(answer) => answer.status != 429,
        Err(error) => error.maybe_applied(),
    }
}

fn nonsense(answer: &Answer, operation: Operation) -> Error {
    let source = answer.nonsense(operation).into();
    Error::AcsUnavailable { maybe_applied: true, source }
}

const UNWRITABLE: Error = Error::Internal("a request to ACS cannot be written as JSON");

/// ACS needs about 0.1 s. With less time than this, an attempt would mostly end in
/// not knowing.
const SHORTEST_ATTEMPT: Duration = Duration::from_millis(250);
