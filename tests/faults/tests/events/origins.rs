//! Decisions and revocations of several origins, whose clocks differ, each delivered twice and in
//! every order (R21, R60). The expected end state of Alice is computed here from the rule in
//! `record/decision.rs`, and not by the code under test.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use identity_core::{
    event::{Event, EventKind, EventSource},
    identity::IdentityRef,
    ports::Clock,
    record::{BlockDecision, By, Cause, Origin, Record},
    revoke_access_tokens::{IfMissing, RevokeAccessTokensRequest, revoke_access_tokens},
    testing::{self, CoreFixture, ManualClock, acs_id, invocation, user},
    unblock_user::unblock_user,
};

use super::{PseudoRandom, alice, apply, now, orders::bad_of_all_orders};

/// The origin of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Decider {
    /// An administrator, by our own clock: `Disabled` is a block, `Enabled` an unblock, and any
    /// other kind a revocation.
    Administrator,
    /// A source with times in whole seconds.
    Cognito,
    /// A source with times in milliseconds.
    Auth0,
}

/// An incident of Alice: its origin, its kind, and its time in milliseconds after her identity was
/// created.
#[derive(Clone, Copy, Debug)]
struct Incident(Decider, EventKind, u64);

fn after(millis: u64) -> SystemTime {
    ManualClock::default().now() + Duration::from_millis(millis)
}

impl Incident {
    fn origin(self) -> Origin {
        match self.0 {
            Decider::Administrator => Origin::ADMINISTRATOR,
            Decider::Cognito => Origin::of_source("cognito"),
            Decider::Auth0 => Origin::of_source("auth0"),
        }
    }

    /// The time as its source reports it.
    fn told_at(self) -> u64 {
        if self.0 == Decider::Cognito { self.2 / 1_000 * 1_000 } else { self.2 }
    }

    /// The latest time that the reported time can mean.
    fn counts_at(self) -> u64 {
        if self.0 == Decider::Cognito { self.told_at() + 999 } else { self.2 }
    }

    /// Whether it blocks; `None` if it does not decide that.
    fn blocks(self) -> Option<bool> {
        match self.1 {
            EventKind::Disabled => Some(true),
            EventKind::Enabled => Some(false),
            _ => None,
        }
    }

    fn revokes(self) -> bool {
        !matches!(self.1, EventKind::Enabled | EventKind::Deleted)
    }

    /// The event of this source, with the source's resolution of time.
    fn event(self, source: EventSource, occurred_at: SystemTime, resolution: Duration) -> Event {
        Event { source, resolution, ..testing::event(self.1, occurred_at) }
    }
}

/// The expected end state of Alice.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outcome {
    decisions: BTreeMap<Origin, (SystemTime, bool)>,
    revoked_through: BTreeMap<Origin, SystemTime>,
    not_before: Option<SystemTime>,
    blocked: bool,
    deleted: bool,
}

impl Outcome {
    /// The complete rule: the newest decision of each origin counts, and at the same time a block
    /// wins. A user is blocked while any origin's decision is a block. An administrator's unblock
    /// overrides the older blocks of all origins.
    fn of(incidents: &[Incident]) -> Self {
        let mut expected = Self::default();
        for incident in incidents {
            let at = after(incident.counts_at());
            if let Some(blocks) = incident.blocks() {
                let newest = expected.decisions.entry(incident.origin()).or_insert((at, blocks));
                *newest = (*newest).max((at, blocks));
            }
            if incident.revokes() {
                let through = expected.revoked_through.entry(incident.origin()).or_insert(at);
                *through = at.max(*through);
            }
            if incident.revokes() || incident.1 == EventKind::Deleted {
                expected.not_before = expected.not_before.max(Some(at));
            }
            expected.deleted |= incident.1 == EventKind::Deleted;
        }
        let administrator = expected.decisions.get(&Origin::ADMINISTRATOR);
        let lifted_until = administrator.filter(|(_, blocks)| !blocks).map(|(at, _)| *at);
        let stands = |at: SystemTime| lifted_until.is_none_or(|until| at >= until);
        expected.blocked = expected.decisions.values().any(|&(at, blocks)| blocks && stands(at));
        expected
    }

    fn found(record: &Record) -> Self {
        let decided = |(origin, decision): (&Origin, BlockDecision)| {
            (origin.clone(), (decision.at, decision.blocks))
        };
        Self {
            decisions: record.decisions.iter().map(decided).collect(),
            revoked_through: record
                .revoked_through
                .iter()
                .map(|(origin, at)| (origin.clone(), at))
                .collect(),
            not_before: record.not_before,
            blocked: record.state.is_blocked(),
            deleted: record.acs_id().is_none(),
        }
    }

    /// Whether users would see no difference.
    fn is_felt_as(&self, other: &Self) -> bool {
        (self.blocked, self.deleted) == (other.blocked, other.deleted)
    }
}

/// The criterion that decides whether an event is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Judged {
    /// It is the newest of its own origin, by the resolution of that origin's clock.
    PerOrigin,
    /// It is the newest of all origins, by the reported times: the earlier version of the rule.
    ByOneWatermark,
    /// It is delivered.
    ByArrival,
}

fn deliver(fixture: &CoreFixture, incident: Incident, arrival: usize, judged: Judged) {
    let name = format!("delivery-{arrival}");
    let second = Duration::from_secs(1);
    let event = match (judged, incident.0) {
        (Judged::PerOrigin, Decider::Administrator) => return administer(fixture, incident, &name),
        (Judged::PerOrigin, Decider::Cognito) => {
            incident.event(EventSource::Cognito, after(incident.told_at()), second)
        }
        (Judged::PerOrigin, Decider::Auth0) => {
            incident.event(EventSource::Auth0, after(incident.told_at()), Event::FINEST)
        }
        (Judged::ByOneWatermark, _) => {
            incident.event(EventSource::Guestpass, after(incident.told_at()), Event::FINEST)
        }
        (Judged::ByArrival, _) => {
            let came = 30_000 + u64::try_from(arrival).unwrap();
            incident.event(EventSource::Guestpass, after(came), Event::FINEST)
        }
    };
    apply(&fixture.records, fixture, &event, &name).unwrap();
}

/// An administrator's decision, by a clock that returns its time.
fn administer(fixture: &CoreFixture, incident: Incident, name: &str) {
    let clock = ManualClock::default();
    clock.advance(Duration::from_millis(incident.2));
    let identity = IdentityRef::External(user("alice"));
    let invocation = invocation(name, &clock);
    let (records, root) = (&fixture.records, user("root"));
    if incident.1 == EventKind::Enabled {
        now(unblock_user(records, &clock, &identity, &root, &invocation)).unwrap();
        return;
    }
    let request = RevokeAccessTokensRequest {
        bearer: None,
        identity,
        block: incident.1 == EventKind::Disabled,
        if_missing: IfMissing::Refuse,
        pace: None,
        cause: Cause::of(By::administrator(&root)),
        invocation,
    };
    now(revoke_access_tokens(records, &fixture.acs, &clock, request)).unwrap();
}

/// The state after the deliveries up to now.
struct Progress {
    alice: Record,
    deliveries: usize,
    /// The newest delivered revocation of each origin.
    revoked_through: BTreeMap<Decider, u64>,
    /// Whether a delivery that was new to its own origin left a token alive.
    has_missed_one: bool,
}

impl Progress {
    fn start() -> Self {
        Self {
            alice: alice().0.alice().unwrap(),
            deliveries: 0,
            revoked_through: BTreeMap::new(),
            has_missed_one: false,
        }
    }

    /// After one more delivery. Alice gets a token just before it, if she has an identity.
    fn after(&self, incident: Incident, judged: Judged) -> Self {
        let fixture = CoreFixture::with([Record { tokens_revoked: false, ..self.alice.clone() }]);
        if self.alice.acs_id().is_some() {
            let _ = fixture.acs.token_from_before(&acs_id("8:acs:1"));
        }
        deliver(&fixture, incident, self.deliveries, judged);
        let mut revoked_through = self.revoked_through.clone();
        let through = revoked_through.entry(incident.0).or_default();
        let is_news = incident.revokes() && incident.counts_at() > *through;
        if is_news {
            *through = incident.counts_at();
        }
        Self {
            alice: fixture.alice().unwrap(),
            deliveries: self.deliveries + 1,
            revoked_through,
            has_missed_one: self.has_missed_one || (is_news && fixture.acs.live_tokens() > 0),
        }
    }

    /// Whether every delivery that was new to its own origin revoked all tokens, and Alice ends as
    /// the rule says.
    fn is_right(&self, expected: &Outcome, judged: Judged) -> bool {
        let found = Outcome::found(&self.alice);
        let is_as_expected = match judged {
            Judged::PerOrigin => found == *expected && self.alice.pending_revocation.is_none(),
            // The fields with origins and times differ by construction.
            Judged::ByOneWatermark | Judged::ByArrival => found.is_felt_as(expected),
        };
        is_as_expected && !self.has_missed_one
    }
}

fn bad_orders(set: &[Incident; 5], judged: Judged, enough: usize) -> (usize, usize) {
    let expected = Outcome::of(set);
    bad_of_all_orders(
        enough,
        &Progress::start(),
        |progress, index| progress.after(*set.get(index).unwrap(), judged),
        |progress| progress.is_right(&expected, judged),
    )
}

/// An administrator's block stays, even if a provider enables the user later.
const AN_ADMINISTRATOR_KEEPS_OUT: [Incident; 5] = [
    Incident(Decider::Cognito, EventKind::Disabled, 1_200),
    Incident(Decider::Administrator, EventKind::Disabled, 2_000),
    Incident(Decider::Auth0, EventKind::SignedOut, 2_500),
    Incident(Decider::Cognito, EventKind::Enabled, 2_700),
    Incident(Decider::Auth0, EventKind::Enabled, 3_000),
];

/// An administrator's unblock overrides the older block of a source that sends nothing more, and a
/// later sign-out, reported in whole seconds, revokes.
const AN_ADMINISTRATOR_LETS_IN: [Incident; 5] = [
    Incident(Decider::Auth0, EventKind::Enabled, 1_000),
    Incident(Decider::Auth0, EventKind::Disabled, 1_500),
    Incident(Decider::Cognito, EventKind::Disabled, 1_700),
    Incident(Decider::Administrator, EventKind::Enabled, 3_050),
    Incident(Decider::Cognito, EventKind::SignedOut, 3_100),
];

/// Within one second: a source with whole seconds and two sources with milliseconds.
const IN_THE_SAME_SECOND: [Incident; 5] = [
    Incident(Decider::Administrator, EventKind::SignedOut, 2_100),
    Incident(Decider::Cognito, EventKind::Disabled, 2_200),
    Incident(Decider::Auth0, EventKind::CredentialsChanged, 2_500),
    Incident(Decider::Administrator, EventKind::Enabled, 2_600),
    Incident(Decider::Auth0, EventKind::Enabled, 2_900),
];

const SETS: [[Incident; 5]; 3] =
    [AN_ADMINISTRATOR_KEEPS_OUT, AN_ADMINISTRATOR_LETS_IN, IN_THE_SAME_SECOND];

#[test]
fn each_set_ends_in_the_state_of_its_name() {
    let blocked = SETS.map(|set| Outcome::of(&set).blocked);
    assert_eq!(blocked, [true, false, true]);
}

#[test]
fn r60_five_decisions_of_three_origins_end_the_same_in_all_113_400_orders() {
    for set in SETS {
        assert_eq!(bad_orders(&set, Judged::PerOrigin, 0), (0, 113_400), "{set:?}");
    }
}

#[test]
fn r60_with_one_watermark_for_all_origins_the_ends_differ() {
    for set in SETS {
        assert!(bad_orders(&set, Judged::ByOneWatermark, 1_000).0 > 1_000, "{set:?}");
    }
}

#[test]
fn r60_by_order_of_arrival_the_ends_differ() {
    for set in SETS {
        assert!(bad_orders(&set, Judged::ByArrival, 1_000).0 > 1_000, "{set:?}");
    }
}

/// Any five incidents within three seconds, deletions of the account among them.
fn any_five(random: &mut PseudoRandom) -> [Incident; 5] {
    [(); 5].map(|()| {
        let at = *[Decider::Administrator, Decider::Cognito, Decider::Auth0]
            .get(random.below(3))
            .unwrap();
        let kinds = if at == Decider::Administrator { 4 } else { 5 };
        let kind = *EventKind::ALL.get(random.below(kinds)).unwrap();
        Incident(at, kind, 1_000 + 100 * u64::try_from(random.below(30)).unwrap())
    })
}

#[test]
fn r60_any_five_decisions_of_three_origins_doubled_end_the_same_in_any_order() {
    for seed in 0..20_000 {
        let mut random = PseudoRandom(seed);
        let incidents = any_five(&mut random);
        let order = random.shuffled((0..10).map(|index| index % 5).collect());
        let end = order.iter().fold(Progress::start(), |progress, index| {
            progress.after(*incidents.get(*index).unwrap(), Judged::PerOrigin)
        });
        let is_right = end.is_right(&Outcome::of(&incidents), Judged::PerOrigin);
        assert!(is_right, "seed {seed}: {order:?} of {incidents:?}");
    }
}
