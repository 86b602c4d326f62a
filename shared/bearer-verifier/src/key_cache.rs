use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::KeySet;

/// How long a key set is used before it is fetched again.
pub const FRESH_FOR: Duration = Duration::from_mins(10);

/// How long the last good key set is used while the issuer does not answer.
pub const STALE_FOR: Duration = Duration::from_hours(6);

/// The shortest time between two fetches for keys that are unknown. A caller who invents key ids
/// cannot make the service flood the issuer.
pub const REFETCH_AFTER: Duration = Duration::from_mins(1);

/// The same for an issuer whose keys were never fetched: until then, none of its users can sign in.
pub const RETRY_AFTER: Duration = Duration::from_secs(5);

/// The key sets of all issuers, and when to fetch them again.
///
/// The cache makes no request. The time is the caller's, from a clock that never goes back.
#[derive(Debug, Default)]
pub struct KeyCache(HashMap<String, CachedKeys>);

#[derive(Debug)]
struct CachedKeys {
    keys: Option<KeySet>,
    fetched_at: Instant,
    tried_at: Instant,
}

/// What to do before a token of an issuer can be verified.
#[derive(Debug, PartialEq, Eq)]
pub enum KeyLookup {
    /// Use the keys in the cache.
    Use,
    /// Fetch the keys, then report the result to the cache.
    Fetch,
    /// The last fetch failed a short time ago and no usable keys are left.
    Unavailable,
}

impl KeyCache {
    /// Says whether the keys of `issuer` must be fetched, for a token whose key the caller looks
    /// up with `knows_key`.
    pub fn look_up(
        &self,
        issuer: &str,
        now: Instant,
        knows_key: impl FnOnce(&KeySet) -> bool,
    ) -> KeyLookup {
        let Some(entry) = self.0.get(issuer) else { return KeyLookup::Fetch };
        let pause = if entry.keys.is_some() { REFETCH_AFTER } else { RETRY_AFTER };
        let may_fetch = now.duration_since(entry.tried_at) >= pause;
        let Some(keys) = entry.usable_keys(now) else {
            return if may_fetch { KeyLookup::Fetch } else { KeyLookup::Unavailable };
        };
        let fresh = now.duration_since(entry.fetched_at) < FRESH_FOR;
        if may_fetch && (!fresh || !knows_key(keys)) { KeyLookup::Fetch } else { KeyLookup::Use }
    }

    /// The last good keys of `issuer`, if they are not too old.
    #[must_use]
    pub fn keys(&self, issuer: &str, now: Instant) -> Option<&KeySet> {
        self.0.get(issuer)?.usable_keys(now)
    }

    /// Whether the keys of `issuer` were fetched at exactly this moment, so that they are the newest
    /// that there are.
    #[must_use]
    pub fn were_fetched_at(&self, issuer: &str, now: Instant) -> bool {
        self.0.get(issuer).is_some_and(|entry| entry.keys.is_some() && entry.fetched_at == now)
    }

    /// Notes the result of a fetch. `None` means that it failed: the last good keys stay.
    pub fn record_fetch(&mut self, issuer: &str, fetched: Option<KeySet>, now: Instant) {
        match (self.0.get_mut(issuer), fetched) {
            (Some(entry), None) => entry.tried_at = now,
            (_, keys) => {
                let entry = CachedKeys { keys, fetched_at: now, tried_at: now };
                self.0.insert(issuer.to_owned(), entry);
            }
        }
    }
}

impl CachedKeys {
    fn usable_keys(&self, now: Instant) -> Option<&KeySet> {
        let usable = now.duration_since(self.fetched_at) < STALE_FOR;
        self.keys.as_ref().filter(|_| usable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://issuer.example/";

    fn after(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    fn cache_filled_at(now: Instant) -> KeyCache {
        let mut cache = KeyCache::default();
        cache.record_fetch(ISSUER, Some(KeySet::default()), now);
        cache
    }

    #[test]
    fn the_first_token_of_an_issuer_fetches_its_keys() {
        let cache = KeyCache::default();
        assert_eq!(cache.look_up(ISSUER, Instant::now(), |_| true), KeyLookup::Fetch);
    }

    #[test]
    fn known_keys_are_used_for_ten_minutes() {
        let start = Instant::now();
        let cache = cache_filled_at(start);
        let look_up = |seconds| cache.look_up(ISSUER, after(start, seconds), |_| true);
        assert_eq!(look_up(599), KeyLookup::Use);
        assert_eq!(look_up(600), KeyLookup::Fetch);
    }

    #[test]
    fn an_issuer_that_never_answered_is_asked_again_after_five_seconds() {
        let (start, mut cache) = (Instant::now(), KeyCache::default());
        cache.record_fetch(ISSUER, None, start);
        let look_up = |seconds| cache.look_up(ISSUER, after(start, seconds), |_| true);
        assert_eq!((look_up(4), look_up(5)), (KeyLookup::Unavailable, KeyLookup::Fetch));
    }

    #[test]
    fn an_unknown_key_fetches_at_most_once_a_minute() {
        let start = Instant::now();
        let cache = cache_filled_at(start);
        let look_up = |seconds| cache.look_up(ISSUER, after(start, seconds), |_| false);
        assert_eq!(look_up(59), KeyLookup::Use);
        assert_eq!(look_up(60), KeyLookup::Fetch);
    }

    #[test]
    fn while_the_issuer_does_not_answer_the_last_good_keys_are_used_for_six_hours() {
        let start = Instant::now();
        let mut cache = cache_filled_at(start);
        let outage = after(start, 6 * 3600 - 30);
        cache.record_fetch(ISSUER, None, outage);
        assert_eq!(cache.look_up(ISSUER, after(outage, 29), |_| true), KeyLookup::Use);
        assert!(cache.keys(ISSUER, after(outage, 29)).is_some());
        assert_eq!(cache.look_up(ISSUER, after(outage, 30), |_| true), KeyLookup::Unavailable);
        assert!(cache.keys(ISSUER, after(outage, 30)).is_none());
        assert_eq!(cache.look_up(ISSUER, after(outage, 60), |_| true), KeyLookup::Fetch);
    }

    #[test]
    fn the_keys_of_one_issuer_are_not_those_of_another() {
        let start = Instant::now();
        let cache = cache_filled_at(start);
        assert!(cache.keys("https://other.example/", start).is_none());
    }
}
