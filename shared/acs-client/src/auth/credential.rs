//! The credential of the client, and of each request.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use identity_core::secret::Secret;

use super::{AccessKey, ConnectionStrings, Endpoint, KeySource, Keys, TokenError};
#[cfg(feature = "bearer")]
use super::{Bearers, TokenSource};

/// The credential of requests: a signature with an access key, or an Entra bearer token.
///
/// Clones share their state: they use the same key or token, also after it was replaced.
#[derive(Clone)]
pub struct Credential(Kind);

#[derive(Clone)]
enum Kind {
    Keys(Arc<Keys>),
    #[cfg(feature = "bearer")]
    Bearer(Arc<Bearers>),
}

impl Credential {
    /// Signs with this key only. If ACS refuses it, requests fail.
    #[must_use]
    pub fn key(key: AccessKey) -> Self {
        Self(Kind::Keys(Arc::new(Keys::fixed(key))))
    }

    /// Signs with the primary key of `current`. When ACS refuses a key, the client reads the keys
    /// from `source` again, at most once per 30 s, and continues with a key that was not refused.
    ///
    /// Keys for another endpoint than that of `current` are ignored.
    #[must_use]
    pub fn keys(current: ConnectionStrings, source: impl KeySource + 'static) -> Self {
        Self(Kind::Keys(Arc::new(Keys::reloadable(current, source))))
    }

    /// Sends bearer tokens. Each one is used until shortly before it expires.
    #[cfg(feature = "bearer")]
    #[must_use]
    pub fn bearer(source: impl TokenSource + 'static) -> Self {
        Self(Kind::Bearer(Arc::new(Bearers::new(source))))
    }

    pub(crate) fn is_bearer(&self) -> bool {
        !matches!(self.0, Kind::Keys(_))
    }

    /// Returns the credential for the next request within `limit`.
    #[cfg_attr(
        not(feature = "bearer"),
        expect(clippy::unused_async, unused_variables, reason = "only bearer tokens are fetched")
    )]
    pub(crate) async fn for_request(
        &self,
        now: SystemTime,
        limit: Duration,
    ) -> Result<RequestCredential, TokenError> {
        match &self.0 {
            Kind::Keys(keys) => Ok(RequestCredential::Key(keys.in_use())),
            #[cfg(feature = "bearer")]
            Kind::Bearer(bearers) => bearers.token(now, limit).await.map(RequestCredential::Bearer),
        }
    }

    /// Replaces the key that ACS refused, within `limit`. Returns whether another key was found.
    pub(crate) async fn replace(
        &self,
        refused: &AccessKey,
        endpoint: &Endpoint,
        now: SystemTime,
        limit: Duration,
    ) -> bool {
        match &self.0 {
            Kind::Keys(keys) => keys.replace(refused, endpoint, now, limit).await,
            #[cfg(feature = "bearer")]
            Kind::Bearer(_) => false,
        }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Kind::Keys(_) => "Credential::key(…)",
            #[cfg(feature = "bearer")]
            Kind::Bearer(_) => "Credential::bearer(…)",
        })
    }
}

/// The credential of one request.
#[derive(Clone)]
pub(crate) enum RequestCredential {
    Key(AccessKey),
    Bearer(Secret),
}
