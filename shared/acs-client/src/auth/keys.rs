//! Access keys that change. A resource has two keys, so that an administrator can regenerate one
//! while the other works.

use std::{
    error::Error,
    future::Future,
    pin::Pin,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use tokio::time::{Instant, timeout_at};
use tracing::{error, info};

use super::connection_string::{AccessKey, ConnectionString, Endpoint};
use crate::http::text::chain;

/// A source of the current keys of a resource: a secret store, a file.
///
/// The client reads it again only after ACS has refused a key, and at most once per 30 s.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let World { connection_string, clock, deadline, server: _server, .. } = World::new().await?;
/// # let path = std::env::temp_dir().join(format!("acs-client-doc-{}", std::process::id()));
/// # std::fs::write(&path, &connection_string)?;
/// # let remove = path.clone();
/// use std::{error::Error, path::PathBuf};
///
/// use acs_client::{ConnectionString, ConnectionStrings, KeySource};
/// use identity_core::ports::IdentityClient;
///
/// /// A file that somebody else keeps up to date.
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
    /// Reads the current keys. The client drops the future if it takes longer than an attempt
    /// may. The client logs the error, so it must not quote the secret.
    fn load(
        &self,
    ) -> impl Future<Output = Result<ConnectionStrings, Box<dyn Error + Send + Sync>>> + Send;
}

/// The two connection strings of a resource.
#[derive(Clone, Debug)]
pub struct ConnectionStrings {
    /// The connection string with the preferred key.
    pub primary: ConnectionString,
    /// The connection string with the key to use if the first one is refused.
    pub secondary: Option<ConnectionString>,
}

impl From<ConnectionString> for ConnectionStrings {
    fn from(primary: ConnectionString) -> Self {
        Self { primary, secondary: None }
    }
}

/// Two connection strings that do not change: if one key is refused, the client tries the other.
impl KeySource for ConnectionStrings {
    async fn load(&self) -> Result<ConnectionStrings, Box<dyn Error + Send + Sync>> {
        Ok(self.clone())
    }
}

/// The access keys of a client.
pub(crate) struct Keys {
    source: Option<Box<dyn BoxedKeySource>>,
    known: Mutex<Known>,
    /// When the source was last read. The caller that holds this lock reads it.
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

    /// Puts another key than `refused` into use, if there is one.
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
        // A caller that waits here mostly finds that another caller has already replaced the
        // key.
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
                error!(error = chain(&*error), "could not read the access keys again");
            }
            Err(_) => error!("could not read the access keys again in time"),
        }
        self.known().prefer_to(refused);
        is_replaced()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // No code panics while it holds the lock, and each change is complete, so a poisoned
        // lock is safe.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn prefer_to(&mut self, refused: &AccessKey) {
        if let Some(other) = self.keys.iter().find(|key| *key != refused) {
            self.in_use = other.clone();
            info!("ACS refused the access key; another one is in use now");
        }
    }
}

/// The keys for an endpoint, the primary first.
fn keys_of(strings: ConnectionStrings, endpoint: &Endpoint) -> Vec<AccessKey> {
    let ConnectionStrings { primary, secondary } = strings;
    let (ours, others): (Vec<_>, Vec<_>) =
        [Some(primary), secondary].into_iter().flatten().partition(|one| one.endpoint == *endpoint);
    for other in others {
        error!(
            acs.endpoint = %other.endpoint,
            "the key source has a connection string for another endpoint; it is not used"
        );
    }
    ours.into_iter().map(|one| one.key).collect()
}

/// Whether the source may be read again now. If so, sets the time of the last read.
fn is_due(reloaded: &mut Option<SystemTime>, now: SystemTime) -> bool {
    let wait = reloaded.map_or(Duration::ZERO, |at| {
        // If the clock was set back, the wait starts again, so that it ends.
        BETWEEN_RELOADS.saturating_sub(now.duration_since(at).unwrap_or_default())
    });
    if wait.is_zero() || wait == BETWEEN_RELOADS {
        *reloaded = Some(now);
    }
    wait.is_zero()
}

/// A boxed [`KeySource`], so that the type of a client does not depend on it.
trait BoxedKeySource: Send + Sync {
    fn load_boxed(&self) -> Pin<Box<dyn Future<Output = Loaded> + Send + '_>>;
}

type Loaded = Result<ConnectionStrings, Box<dyn Error + Send + Sync>>;

impl<S: KeySource> BoxedKeySource for S {
    fn load_boxed(&self) -> Pin<Box<dyn Future<Output = Loaded> + Send + '_>> {
        Box::pin(self.load())
    }
}

/// If no key works, all callers together read the source twice a minute.
const BETWEEN_RELOADS: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reload_is_due_every_30_s_and_a_clock_set_back_delays_it_once() {
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
