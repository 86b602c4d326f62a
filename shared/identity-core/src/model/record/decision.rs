//! The decisions about a user, with their times: one decision and one revocation time per origin,
//! so that a wrong clock of one origin does not hide a decision of another.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

/// The origin of a decision. Each origin has its own clock and its own rights: a provider can
/// lift only the blocks that it set itself, an administrator can lift all blocks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin(Cow<'static, str>);

impl Origin {
    /// The user.
    pub const USER: Self = Self(Cow::Borrowed("user"));
    /// An administrator, over HTTP or with the command line.
    pub const ADMINISTRATOR: Self = Self(Cow::Borrowed("administrator"));
    /// For records of a version that did not store the origin. Any later decision overrides it,
    /// as it did in that version.
    pub const EARLIER: Self = Self(Cow::Borrowed("earlier"));

    /// The origin of an event source, given the name of the source.
    #[must_use]
    pub const fn of_source(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// Parses a stored name: 1 to 64 lower-case letters, digits and hyphens. A name that this
    /// version does not know is kept, so that a newer version can still read it.
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let fits = (1..=64).contains(&raw.len()) && raw.bytes().all(plain);
        fits.then(|| Self(Cow::Owned(raw.to_owned())))
    }

    /// The name as stored and as shown.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One origin's newest decision about whether a user is blocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockDecision {
    /// When the decision was made, by the clock of its origin.
    pub at: SystemTime,
    /// Whether the decision blocks the user.
    pub blocks: bool,
}

impl BlockDecision {
    /// Whether this decision is newer than `other`. At the same time, a block wins.
    fn beats(self, other: Self) -> bool {
        (self.at, self.blocks) > (other.at, other.blocks)
    }
}

/// The newest decision of each origin about whether a user is blocked.
///
/// The complete rule: for each origin, only the newest decision counts, and at the same time a
/// block wins. A user is blocked while the decision of any origin is a block. An administrator's
/// unblock overrides the older blocks of all origins. The result depends only on the set of
/// decisions, not on their order or number of repetitions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decisions {
    newest: BTreeMap<Origin, BlockDecision>,
    /// Increases with every change, so that a write based on an older state is refused.
    changes: u64,
}

impl Decisions {
    /// Creates the decisions from stored values.
    #[must_use]
    pub fn stored(newest: BTreeMap<Origin, BlockDecision>, changes: u64) -> Self {
        Self { newest, changes }
    }

    /// The newest decision of each origin.
    pub fn iter(&self) -> impl Iterator<Item = (&Origin, BlockDecision)> {
        self.newest.iter().map(|(origin, decision)| (origin, *decision))
    }

    /// The newest decision of an origin.
    #[must_use]
    pub fn of(&self, origin: &Origin) -> Option<BlockDecision> {
        self.newest.get(origin).copied()
    }

    /// The number of changes so far.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Whether the decision changes the result: its origin has no newer decision, and no decision
    /// of the same time that is equal or stronger.
    #[must_use]
    pub fn would_change(&self, origin: &Origin, decision: BlockDecision) -> bool {
        self.newest.get(origin).is_none_or(|known| decision.beats(*known))
    }

    /// Adds a decision. The result is unchanged if [`would_change`](Self::would_change) is false.
    #[must_use]
    pub fn with(&self, origin: Origin, decision: BlockDecision) -> Self {
        if !self.would_change(&origin, decision) {
            return self.clone();
        }
        let mut next = self.clone();
        next.newest.insert(origin, decision);
        next.changes += 1;
        next
    }

    /// Whether the user is blocked.
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        self.blocking().next().is_some()
    }

    /// The decisions that block the user.
    pub fn blocking(&self) -> impl Iterator<Item = (&Origin, BlockDecision)> {
        self.iter().filter(|(origin, decision)| {
            decision.blocks && !self.is_overridden(origin, decision.at)
        })
    }

    /// Whether a later decision with sufficient rights has lifted a block that `origin` set at
    /// `at`.
    fn is_overridden(&self, origin: &Origin, at: SystemTime) -> bool {
        self.iter().any(|(by, decision)| {
            let may = *by == Origin::ADMINISTRATOR || *origin == Origin::EARLIER;
            may && !decision.blocks && decision.at > at
        })
    }

    /// The time of the newest decision of any origin.
    #[must_use]
    pub fn newest(&self) -> Option<SystemTime> {
        self.newest.values().map(|decision| decision.at).max()
    }
}

/// The time of each origin's newest revocation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watermarks(BTreeMap<Origin, SystemTime>);

impl Watermarks {
    /// Creates the watermarks from stored values.
    #[must_use]
    pub fn stored(newest: BTreeMap<Origin, SystemTime>) -> Self {
        Self(newest)
    }

    /// The newest revocation of each origin.
    pub fn iter(&self) -> impl Iterator<Item = (&Origin, SystemTime)> {
        self.0.iter().map(|(origin, at)| (origin, *at))
    }

    /// Whether the origin has already recorded a revocation of this time or later. The
    /// revocations of other origins do not count: their clocks may be ahead, or have a finer
    /// resolution.
    #[must_use]
    pub fn covers(&self, origin: &Origin, at: SystemTime) -> bool {
        self.0.get(origin).is_some_and(|through| *through >= at)
    }

    /// Adds a revocation.
    #[must_use]
    pub fn with(&self, origin: Origin, at: SystemTime) -> Self {
        let mut next = self.clone();
        let through = next.0.entry(origin).or_insert(at);
        *through = at.max(*through);
        next
    }

    /// The time of the newest revocation of any origin.
    #[must_use]
    pub fn newest(&self) -> Option<SystemTime> {
        self.0.values().copied().max()
    }
}

/// The last instant that a clock of this resolution may mean by `time`.
#[must_use]
pub fn end_of(time: SystemTime, resolution: Duration) -> SystemTime {
    let rest = resolution.saturating_sub(Duration::from_millis(1));
    time.checked_add(rest).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn decided(decisions: &[(&'static str, u64, bool)]) -> Decisions {
        decisions.iter().fold(Decisions::default(), |known, &(origin, seconds, blocks)| {
            known.with(Origin::of_source(origin), BlockDecision { at: at(seconds), blocks })
        })
    }

    #[test]
    fn r60_each_origin_lifts_its_own_block_and_an_administrator_lifts_all() {
        for (decisions, blocked) in [
            (&[("cognito", 1, true)][..], true),
            (&[("cognito", 1, true), ("cognito", 2, false)], false),
            (&[("cognito", 2, true), ("cognito", 1, false)], true),
            (&[("cognito", 1, true), ("cognito", 1, false)], true),
            (&[("administrator", 1, true), ("auth0", 2, false)], true),
            (&[("administrator", 1, true), ("cognito", 2, true), ("cognito", 3, false)], true),
            (&[("cognito", 1, true), ("okta", 2, true), ("administrator", 3, false)], false),
            (&[("cognito", 3, true), ("administrator", 3, false)], true),
            (&[("cognito", 4, true), ("administrator", 3, false)], true),
            (&[("earlier", 1, true), ("auth0", 2, false)], false),
            (&[("earlier", 2, true), ("auth0", 1, false)], true),
        ] {
            assert_eq!(decided(decisions).is_blocked(), blocked, "{decisions:?}");
        }
    }

    #[test]
    fn a_watermark_is_its_origins_alone_and_never_goes_back() {
        let marks = Watermarks::default().with(Origin::USER, at(9));
        assert!(marks.covers(&Origin::USER, at(9)) && !marks.covers(&Origin::USER, at(10)));
        assert!(!marks.covers(&Origin::ADMINISTRATOR, at(1)));
        assert_eq!(marks.with(Origin::USER, at(3)), marks);
        assert_eq!(marks.newest(), Some(at(9)));
    }

    #[test]
    fn a_second_ends_a_millisecond_before_the_next() {
        assert_eq!(end_of(at(5), Duration::from_secs(1)), at(6) - Duration::from_millis(1));
        assert_eq!(end_of(at(5), Duration::from_millis(1)), at(5));
    }

    #[test]
    fn an_origin_of_a_newer_version_is_kept_and_nonsense_is_not() {
        assert_eq!(Origin::parse("entra-ssf").unwrap().as_str(), "entra-ssf");
        for bad in ["", "Cognito", "a b", &"x".repeat(65)] {
            assert_eq!(Origin::parse(bad), None, "{bad}");
        }
    }

    const ORIGINS: [&str; 4] = ["administrator", "cognito", "auth0", "earlier"];

    proptest! {
        /// R60: any order and any repetition of the same decisions gives the same result.
        #[test]
        fn r60_the_outcome_depends_on_the_set_of_decisions_only(
            decisions in prop::collection::vec((0_usize..4, 1_u64..6, any::<bool>()), 1..8),
            order in prop::collection::vec(any::<prop::sample::Index>(), 0..24),
        ) {
            let all: Vec<_> =
                decisions.iter().map(|&(o, s, b)| (ORIGINS[o], s, b)).collect();
            let mut shuffled: Vec<_> = order.iter().map(|index| *index.get(&all)).collect();
            shuffled.extend(all.iter().rev());
            let (one, other) = (decided(&all), decided(&shuffled));
            prop_assert_eq!(&one.newest, &other.newest);
            prop_assert_eq!(one.is_blocked(), other.is_blocked());
        }
    }
}
