//! Bearer tokens of Microsoft Entra, instead of an access key.

use std::{
    error::Error,
    future::Future,
    pin::Pin,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use identity_core::secret::Secret;
use tokio::time::{Instant, timeout_at};
use tracing::warn;

use crate::http::text::chain;

/// A source of bearer tokens for ACS.
///
/// Implement it for a credential that your machine has: a client secret (see
/// [`ClientSecretCredential`](crate::ClientSecretCredential)), a managed identity, or an AWS
/// token that Entra trusts. A source need not cache. The client fetches the first token when it
/// needs one, and the next one shortly before that expires. Only one caller fetches at a time.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let world = World::new().await?;
/// # let order = serde_json::json!({"aud": "https://communication.azure.com/"});
/// # let token = world.entra_token(order).await?.token;
/// # let World { server, clock, deadline, .. } = world;
/// # let endpoint = server.endpoint();
/// use std::time::{Duration, SystemTime};
///
/// use acs_client::{BearerToken, Credential, TokenError, TokenSource};
/// use identity_core::{ports::IdentityClient, secret::Secret};
///
/// /// The instance metadata of the machine, say.
/// struct Elsewhere(Secret);
///
/// impl TokenSource for Elsewhere {
///     async fn fetch(&self, now: SystemTime) -> Result<BearerToken, TokenError> {
///         Ok(BearerToken { token: self.0.clone(), expires_on: now + Duration::from_mins(59) })
///     }
/// }
///
/// let credential = Credential::bearer(Elsewhere(token));
/// let config = Config::with_credential(endpoint.parse()?, credential);
/// # let config = Config { bearer_over_loopback_http: true, ..config };
/// let acs = AcsIdentityClient::new(config, clock)?;
/// acs.create_identity(deadline).await?;
/// # Ok(())
/// # }
/// ```
pub trait TokenSource: Send + Sync {
    /// Fetches a token with the audience `https://communication.azure.com/`, for the scope
    /// [`ENTRA_SCOPE`]. The client drops the future if it takes longer than an attempt may.
    fn fetch(
        &self,
        now: SystemTime,
    ) -> impl Future<Output = Result<BearerToken, TokenError>> + Send;
}

/// The scope to request from Entra. Both slashes are right: the resource ends in one.
pub const ENTRA_SCOPE: &str = "https://communication.azure.com//.default";

/// A bearer token of Entra.
#[derive(Clone, Debug)]
pub struct BearerToken {
    /// The token, as it is sent after `Bearer `.
    pub token: Secret,
    /// When the token expires.
    pub expires_on: SystemTime,
}

/// Why there is no bearer token. The reasons are logged, so they must not hold a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The token was refused: the configuration is wrong, and a retry does not help.
    #[error("Entra gives no token")]
    Refused(#[source] Box<dyn Error + Send + Sync>),
    /// The token endpoint could not be reached, or it failed.
    #[error("the source of tokens is unavailable")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// The source returned no token in time.
    #[error("no token came in time")]
    TimedOut,
    /// The source returned something that is not a token, or an expired token.
    #[error("what came as a bearer token is none, or has expired")]
    Unusable,
}

impl TokenError {
    /// Whether a retry may help.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::TimedOut)
    }
}

/// The bearer tokens of a client.
pub(crate) struct Bearers {
    source: Box<dyn BoxedTokenSource>,
    kept: Mutex<Option<Kept>>,
    /// The caller that holds this lock fetches the token.
    fetching: tokio::sync::Mutex<()>,
}

struct Kept {
    token: BearerToken,
    /// When to fetch the next token.
    renew_at: SystemTime,
}

impl Bearers {
    pub(crate) fn new(source: impl TokenSource + 'static) -> Self {
        Self {
            source: Box::new(source),
            kept: Mutex::default(),
            fetching: tokio::sync::Mutex::default(),
        }
    }

    /// A valid token, within `limit`.
    pub(crate) async fn token(
        &self,
        now: SystemTime,
        limit: Duration,
    ) -> Result<Secret, TokenError> {
        let end = Instant::now() + limit;
        let old = match self.kept_at(now) {
            Some((token, Age::Fresh)) => return Ok(token),
            Some((token, Age::Old)) => Some(token),
            None => None,
        };
        let one_at_a_time = match (old, self.fetching.try_lock()) {
            (_, Ok(guard)) => guard,
            // Another caller is renewing the token. Until then the old token is valid.
            (Some(old), Err(_)) => return Ok(old),
            (None, Err(_)) => {
                timeout_at(end, self.fetching.lock()).await.map_err(|_| TokenError::TimedOut)?
            }
        };
        let old = match self.kept_at(now) {
            Some((token, Age::Fresh)) => return Ok(token),
            Some((token, Age::Old)) => Some(token),
            None => None,
        };
        let fetched = timeout_at(end, self.source.fetch_boxed(now)).await;
        let outcome = fetched.unwrap_or(Err(TokenError::TimedOut)).and_then(|it| usable(it, now));
        let outcome = match (outcome, old) {
            (Ok(kept), _) => {
                let token = kept.token.token.clone();
                *self.kept() = Some(kept);
                Ok(token)
            }
            (Err(error), Some(old)) => {
                warn!(error = chain(&error), "could not renew the bearer token yet");
                if let Some(kept) = &mut *self.kept() {
                    kept.renew_at = now + BETWEEN_FAILURES;
                }
                Ok(old)
            }
            (Err(error), None) => Err(error),
        };
        drop(one_at_a_time);
        outcome
    }

    /// The kept token, if it is still valid.
    fn kept_at(&self, now: SystemTime) -> Option<(Secret, Age)> {
        let kept = self.kept();
        let Kept { token, renew_at } = kept.as_ref()?;
        let age = if now < *renew_at { Age::Fresh } else { Age::Old };
        (now + LEAST_LIFE < token.expires_on).then(|| (token.token.clone(), age))
    }

    fn kept(&self) -> MutexGuard<'_, Option<Kept>> {
        // No code panics while it holds the lock, and each change is complete, so a poisoned
        // lock is safe.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Clone, Copy)]
enum Age {
    Fresh,
    /// The token is valid and due for renewal.
    Old,
}

/// Checks that a fetched token is usable.
fn usable(token: BearerToken, now: SystemTime) -> Result<Kept, TokenError> {
    let life = token.expires_on.duration_since(now).unwrap_or_default();
    if life <= LEAST_LIFE || !is_token(token.token.expose()) {
        return Err(TokenError::Unusable);
    }
    Ok(Kept { renew_at: token.expires_on - EARLY.min(life / 2), token })
}

/// Whether a text can be a token: a JWT has some hundred characters, all visible.
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// A boxed [`TokenSource`], so that the type of a client does not depend on it.
trait BoxedTokenSource: Send + Sync {
    fn fetch_boxed(
        &self,
        now: SystemTime,
    ) -> Pin<Box<dyn Future<Output = Result<BearerToken, TokenError>> + Send + '_>>;
}

impl<S: TokenSource> BoxedTokenSource for S {
    fn fetch_boxed(
        &self,
        now: SystemTime,
    ) -> Pin<Box<dyn Future<Output = Result<BearerToken, TokenError>> + Send + '_>> {
        Box::pin(self.fetch(now))
    }
}

/// How long before its expiry a token is renewed. This leaves time for an outage of Entra.
/// Tokens live an hour or more.
const EARLY: Duration = Duration::from_mins(5);

/// A token with a shorter remaining life may expire on the way.
const LEAST_LIFE: Duration = Duration::from_secs(10);

/// The pause after a failed renewal, while the old token is still valid: each attempt costs a
/// caller time.
const BETWEEN_FAILURES: Duration = Duration::from_secs(30);
