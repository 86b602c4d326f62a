//! One identity and its valid tokens.
//!
//! A token belongs to the generation that its identity had when the token was issued. A revocation
//! or deletion ends a generation, so the validity of a token does not depend on seconds, unless the
//! emulator is configured to compare them.

use time::{Duration, OffsetDateTime};

use crate::options::EmulatorOptions;
use crate::state::{KeyMark, KeyRing};

/// How revocations take effect.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RevocationRules {
    /// How long tokens stay valid after a revocation.
    lag_millis: i64,
    /// Whether a revocation ends tokens by their `iat` instead of their generation.
    by_second: bool,
}

impl From<EmulatorOptions> for RevocationRules {
    fn from(options: EmulatorOptions) -> Self {
        let lag = options.revocation_lag.min(LONGEST_LAG);
        let lag_millis = i64::try_from(lag.as_millis()).unwrap_or(i64::MAX);
        Self { lag_millis, by_second: options.revoke_by_second }
    }
}

/// A token as its identity stores it. Times are milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StoredToken {
    pub generation: u64,
    pub at: i64,
    pub expires: i64,
    pub key: KeyMark,
}

/// The state of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenState {
    Live,
    /// The token was revoked or deleted, and is invalid from `effective` on.
    Ended {
        deleted: bool,
        at: OffsetDateTime,
        effective: OffsetDateTime,
        /// Whether `effective` is in the future, so that the token is still valid.
        pending: bool,
    },
    /// The token's identity was removed by a reset.
    IdentityUnknown,
}

/// The end of a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct End {
    at: i64,
    deleted: bool,
}

/// An identity and its history.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct StoredIdentity {
    pub created_at: i64,
    /// A deleted identity is kept, so that its tokens are known to be invalid.
    pub deleted: bool,
    /// One end for each earlier generation.
    ends: Vec<End>,
    /// Tokens that may be valid, including expired ones: the clock may go back.
    pub(super) tokens: Vec<StoredToken>,
    /// The assignment by which the user last got a token.
    pub assigned_by: Option<String>,
}

impl StoredIdentity {
    pub(crate) fn new(created_at: i64) -> Self {
        Self { created_at, ..Self::default() }
    }

    pub(crate) fn generation(&self) -> u64 {
        u64::try_from(self.ends.len()).unwrap_or(u64::MAX)
    }

    pub(crate) fn issued(&mut self, at: i64, expires: i64, key: KeyMark) {
        if self.tokens.is_empty() {
            // Most identities have one token, and the smallest vector would hold four.
            self.tokens.reserve_exact(1);
        }
        self.tokens.push(StoredToken { generation: self.generation(), at, expires, key });
    }

    /// Ends every token issued so far, as `rules` permit.
    pub(crate) fn end_generation(&mut self, at: i64, deleted: bool, rules: RevocationRules) {
        self.ends.push(End { at, deleted });
        self.deleted |= deleted;
        if rules.lag_millis == 0 {
            self.tokens = Vec::new();
        }
    }

    /// Whether a token of `generation`, issued in the millisecond `issued`, is valid at `now`,
    /// apart from its expiry and its key.
    pub(crate) fn token_state(
        &self,
        generation: u64,
        issued: i64,
        now: i64,
        rules: RevocationRules,
    ) -> TokenState {
        let Some(end) = self.end_of(generation, issued, rules) else { return TokenState::Live };
        let effective = end.at.saturating_add(rules.lag_millis);
        // Without a lag the result does not depend on the clock.
        let pending = rules.lag_millis > 0 && now < effective;
        TokenState::Ended {
            // A caller who asks about a token of a deleted identity gets the deletion as the
            // reason.
            deleted: end.deleted || (self.deleted && !pending),
            at: from_millis(end.at),
            effective: from_millis(effective),
            pending,
        }
    }

    fn end_of(&self, generation: u64, issued: i64, rules: RevocationRules) -> Option<End> {
        let by_generation = usize::try_from(generation).ok().and_then(|own| self.ends.get(own));
        let by_second = || {
            let second = issued.div_euclid(1000);
            self.ends.iter().find(|end| rules.by_second && end.at.div_euclid(1000) >= second)
        };
        by_generation.or_else(by_second).copied()
    }

    pub(crate) fn live_tokens(&self, now: i64, ring: &KeyRing, rules: RevocationRules) -> usize {
        let lives = |token: &&StoredToken| {
            let state = self.token_state(token.generation, token.at, now, rules);
            now < token.expires
                && ring.honours(token.key)
                && matches!(state, TokenState::Live | TokenState::Ended { pending: true, .. })
        };
        self.tokens.iter().filter(lives).count()
    }
}

/// The maximum delay of a revocation that ACS documents.
const LONGEST_LAG: std::time::Duration = std::time::Duration::from_mins(15);

pub(crate) fn millis(time: OffsetDateTime) -> i64 {
    i64::try_from(time.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}

pub(crate) fn from_millis(millis: i64) -> OffsetDateTime {
    OffsetDateTime::UNIX_EPOCH
        .checked_add(Duration::milliseconds(millis))
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAG: RevocationRules = RevocationRules { lag_millis: 60_000, by_second: false };
    const BY_SECOND: RevocationRules = RevocationRules { lag_millis: 0, by_second: true };

    fn ring() -> KeyRing {
        let keys = [(); 2].map(|()| crate::state::ResourceKey::generate().unwrap());
        KeyRing { keys, retired: Vec::new() }
    }

    #[test]
    fn a_lagging_revocation_lets_tokens_live_until_it_takes_effect() {
        let mut identity = StoredIdentity::default();
        identity.issued(1_000, 9_000_000, KeyMark::default());
        identity.end_generation(2_000, false, LAG);
        let pending_at = |now| match identity.token_state(0, 1_000, now, LAG) {
            TokenState::Ended { pending, at, effective, deleted: false } => {
                assert_eq!((millis(at), millis(effective)), (2_000, 62_000));
                pending
            }
            state => panic!("{state:?}"),
        };
        assert_eq!(
            (pending_at(2_000), pending_at(61_999), pending_at(62_000)),
            (true, true, false)
        );
        assert_eq!(identity.live_tokens(61_999, &ring(), LAG), 1);
        assert_eq!(identity.live_tokens(62_000, &ring(), LAG), 0);
    }

    #[test]
    fn a_second_revocation_does_not_put_off_the_first() {
        let mut identity = StoredIdentity::default();
        identity.end_generation(2_000, false, LAG);
        identity.end_generation(50_000, false, LAG);
        let state = identity.token_state(0, 1_000, 62_000, LAG);
        assert!(matches!(state, TokenState::Ended { pending: false, .. }), "{state:?}");
        let state = identity.token_state(1, 3_000, 62_000, LAG);
        assert!(matches!(state, TokenState::Ended { pending: true, .. }), "{state:?}");
    }

    #[test]
    fn by_second_a_token_of_the_revocations_second_dies_and_one_of_the_next_lives() {
        let mut identity = StoredIdentity::default();
        identity.end_generation(2_100, false, BY_SECOND);
        identity.issued(2_900, 9_000_000, KeyMark::default());
        identity.issued(3_000, 9_000_000, KeyMark::default());
        let state = |issued, rules| identity.token_state(1, issued, 4_000, rules);
        assert!(matches!(state(2_900, BY_SECOND), TokenState::Ended { pending: false, .. }));
        assert_eq!(state(3_000, BY_SECOND), TokenState::Live);
        assert_eq!(state(2_900, RevocationRules::default()), TokenState::Live);
        assert_eq!(identity.live_tokens(4_000, &ring(), BY_SECOND), 1);
    }

    #[test]
    fn without_a_lag_a_clock_that_goes_back_brings_no_token_back() {
        let mut identity = StoredIdentity::default();
        identity.end_generation(2_000, false, RevocationRules::default());
        let state = identity.token_state(0, 1_000, 0, RevocationRules::default());
        assert!(matches!(state, TokenState::Ended { pending: false, .. }));
    }
}
