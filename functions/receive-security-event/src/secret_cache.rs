//! The secrets of the transmitters, read from Secrets Manager.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use aws_secrets::{SecretArn, SecretReader};
use identity_core::secret::Secret;
use security_events::TransmitterSecrets;
use tracing::error;

/// Where the text of the secret is.
pub(crate) trait SecretSource {
    /// Reads the text. The error never quotes it.
    async fn read(&self) -> Result<Secret, String>;
}

/// The secret in Secrets Manager.
pub(crate) struct StoredSecret {
    pub(crate) reader: SecretReader,
    pub(crate) arn: SecretArn,
}

impl SecretSource for StoredSecret {
    async fn read(&self) -> Result<Secret, String> {
        self.reader.read(&self.arn).await.map_err(|error| error.to_string())
    }
}

/// The secrets, and when they were read. Lambda sends a process one request at a time, so the cache
/// is never borrowed across a read.
pub(crate) struct SecretCache<S> {
    source: Option<S>,
    cached: RefCell<Option<(TransmitterSecrets, Instant)>>,
    /// When the last read failed; `None` if it succeeded.
    failed_at: Cell<Option<Instant>>,
}

/// The secret is configured and cannot be read. A transmitter must try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SecretUnavailable;

impl<S: SecretSource> SecretCache<S> {
    /// Without a source, no transmitter has a secret.
    pub(crate) fn new(source: Option<S>) -> Self {
        Self { source, cached: RefCell::default(), failed_at: Cell::default() }
    }

    /// Reads the secret if it was not read in the last ten minutes, or if `is_suspect` in the last
    /// minute. If that fails, the next read waits for some seconds. Meanwhile the last secret counts,
    /// but not if `is_suspect`: then it may be an old one, so that a mismatch proves nothing.
    pub(crate) async fn refresh(
        &self,
        is_suspect: bool,
        now: Instant,
    ) -> Result<(), SecretUnavailable> {
        let Some(source) = &self.source else { return Ok(()) };
        let limit = if is_suspect { SUSPECT_AFTER } else { FRESH_FOR };
        let read_at = self.cached.borrow().as_ref().map(|(_, at)| *at);
        if read_at.is_some_and(|at| now.duration_since(at) < limit) {
            return Ok(());
        }
        let kept = if read_at.is_some() && !is_suspect { Ok(()) } else { Err(SecretUnavailable) };
        if self.failed_at.get().is_some_and(|at| now.duration_since(at) < RETRY_AFTER) {
            return kept;
        }
        let read = source.read().await;
        let parsed = read.and_then(|text| {
            TransmitterSecrets::parse(&text).map_err(|problem| problem.to_string())
        });
        match parsed {
            Ok(secrets) => {
                self.cached.replace(Some((secrets, now)));
                self.failed_at.set(None);
                Ok(())
            }
            Err(cause) => {
                error!(cause, "secret of the transmitters not readable");
                self.failed_at.set(Some(now));
                kept
            }
        }
    }

    /// Whether `given` is the secret `member` of the transmitter; `None` if it has no such secret. A
    /// secret that does not match is read again, because it may have been rotated. If that fails, it
    /// is unknown whether `given` is the new one.
    pub(crate) async fn matches(
        &self,
        transmitter: &str,
        member: &str,
        given: &str,
        now: Instant,
    ) -> Result<Option<bool>, SecretUnavailable> {
        self.refresh(false, now).await?;
        if self.compare(transmitter, member, given) == Some(false) {
            self.refresh(true, now).await?;
        }
        Ok(self.compare(transmitter, member, given))
    }

    /// The same with the secrets that were read last. It reads nothing.
    pub(crate) fn compare(&self, transmitter: &str, member: &str, given: &str) -> Option<bool> {
        let cached = self.cached.borrow();
        cached.as_ref().and_then(|(secrets, _)| secrets.matches(transmitter, member, given))
    }

    /// The names of the transmitters that have secrets.
    pub(crate) fn names(&self) -> Vec<String> {
        let cached = self.cached.borrow();
        let names =
            cached.as_ref().map(|(secrets, _)| secrets.names().map(str::to_owned).collect());
        names.unwrap_or_default()
    }
}

/// How long a secret is used before it is read again.
const FRESH_FOR: Duration = Duration::from_mins(10);

/// The same if a sender does not know it. A sender that guesses cannot make the function read it for
/// every request.
const SUSPECT_AFTER: Duration = Duration::from_mins(1);

/// How long a failed read is not repeated. Otherwise every request would read the secret during an
/// outage, also one that knows no secret. Providers repeat a message that got a 503 for much longer.
const RETRY_AFTER: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Changing {
        text: RefCell<Option<&'static str>>,
        reads: Cell<u32>,
    }

    impl SecretSource for &Changing {
        async fn read(&self) -> Result<Secret, String> {
            self.reads.set(self.reads.get() + 1);
            self.text.borrow().map(Secret::new).ok_or_else(|| "no answer".to_owned())
        }
    }

    #[tokio::test]
    async fn a_rotated_secret_is_read_again_at_most_once_a_minute() {
        let source = Changing::default();
        let cache = SecretCache::new(Some(&source));
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let matches = async |given: &str, now| cache.matches("okta", "token", given, now).await;
        source.text.replace(Some(r#"{"okta": {"token": "old"}}"#));
        assert_eq!(matches("old", start).await, Ok(Some(true)));
        assert_eq!(source.reads.get(), 1);
        source.text.replace(Some(r#"{"okta": {"token": "new"}}"#));
        assert_eq!(matches("new", at(59)).await, Ok(Some(false)));
        assert_eq!(source.reads.get(), 1);
        assert_eq!(matches("new", at(60)).await, Ok(Some(true)));
        assert_eq!(matches("guess", at(61)).await, Ok(Some(false)));
        assert_eq!(source.reads.get(), 2);
        // While it is not readable, the last one counts.
        source.text.replace(None);
        assert_eq!(matches("new", at(659)).await, Ok(Some(true)));
        assert_eq!(source.reads.get(), 2);
        assert_eq!(matches("new", at(660)).await, Ok(Some(true)));
        assert_eq!(source.reads.get(), 3);
        assert_eq!(cache.matches("okta", "other", "new", at(661)).await, Ok(None));
        assert_eq!(cache.names(), ["okta"]);
    }

    #[tokio::test]
    async fn a_secret_that_is_not_readable_is_read_again_at_most_every_five_seconds() {
        let source = Changing::default();
        let cache = SecretCache::new(Some(&source));
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let matches = async |given: &str, now| cache.matches("okta", "token", given, now).await;
        for now in [start, at(4)] {
            assert_eq!(matches("old", now).await, Err(SecretUnavailable));
            assert_eq!(source.reads.get(), 1);
        }
        source.text.replace(Some(r#"{"okta": {"token": "old"}}"#));
        assert_eq!(matches("old", at(5)).await, Ok(Some(true)));
        assert_eq!(source.reads.get(), 2);
        // The last secret counts meanwhile. Whether another one is the new one is unknown.
        source.text.replace(Some("nonsense"));
        for (given, seconds, reads) in [
            ("new", 65, 3),
            ("new", 69, 3),
            ("old", 69, 3),
            ("new", 70, 4),
            ("old", 605, 5),
            ("old", 609, 5),
            ("new", 609, 5),
        ] {
            let expected = if given == "old" { Ok(Some(true)) } else { Err(SecretUnavailable) };
            assert_eq!(matches(given, at(seconds)).await, expected, "{given} at {seconds}");
            assert_eq!(source.reads.get(), reads, "{seconds}");
        }
        source.text.replace(Some(r#"{"okta": {"token": "new"}}"#));
        assert_eq!(matches("new", at(610)).await, Ok(Some(true)));
        assert_eq!(matches("guess", at(611)).await, Ok(Some(false)));
        assert_eq!(source.reads.get(), 6);
    }

    #[tokio::test]
    async fn without_a_secret_no_transmitter_has_one() {
        let cache = SecretCache::<&Changing>::new(None);
        assert_eq!(cache.matches("okta", "token", "x", Instant::now()).await, Ok(None));
        assert_eq!(cache.names(), [] as [&str; 0]);
    }

    #[tokio::test]
    async fn a_secret_of_another_form_is_not_readable() {
        let source = Changing { text: RefCell::new(Some("Bearer x")), ..Changing::default() };
        let cache = SecretCache::new(Some(&source));
        let found = cache.matches("okta", "token", "x", Instant::now()).await;
        assert_eq!(found, Err(SecretUnavailable));
    }
}
