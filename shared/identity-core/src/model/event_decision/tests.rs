use std::time::Duration;

use super::*;
use crate::model::event::EventMode;
use crate::model::{EventSource, Origin};
use crate::ports::Clock;
use crate::testing::{ManualClock, event, record, user};

fn now() -> SystemTime {
    ManualClock::default().now()
}

/// The time this many seconds after the identity was created.
fn at(seconds: u64) -> SystemTime {
    now() + Duration::from_secs(seconds)
}

/// The record after `event`; unchanged if the event has no effect.
fn after(seen: &Record, kind: EventKind, seconds: u64) -> Record {
    let receipt = ReceiptId("r".to_owned());
    match decide(Some(seen), &seen.external_id, &event(kind, at(seconds)), receipt, at(1000)) {
        EventDecision::Change(next) => *next,
        EventDecision::Finish | EventDecision::Wait | EventDecision::Nothing(_) => seen.clone(),
    }
}

fn active() -> Record {
    record("alice", State::active("8:acs:1"), now())
}

#[test]
fn r21_an_older_decision_that_comes_late_changes_nothing() {
    let enabled = after(&active(), EventKind::Enabled, 9);
    let late = after(&enabled, EventKind::Disabled, 5);
    assert_eq!(late.state, State::active("8:acs:1"), "not blocked");
    assert_eq!(late.revoked_through.newest(), Some(at(5)), "but its tokens die");
    let blocked = after(&active(), EventKind::Disabled, 9);
    assert_eq!(after(&blocked, EventKind::Enabled, 5), blocked);
}

#[test]
fn r21_at_the_very_same_time_a_block_wins_in_either_order() {
    let one = after(&after(&active(), EventKind::Disabled, 5), EventKind::Enabled, 5);
    let other = after(&after(&active(), EventKind::Enabled, 5), EventKind::Disabled, 5);
    for record in [one, other] {
        assert_eq!(record.state, State::blocked("8:acs:1"));
        assert_eq!(after(&record, EventKind::Disabled, 5), record, "and doubled it is the same");
    }
}

#[test]
fn r20_of_two_look_ups_that_find_one_change_only_the_first_has_an_effect() {
    let applied = |seen: &Record, source, kind, seconds| {
        let event = Event { source, ..event(kind, at(seconds)) };
        let receipt = ReceiptId(format!("r-{seconds}"));
        decide(Some(seen), &seen.external_id, &event, receipt, at(1000))
    };
    let mut record = active();
    for (seconds, kind) in [(5, EventKind::Disabled), (7, EventKind::Enabled)] {
        let EventDecision::Change(next) = applied(&record, EventSource::Graph, kind, seconds)
        else {
            panic!("{kind:?}")
        };
        record = *next;
        if kind == EventKind::Disabled {
            let second = applied(&record, EventSource::Graph, kind, seconds + 1);
            assert_eq!(second, EventDecision::Finish);
            record = record.revocation_confirmed(at(seconds));
        }
        let second = applied(&record, EventSource::Graph, kind, seconds + 1);
        assert_eq!(second, EventDecision::Nothing(NoEffect::NothingNew));
        // Another source says that the user changed, and so each of its events counts.
        let other = applied(&record, EventSource::Okta, kind, seconds + 1);
        assert!(matches!(other, EventDecision::Change(_)));
    }
}

#[test]
fn r20_an_event_that_moves_the_watermark_revokes_and_its_double_does_not() {
    for kind in [EventKind::SignedOut, EventKind::CredentialsChanged, EventKind::Disabled] {
        let revoked = after(&active(), kind, 5);
        assert_eq!(revoked.revoked_through.newest(), Some(at(5)));
        assert!(revoked.pending_revocation.is_some());
        let confirmed = revoked.revocation_confirmed(at(6));
        assert_eq!(after(&confirmed, kind, 5), confirmed);
    }
}

#[test]
fn r20_an_event_that_is_sent_again_later_than_its_second_revokes_once() {
    // A disabled user has no tokens that a repeated event could revoke.
    for kind in [EventKind::SignedOut, EventKind::CredentialsChanged] {
        let heard = |seen: &Record, id: &str, milliseconds| {
            let event = Event {
                resolution: Duration::from_secs(1),
                heard_at: Some(at(5) + Duration::from_millis(milliseconds)),
                id: id.to_owned(),
                ..event(kind, at(5))
            };
            let receipt = ReceiptId(format!("{id}-{milliseconds}"));
            decide(Some(seen), &seen.external_id, &event, receipt, at(1000))
        };
        let EventDecision::Change(first) = heard(&active(), "one", 200) else { panic!("{kind:?}") };
        let first = first.revocation_confirmed(at(6));
        let repeated = heard(&first, "one", 60_000);
        assert_eq!(repeated, EventDecision::Nothing(NoEffect::NothingNew), "{kind:?}");
        // Another event of the same second can be newer.
        assert!(matches!(heard(&first, "two", 60_000), EventDecision::Change(_)), "{kind:?}");
        let other_source = Event { source: EventSource::Okta, ..event(kind, at(5)) };
        let receipt = ReceiptId("r".to_owned());
        let other = decide(Some(&first), &first.external_id, &other_source, receipt, at(1000));
        assert!(matches!(other, EventDecision::Change(_)), "{kind:?}");
    }
}

#[test]
fn a_block_that_takes_effect_revokes_even_below_the_watermark() {
    let signed_out = after(&active(), EventKind::SignedOut, 9).revocation_confirmed(at(10));
    let signed_out = Record { tokens_revoked: false, ..signed_out };
    let blocked = after(&signed_out, EventKind::Disabled, 5);
    assert_eq!(blocked.state, State::blocked("8:acs:1"));
    assert!(blocked.pending_revocation.is_some(), "tokens issued since must die, too");
    assert_eq!(blocked.revoked_through.newest(), Some(at(9)));
}

#[test]
fn a_deletion_applies_to_an_identity_created_before_it() {
    assert_eq!(after(&active(), EventKind::Deleted, 1).state, State::deleting("8:acs:1"));
    let kept = after(&active(), EventKind::Deleted, 0);
    assert_eq!(kept.state, State::active("8:acs:1"), "not after it, nor with it");
    assert!(
        kept.pending_revocation.is_some(),
        "but a bearer from before it may have bought tokens"
    );
    assert_eq!(kept.not_before, Some(now()));
    assert_eq!(kept.account_deleted_at, Some(now()), "a refreshed bearer is not enough");
    assert_eq!(after(&kept, EventKind::Deleted, 0), kept, "and doubled it is the same");
    let coarse = Event { resolution: Duration::from_secs(1), ..event(EventKind::Deleted, now()) };
    let receipt = ReceiptId("r".to_owned());
    let decision = decide(Some(&active()), &user("alice"), &coarse, receipt, at(9));
    let EventDecision::Change(next) = decision else { panic!("{decision:?}") };
    assert_eq!(next.state, State::deleting("8:acs:1"), "the second may end after the creation");
}

#[test]
fn events_about_an_unknown_user_record_what_later_events_need() {
    for (kind, state) in [
        (EventKind::Disabled, State::Blocked { acs_id: None }),
        (EventKind::Enabled, State::Deleted),
        (EventKind::SignedOut, State::Deleted),
    ] {
        let receipt = ReceiptId("r".to_owned());
        let decision = decide(None, &user("alice"), &event(kind, at(5)), receipt, at(6));
        let EventDecision::Change(record) = decision else { panic!("{kind:?}: {decision:?}") };
        assert_eq!(record.state, state, "{kind:?}");
        let known = record.decisions.newest().or(record.revoked_through.newest());
        assert_eq!(known, Some(at(5)), "{kind:?}");
        assert_eq!(record.epoch, 1, "{kind:?}");
    }
    let decide = |seen: Option<&Record>| {
        let receipt = ReceiptId("r".to_owned());
        decide(seen, &user("alice"), &event(EventKind::Deleted, at(5)), receipt, at(6))
    };
    let EventDecision::Change(record) = decide(None) else { panic!("a deletion is noted") };
    assert_eq!((&record.state, record.not_before), (&State::Deleted, Some(at(5))));
    assert_eq!(decide(Some(&record)), EventDecision::Nothing(NoEffect::NothingNew));
}

#[test]
fn what_was_recorded_and_not_confirmed_is_not_taken_for_done() {
    let receipt = ReceiptId("r".to_owned());
    let decide = |seen: &Record, kind| {
        decide(Some(seen), &seen.external_id, &event(kind, at(5)), receipt.clone(), at(6))
    };
    let pending = after(&active(), EventKind::Disabled, 5);
    assert_eq!(decide(&pending, EventKind::Disabled), EventDecision::Finish);
    let confirmed = pending.revocation_confirmed(at(6));
    assert_eq!(
        decide(&confirmed, EventKind::Disabled),
        EventDecision::Nothing(NoEffect::NothingNew)
    );
    let deleting = after(&active(), EventKind::Deleted, 5);
    assert_eq!(decide(&deleting, EventKind::Deleted), EventDecision::Finish);
}

#[test]
fn a_repeated_message_retries_a_stuck_revocation() {
    let mut stuck = after(&active(), EventKind::Disabled, 5);
    for _ in 0..6 {
        stuck = stuck.attempt_failed(at(6));
    }
    assert!(matches!(stuck.state, State::Stuck { .. }));
    let again = after(&stuck, EventKind::Disabled, 5);
    assert_eq!(again.state, State::blocked("8:acs:1"), "it is begun anew");
    assert!(again.pending_revocation.is_some() && again.attempts == 0);
    let receipt = ReceiptId("r".to_owned());
    let older = event(EventKind::Enabled, at(1));
    let decision = decide(Some(&stuck), &stuck.external_id, &older, receipt, at(7));
    assert_eq!(
        decision,
        EventDecision::Nothing(NoEffect::NothingNew),
        "and nothing is said to be finished"
    );
}

#[test]
fn unblocking_a_user_who_is_not_blocked_does_not_change_the_epoch() {
    let enabled = after(&active(), EventKind::Enabled, 5);
    assert_eq!((enabled.epoch, enabled.decisions.newest()), (1, Some(at(5))));
    let lease = crate::model::record::Lease {
        id: crate::model::record::LeaseId("l".to_owned()),
        ends: at(60),
    };
    let reserved = Record::reserved(&user("alice"), None, lease, now());
    let receipt = ReceiptId("r".to_owned());
    let event = event(EventKind::Enabled, at(5));
    let decision = decide(Some(&reserved), &user("alice"), &event, receipt, at(6));
    assert_eq!(
        decision,
        EventDecision::Wait,
        "the request that creates the identity keeps its lease"
    );
}

#[test]
fn a_clock_that_is_ahead_hides_nothing_that_happens_next() {
    let heard = |at_event, at_queue| Event {
        heard_at: Some(at_queue),
        ..event(EventKind::SignedOut, at_event)
    };
    assert_eq!(heard(at(240), at(0)).counts_at(), at(0));
    assert_eq!(heard(at(240), at(0)).not_before(), at(240), "the bearers have the same clock");
    assert_eq!(heard(at(5), at(9)).counts_at(), at(5));
    assert_eq!(event(EventKind::SignedOut, at(5)).counts_at(), at(5));
}

#[test]
fn r60_an_event_of_a_second_counts_as_its_end() {
    let coarse = Event { resolution: Duration::from_secs(1), ..event(EventKind::SignedOut, at(5)) };
    let end = at(6) - Duration::from_millis(1);
    assert_eq!((coarse.counts_at(), coarse.not_before()), (end, end));
    let middle = at(5) + Duration::from_millis(300);
    let heard = Event { heard_at: Some(middle), ..coarse.clone() };
    assert_eq!(heard.counts_at(), middle, "but not after it was heard");
    assert_eq!(heard.not_before(), end, "bearers count whole seconds");
    let late = Event { heard_at: Some(at(60)), ..coarse };
    assert_eq!(late.counts_at(), end);
}

#[test]
fn r60_two_events_of_one_second_stay_in_the_order_in_which_they_came() {
    let heard = |kind, milliseconds| Event {
        resolution: Duration::from_secs(1),
        heard_at: Some(at(5) + Duration::from_millis(milliseconds)),
        ..event(kind, at(5))
    };
    let apply = |seen: &Record, event: Event| {
        let receipt = ReceiptId("r".to_owned());
        match decide(Some(seen), &seen.external_id, &event, receipt, at(9)) {
            EventDecision::Change(next) => *next,
            other => panic!("{other:?}"),
        }
    };
    let disabled = apply(&active(), heard(EventKind::Disabled, 300));
    assert!(!apply(&disabled, heard(EventKind::Enabled, 400)).state.is_blocked());
}

#[test]
fn r60_what_one_origin_recorded_hides_nothing_of_another() {
    let own = crate::model::record::RevocationOrder {
        cause: crate::model::record::Cause::of(crate::model::record::By::User),
        ..crate::testing::order("own", false, at(9))
    };
    let signed_out = active().revoked(&own, at(9)).revocation_confirmed(at(9));
    let used = Record { tokens_revoked: false, ..signed_out };
    let provider = after(&used, EventKind::SignedOut, 5);
    assert!(provider.pending_revocation.is_some(), "older, and of another clock");
    let other = Event { source: EventSource::Cognito, ..event(EventKind::SignedOut, at(5)) };
    let confirmed = provider.revocation_confirmed(at(10));
    let receipt = ReceiptId("r".to_owned());
    let decision = decide(Some(&confirmed), &user("alice"), &other, receipt, at(11));
    assert!(matches!(decision, EventDecision::Change(_)), "nor do two providers share one");
}

#[test]
fn r60_a_providers_enabled_does_not_lift_an_administrators_block() {
    let blocked = active().revoked(&crate::testing::order("r", true, at(1)), at(1));
    let enabled = after(&blocked, EventKind::Enabled, 5);
    assert!(enabled.state.is_blocked());
    let unblocked = enabled.unblocked(Origin::ADMINISTRATOR, at(6), at(6));
    assert_eq!(unblocked.state, State::active("8:acs:1"));
    let disabled = after(&unblocked, EventKind::Disabled, 4);
    assert!(!disabled.state.is_blocked(), "an older one, which the administrator overrides");
    assert!(after(&disabled, EventKind::Disabled, 7).state.is_blocked());
}

#[test]
fn r58_every_event_but_enabled_ends_the_bearers_from_before_it() {
    for kind in EventKind::ALL {
        let expected = (kind != EventKind::Enabled).then_some(at(5));
        assert_eq!(after(&active(), kind, 5).not_before, expected, "{kind:?}");
    }
}

#[test]
fn every_name_of_a_kind_a_source_and_a_reason_without_effect_is_fixed() {
    for (kind, name) in [
        (EventKind::SignedOut, "user.signed-out"),
        (EventKind::CredentialsChanged, "user.credentials-changed"),
        (EventKind::Disabled, "user.disabled"),
        (EventKind::Enabled, "user.enabled"),
        (EventKind::Deleted, "user.deleted"),
    ] {
        assert_eq!((kind.as_str(), EventKind::parse(name)), (name, Some(kind)));
    }
    let sources = [
        (EventSource::Guestpass, "guestpass", false),
        (EventSource::Cognito, "cognito", false),
        (EventSource::Auth0, "auth0", false),
        (EventSource::Okta, "okta", false),
        (EventSource::OktaApp, "okta-app", false),
        (EventSource::Ssf, "ssf", true),
        (EventSource::BackChannelLogout, "back-channel-logout", true),
        (EventSource::GlobalTokenRevocation, "global-token-revocation", true),
        (EventSource::Apple, "apple", true),
        (EventSource::Google, "google", true),
        (EventSource::Scim, "scim", true),
        (EventSource::Graph, "graph", true),
    ];
    for (source, name, is_transmitter) in sources {
        assert_eq!((source.as_str(), EventSource::parse(name)), (name, Some(source)));
        assert_eq!(source.is_transmitter(), is_transmitter, "{name}");
    }
    assert_eq!(sources.map(|(source, ..)| source), EventSource::ALL);
    for (mode, name) in [(EventMode::Apply, "apply"), (EventMode::Shadow, "shadow")] {
        assert_eq!((mode.as_str(), name.parse()), (name, Ok(mode)));
    }
    assert_eq!("off".parse::<EventMode>(), Err("give apply or shadow"));
    assert_eq!((EventKind::parse("user.created"), EventSource::parse("entra")), (None, None));
    assert_eq!(NoEffect::NothingNew.as_str(), "nothing-new");
    assert_eq!(NoEffect::NoIdentity.as_str(), "no-identity");
}

#[test]
fn five_minutes_ahead_is_a_clock_and_more_is_the_future() {
    let ahead = |seconds| event(EventKind::Disabled, at(seconds)).is_from_the_future(now());
    assert!(!ahead(300));
    assert!(ahead(301));
}
