//! How requests prove that they may be made.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use identity_core::secret::Secret;

use crate::{
    AccessKey, ConnectionStrings, Endpoint, KeySource, TokenError, TokenSource, bearer::Bearers,
    keys::Keys,
};

/// How requests prove that they may be made: signed with an access key, or with an
/// Entra bearer token.
///
/// Clones share what was read: a key that one of them found out of date is
/// replaced for all, and one token serves all.
#[derive(Clone)]
pub struct Credential(Kind);

#[derive(Clone)]
enum Kind {
    Keys(Arc<Keys>),
    Bearer(Arc<Bearers>),
}

impl Credential {
    /// Signs with this key. A key that ACS refuses stays refused.
    #[must_use]
    pub fn key(key: AccessKey) -> Self {
        Self(Kind::Keys(Arc::new(Keys::fixed(key))))
    }

    /// Signs with the primary key of `current`. When ACS refuses the key in use,
    /// reads the keys again and goes on with one that was not refused, at most once
    /// per 30 s.
    ///
    /// Keys that `source` gives for another endpoint than `current`'s are not used.
    #[must_use]
    pub fn keys(current: ConnectionStrings, source: impl KeySource + 'static) -> Self {
        Self(Kind::Keys(Arc::new(Keys::reloadable(current, source))))
    }

    /// Sends bearer tokens, each until shortly before it expires.
    #[must_use]
    pub fn bearer(source: impl TokenSource + 'static) -> Self {
        Self(Kind::Bearer(Arc::new(Bearers::new(source))))
    }

    pub(crate) fn is_bearer(&self) -> bool {
        matches!(self.0, Kind::Bearer(_))
    }

    /// What the next request carries; within `limit`.
    pub(crate) async fn pass(&self, now: SystemTime, limit: Duration) -> Result<Pass, TokenError> {
        match &self.0 {
            Kind::Keys(keys) => Ok(Pass::Key(keys.in_use())),
            Kind::Bearer(bearers) => bearers.token(now, limit).await.map(Pass::Bearer),
        }
    }

    /// Looks for another key than the one ACS refused; within `limit`. Whether
    /// there is one, and the next [`pass`](Self::pass) has it.
    pub(crate) async fn replace(
        &self,
        refused: &AccessKey,
        endpoint: &Endpoint,
        now: SystemTime,
        limit: Duration,
    ) -> bool {
        match &self.0 {
            Kind::Keys(keys) => keys.replace(refused, endpoint, now, limit).await,
            Kind::Bearer(_) => false,
        }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Kind::Keys(_) => "Credential::key(…)",
            Kind::Bearer(_) => "Credential::bearer(…)",
        })
    }
}

/// What one request carries.
#[derive(Clone)]
pub(crate) enum Pass {
    Key(AccessKey),
    Bearer(Secret),
}
