//! Attacks 2 and 3: callers who guess handles, or compare the answers to them.

use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};

use super::*;

/// The handle of an invitation.
const REAL: &str = "gp_BwcHBwcHBwcHBwcHBwcHBw";

#[tokio::test]
async fn an_unknown_handle_and_a_malformed_one_are_looked_up_once_and_refused_alike() {
    for raw in [REAL, "handl", "handle ", "Handle", "", "{}", "é"] {
        let (fixture, metrics) = (fixture(|_| {}), Metrics::collect());
        let refused = exchange_handle(&fixture, raw).await;
        let unknown = InvitationRefusal::Unknown;
        assert!(matches!(refused, Err(Error::InvitationRefused(why)) if why == unknown), "{raw}");
        assert_eq!(fixture.store.calls(), [StoreCall::FindInvitation], "{raw}");
        assert_eq!(metrics.sum("invitations_unknown"), Some(1), "{raw}");
    }
}

/// The answers to all handles are the same, and so is everything else that the service does: one
/// read, no write, no request to ACS, and the same metrics.
#[tokio::test]
async fn no_handle_near_a_real_one_and_no_other_finds_an_invitation() {
    for guesses in [one_character_off(REAL), random(100_000)] {
        let (fixture, metrics) = (CoreFixture::with([]), Metrics::collect());
        fixture.records.put_invitation(&invitation(REAL));
        let (before, count) = (stored(&fixture), guesses.len());
        for guess in guesses {
            let refused = exchange_handle(&fixture, &guess).await.unwrap_err();
            assert_eq!(refused.to_string(), UNKNOWN.to_string(), "{guess}");
        }
        assert_eq!(fixture.store.calls(), vec![StoreCall::FindInvitation; count]);
        assert_eq!((stored(&fixture), fixture.records.records()), (before, vec![]));
        assert_eq!(fixture.acs.calls(), []);
        for (name, is_counted) in [
            ("guests_refused", true),
            ("invitations_unknown", true),
            ("guest_pins_wrong", false),
            ("invitations_locked", false),
            ("guests_admitted", false),
            ("guest_tokens", false),
        ] {
            let expected = if is_counted { u64::try_from(count).unwrap() } else { 0 };
            assert_eq!(metrics.sum(name).unwrap_or_default(), expected, "{name}");
        }
        assert!(exchange_handle(&fixture, REAL).await.is_ok(), "the real one");
    }
}

async fn exchange_handle(fixture: &CoreFixture, handle: &str) -> Result<GuestPass, Error> {
    let (policy, handle) = (guest_policy(), GuestHandle::new(handle));
    let request = ExchangeGuestPassRequest { handle, ..request(fixture, 'a', Some(PIN)) };
    exchange_guest_pass(&fixture.store, &fixture.acs, &fixture.clock, Some(&policy), request).await
}

/// Every handle that differs from `real` in one character.
fn one_character_off(real: &str) -> Vec<String> {
    let characters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let at = |at: usize| {
        let other = characters.chars().filter(move |it| !real[at..].starts_with(*it));
        other.map(move |it| format!("{}{it}{}", &real[..at], &real[at + 1..]))
    };
    (GuestHandle::PREFIX.len()..real.len()).flat_map(at).collect()
}

/// Handles as the service makes them, the same ones in each run.
fn random(count: usize) -> Vec<String> {
    let mut random = TestRng::from_seed(RngAlgorithm::ChaCha, &[2; 32]);
    let mut handle = || {
        let mut bytes = [0; 16];
        random.fill_bytes(&mut bytes);
        GuestHandle::generated(bytes).expose().to_owned()
    };
    (0..count).map(|_| handle()).collect()
}
