//! Five events of one source, each twice, in every order (R21).

use std::time::Duration;

use identity_core::{
    event::{Event, EventKind},
    ports::Clock,
    record::State,
    testing::{ManualClock, acs_id},
};

use super::{PseudoRandom, alice, apply, event};

/// The criterion that orders two events.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    /// The time when they happened.
    Time,
    /// The time when they arrived, which R21 forbids.
    Arrival,
}

/// Whether Alice ends as the times of the events require.
fn ends_right(order: &[usize], events: &[Event], by: By) -> bool {
    let (fixture, token) = alice();
    for (arrival, index) in order.iter().enumerate() {
        let mut event = events.get(*index).unwrap().clone();
        if by == By::Arrival {
            let came = ManualClock::default().now() + Duration::from_secs(30);
            event.occurred_at = came + Duration::from_millis(u64::try_from(arrival).unwrap());
        }
        apply(&fixture.records, &fixture, &event, &format!("delivery-{arrival}")).unwrap();
    }
    let newest = |of: &[EventKind]| {
        let those = events.iter().filter(|event| of.contains(&event.kind));
        those.max_by_key(|event| event.occurred_at)
    };
    let decision = newest(&[EventKind::Disabled, EventKind::Enabled]);
    let blocked = decision.is_some_and(|event| event.kind == EventKind::Disabled);
    let revocation =
        newest(&[EventKind::Disabled, EventKind::SignedOut, EventKind::CredentialsChanged]);
    let id = newest(&[EventKind::Deleted]).is_none().then(|| acs_id("8:acs:1"));
    let state = match (blocked, id) {
        (true, acs_id) => State::Blocked { acs_id },
        (false, Some(acs_id)) => State::Active { acs_id },
        (false, None) => State::Deleted,
    };
    let is_dead = revocation.is_some() || newest(&[EventKind::Deleted]).is_some();
    let alice = fixture.alice().unwrap();
    let times = |event: Option<&Event>| event.map(|event| event.occurred_at);
    let right_times = by == By::Arrival
        || (alice.decisions.newest() == times(decision)
            && alice.revoked_through.newest() == times(revocation));
    alice.state == state
        && right_times
        && alice.pending_revocation.is_none()
        && fixture.acs.is_alive(&token) != is_dead
}

/// Takes five steps, each twice, from `start` in every order, of which there are 10! / 2⁵. Returns
/// the number of bad orders and the number of orders. Orders with the same beginning share its
/// work. Stops early after more than `enough` bad orders.
pub(crate) fn bad_of_all_orders<S>(
    enough: usize,
    start: &S,
    step: impl Fn(&S, usize) -> S,
    is_good: impl Fn(&S) -> bool,
) -> (usize, usize) {
    /// Whether to continue.
    fn go<S>(
        left: [u8; 5],
        so_far: &S,
        step: &impl Fn(&S, usize) -> S,
        end: &mut impl FnMut(&S) -> bool,
    ) -> bool {
        if left == [0; 5] {
            return end(so_far);
        }
        (0..5).all(|index| {
            let mut left = left;
            match left.get_mut(index) {
                Some(count) if *count > 0 => *count -= 1,
                _ => return true,
            }
            go(left, &step(so_far, index), step, end)
        })
    }
    let (mut bad, mut all) = (0, 0);
    go([2; 5], start, &step, &mut |end| {
        all += 1;
        bad += usize::from(!is_good(end));
        bad <= enough
    });
    (bad, all)
}

fn bad_orders(kinds: [EventKind; 5], by: By, enough: usize) -> (usize, usize) {
    let events: Vec<Event> = (1..).zip(kinds).map(|(after, kind)| event(kind, after)).collect();
    let step = |order: &Vec<usize>, index| [order.as_slice(), &[index]].concat();
    bad_of_all_orders(enough, &Vec::new(), step, |order| ends_right(order, &events, by))
}

/// The newest decision unblocks Alice, and an older event must still revoke.
const LET_IN: [EventKind; 5] = [
    EventKind::Disabled,
    EventKind::SignedOut,
    EventKind::Enabled,
    EventKind::Disabled,
    EventKind::Enabled,
];

/// The newest decision blocks her, and a newer event revokes.
const KEPT_OUT: [EventKind; 5] = [
    EventKind::Enabled,
    EventKind::Disabled,
    EventKind::Enabled,
    EventKind::Disabled,
    EventKind::CredentialsChanged,
];

#[test]
fn r21_five_events_doubled_end_the_same_in_all_113_400_orders() {
    for kinds in [LET_IN, KEPT_OUT] {
        assert_eq!(bad_orders(kinds, By::Time, 0), (0, 113_400), "{kinds:?}");
    }
}

#[test]
fn r21_by_order_of_arrival_the_ends_differ() {
    for kinds in [LET_IN, KEPT_OUT] {
        let (bad, _) = bad_orders(kinds, By::Arrival, 10_000);
        assert!(bad > 10_000, "{bad} for {kinds:?}");
    }
}

/// Events of any kind at any time, including deletions.
#[test]
fn r21_any_five_events_doubled_end_the_same_in_any_order() {
    for seed in 0..20_000 {
        let mut random = PseudoRandom(seed);
        let mut kind = || *EventKind::ALL.get(random.below(5)).unwrap();
        let events: Vec<Event> = (1..=5).map(|after| event(kind(), after)).collect();
        let order = random.shuffled((0..10).map(|index| index % 5).collect());
        assert!(ends_right(&order, &events, By::Time), "seed {seed}: {order:?} of {events:?}");
    }
}
