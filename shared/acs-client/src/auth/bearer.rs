//! Bearer tokens of Microsoft Entra, which replace an access key.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use identity_core::secret::Secret;
use tokio::time::{Instant, timeout_at};
use tracing::warn;

use super::{TokenError, is_token};
use crate::http::chain;

/// A source of bearer tokens for ACS.
///
/// Implement it for the credential of your machine: a managed identity, or an AWS token that Entra
/// trusts. For an Entra app there is
/// [`EntraAppCredential`](crate::EntraAppCredential). A source need not cache: the client
/// fetches the first token when it is needed, and each further one shortly before the previous one
/// expires. Only one caller fetches at a time.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/fixture.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let fixture = ExampleFixture::new().await?;
/// # let claims = serde_json::json!({"aud": "https://communication.azure.com/"});
/// # let token = fixture.entra_token(claims).await?.token;
/// # let ExampleFixture { server, clock, deadline, .. } = fixture;
/// # let endpoint = server.endpoint();
/// use std::time::{Duration, SystemTime};
///
/// use acs_client::{BearerToken, Credential, TokenError, TokenSource};
/// use acs_client::identity_core::{ports::IdentityClient, secret::Secret};
///
/// /// For example, the metadata service of the machine.
/// struct MetadataService(Secret);
///
/// impl TokenSource for MetadataService {
///     async fn fetch(&self, now: SystemTime) -> Result<BearerToken, TokenError> {
///         Ok(BearerToken { token: self.0.clone(), expires_on: now + Duration::from_mins(59) })
///     }
/// }
///
/// let credential = Credential::bearer(MetadataService(token));
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

/// The scope to request from Entra. The two slashes are correct: the name of the resource ends in a
/// slash.
pub const ENTRA_SCOPE: &str = "https://communication.azure.com//.default";

/// A bearer token of Entra.
#[derive(Clone, Debug)]
pub struct BearerToken {
    /// The token, without `Bearer `.
    pub token: Secret,
    /// When the token expires.
    pub expires_on: SystemTime,
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

    /// Returns a valid token within `limit`.
    pub(crate) async fn token(
        &self,
        now: SystemTime,
        limit: Duration,
    ) -> Result<Secret, TokenError> {
        let end = Instant::now() + limit;
        let only_fetch = match (self.kept_at(now), self.fetching.try_lock()) {
            // Another caller may be renewing an old token, which is still valid.
            (Some((token, Age::Fresh)), _) | (Some((token, Age::Old)), Err(_)) => return Ok(token),
            (_, Ok(guard)) => guard,
            (None, Err(_)) => {
                timeout_at(end, self.fetching.lock()).await.map_err(|_| TokenError::TimedOut)?
            }
        };
        let old = match self.kept_at(now) {
            Some((token, Age::Fresh)) => return Ok(token),
            old => old.map(|(token, _)| token),
        };
        let fetched = timeout_at(end, self.source.fetch_boxed(now)).await;
        let outcome = fetched.unwrap_or(Err(TokenError::TimedOut)).and_then(|it| check(it, now));
        let outcome = match (outcome, old) {
            (Ok(kept), _) => {
                let token = kept.token.token.clone();
                *self.kept() = Some(kept);
                Ok(token)
            }
            (Err(error), Some(old)) => {
                warn!(
                    error = chain(&error),
                    "bearer token not renewed: the old one is used until it expires"
                );
                if let Some(kept) = &mut *self.kept() {
                    kept.renew_at = now + BETWEEN_FAILURES;
                }
                Ok(old)
            }
            (Err(error), None) => Err(error),
        };
        drop(only_fetch);
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

/// Checks that a fetched token is valid for long enough.
fn check(token: BearerToken, now: SystemTime) -> Result<Kept, TokenError> {
    let life = token.expires_on.duration_since(now).unwrap_or_default();
    if life <= LEAST_LIFE || !is_token(token.token.expose()) {
        return Err(TokenError::Unusable);
    }
    Ok(Kept { renew_at: token.expires_on - EARLY.min(life / 2), token })
}

/// A boxed [`TokenSource`], so that the type of the client does not depend on it.
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

/// How long before its expiry a token is renewed: tokens live an hour or more, and this leaves time
/// for an outage of Entra.
const EARLY: Duration = Duration::from_mins(5);

/// A token with a shorter remaining lifetime may expire before ACS checks it.
const LEAST_LIFE: Duration = Duration::from_secs(10);

/// The pause after a failed renewal while the old token is still valid, because each attempt delays
/// a caller.
const BETWEEN_FAILURES: Duration = Duration::from_secs(30);
