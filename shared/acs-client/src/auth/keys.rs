//! Access keys that can change. A resource has two keys, so that an administrator can regenerate
//! one while the other stays valid.

use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::time::{Instant, timeout_at};
use tracing::{error, info};

use super::{AccessKey, ConnectionString, Endpoint};
use crate::http::chain;

/// A source of the current keys of a resource, for example a secret store or a file.
///
/// The client reads it again only after ACS refused a key, at most once per 30 s.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/fixture.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let ExampleFixture { connection_string, clock, deadline, server: _server, .. } = ExampleFixture::new().await?;
/// # let path = std::env::temp_dir().join(format!("acs-client-doc-{}", std::process::id()));
/// # std::fs::write(&path, &connection_string)?;
/// # let remove = path.clone();
/// use std::{error::Error, path::PathBuf};
///
/// use acs_client::{ConnectionString, ConnectionStrings, KeySource};
/// use acs_client::identity_core::ports::IdentityClient;
///
/// /// A file that another process keeps up to date.
/// struct KeyFile(PathBuf);
///
/// impl KeySource for KeyFile {
///     async fn load(&self) -> Result<ConnectionStrings, Box<dyn Error + Send + Sync>> {
///         let current: ConnectionString = std::fs::read_to_string(&self.0)?.parse()?;
///         Ok(current.into())
///     }
/// }
///
/// let config = Config::load(KeyFile(path)).await.map_err(|error| error.to_string())?;
/// let acs = AcsIdentityClient::new(config, clock)?;
/// acs.create_identity(deadline).await?;
/// # std::fs::remove_file(remove)?;
/// # Ok(())
/// # }
/// ```
pub trait KeySource: Send + Sync {
    /// Reads the current keys. The client drops the future if it takes longer than
    /// [`CallLimits::attempt`](crate::CallLimits). The error is logged, so it must not quote the
    /// secret.
    fn load(
        &self,
    ) -> impl Future<Output = Result<ConnectionStrings, Box<dyn Error + Send + Sync>>> + Send;
}

/// The two connection strings of a resource.
#[derive(Clone, Debug)]
pub struct ConnectionStrings {
    /// The connection string with the preferred key.
    pub primary: ConnectionString,
    /// The connection string with the key that is used if ACS refuses the first one.
    pub secondary: Option<ConnectionString>,
}

impl From<ConnectionString> for ConnectionStrings {
    fn from(primary: ConnectionString) -> Self {
        Self { primary, secondary: None }
    }
}

/// Two fixed connection strings: if ACS refuses one key, the client tries the other.
impl KeySource for ConnectionStrings {
    async fn load(&self) -> Result<ConnectionStrings, Box<dyn Error + Send + Sync>> {
        Ok(self.clone())
    }
}

/// The access keys of a client.
pub(crate) struct Keys {
    source: Option<Box<dyn BoxedKeySource>>,
    known: Mutex<Known>,
    /// When the source was last read. Only the caller that has this lock reads it.
    reloaded: tokio::sync::Mutex<Option<SystemTime>>,
}

struct Known {
    in_use: AccessKey,
    /// All available keys, the preferred one first.
    keys: Vec<AccessKey>,
}

impl Keys {
    pub(crate) fn fixed(key: AccessKey) -> Self {
        let known = Known { in_use: key, keys: Vec::new() };
        Self { source: None, known: Mutex::new(known), reloaded: tokio::sync::Mutex::default() }
    }

    pub(crate) fn reloadable(current: ConnectionStrings, source: impl KeySource + 'static) -> Self {
        let in_use = current.primary.key.clone();
        let endpoint = current.primary.endpoint.clone();
        let known = Known { in_use, keys: keys_of(current, &endpoint) };
        Self {
            source: Some(Box::new(source)),
            known: Mutex::new(known),
            reloaded: tokio::sync::Mutex::default(),
        }
    }

    pub(crate) fn in_use(&self) -> AccessKey {
        self.known().in_use.clone()
    }

    /// Replaces the refused key. Returns whether another key is in use now.
    pub(crate) async fn replace(
        &self,
        refused: &AccessKey,
        endpoint: &Endpoint,
        now: SystemTime,
        limit: Duration,
    ) -> bool {
        let Some(source) = &self.source else { return false };
        let end = Instant::now() + limit;
        let is_replaced = || self.known().in_use != *refused;
        // After waiting here, a caller usually finds that another caller has replaced the key.
        let Ok(mut reloaded) = timeout_at(end, self.reloaded.lock()).await else {
            return is_replaced();
        };
        if is_replaced() {
            return true;
        }
        if !is_due(&mut reloaded, now) {
            return false;
        }
        match timeout_at(end, source.load_boxed()).await {
            Ok(Ok(found)) => self.known().keys = keys_of(found, endpoint),
            Ok(Err(error)) => {
                error!(error = chain(&*error), "reading the access keys again failed");
            }
            Err(_) => error!("reading the access keys again timed out"),
        }
        self.known().switch_from(refused);
        is_replaced()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // No code panics while it holds the lock, and each change is complete, so a poisoned
        // lock is safe.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn switch_from(&mut self, refused: &AccessKey) {
        if let Some(other) = self.keys.iter().find(|key| *key != refused) {
            self.in_use = other.clone();
            info!("access key replaced: ACS refused the previous one");
        }
    }
}

/// The keys for an endpoint, the primary one first.
fn keys_of(strings: ConnectionStrings, endpoint: &Endpoint) -> Vec<AccessKey> {
    let ConnectionStrings { primary, secondary } = strings;
    let (ours, others): (Vec<_>, Vec<_>) =
        [Some(primary), secondary].into_iter().flatten().partition(|one| one.endpoint == *endpoint);
    for other in others {
        error!(
            acs.endpoint = %other.endpoint,
            "connection string ignored: the key source returned it for another endpoint"
        );
    }
    ours.into_iter().map(|one| one.key).collect()
}

/// Whether the source may be read again now. If it may, sets the time of the last read.
fn is_due(reloaded: &mut Option<SystemTime>, now: SystemTime) -> bool {
    let wait = reloaded.map_or(Duration::ZERO, |at| {
        // If the clock was set back, the wait starts again; otherwise it could last for hours.
        BETWEEN_RELOADS.saturating_sub(now.duration_since(at).unwrap_or_default())
    });
    if wait.is_zero() || wait == BETWEEN_RELOADS {
        *reloaded = Some(now);
    }
    wait.is_zero()
}

/// A boxed [`KeySource`], so that the type of the client does not depend on it.
trait BoxedKeySource: Send + Sync {
    fn load_boxed(&self) -> Pin<Box<dyn Future<Output = Loaded> + Send + '_>>;
}

type Loaded = Result<ConnectionStrings, Box<dyn Error + Send + Sync>>;

impl<S: KeySource> BoxedKeySource for S {
    fn load_boxed(&self) -> Pin<Box<dyn Future<Output = Loaded> + Send + '_>> {
        Box::pin(self.load())
    }
}

/// If ACS refuses all keys, the source is read at most twice a minute.
const BETWEEN_RELOADS: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_may_be_read_every_30_s_and_a_clock_set_back_delays_that_once() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let mut reloaded = None;
        for (seconds, due) in [
            (2000, true),
            (2000, false),
            (2029, false),
            (2030, true),
            (2059, false),
            // The clock is set back half an hour.
            (2059 - 1800, false),
            (2059 - 1771, false),
            (2059 - 1770, true),
            // The clock is set forward again.
            (2060, true),
        ] {
            assert_eq!(is_due(&mut reloaded, at(seconds)), due, "{seconds}");
        }
    }
}
