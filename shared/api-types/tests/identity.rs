//! Identities and receipts as a client gets them.
#![expect(clippy::unwrap_used, reason = "a test may die")]

use std::time::{Duration, SystemTime};

use api_types::{IdentityOutput, ReceiptOutput};
use identity_core::{
    event::{EventKind, EventSource},
    record::{By, Cause, Origin, Reason, Record, RevocationOrder, State},
    testing::{order, record},
};
use serde::Serialize;
use serde_json::{Value, json};

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds)
}

/// Alice: an administrator signed her out at 1 s, and Okta disabled her at 3 s. ACS has
/// confirmed the sign-out. She got another token between the two.
fn alice() -> Record {
    let first = order("r1", false, at(1));
    let by = By::Event {
        source: Some(EventSource::Okta),
        kind: EventKind::Disabled,
        id: "e-1".to_owned(),
    };
    let cause = Cause { by, reason: Reason::parse("left") };
    let second = RevocationOrder { cause, ..order("r2", true, at(3)) };
    let alice = record("alice", State::active("8:acs:1"), at(0));
    let signed_out = alice.revoked(&first, at(1)).revocation_confirmed(at(2));
    Record { tokens_revoked: false, ..signed_out }.revoked(&second, at(3))
}

fn shown(output: impl Serialize) -> Value {
    serde_json::to_value(output).unwrap()
}

#[test]
fn only_an_administrator_sees_the_history_of_an_identity() {
    let own = shown(IdentityOutput::from(&alice()));
    assert_eq!(own["externalId"], "alice");
    assert_eq!(own["state"], "blocked");
    assert_eq!(own["user"], json!({ "communicationUserId": "8:acs:1" }));
    assert_eq!(own["createdAt"], "2027-01-15T08:00:00.000Z");
    assert_eq!(own["revocationPending"], true);
    for field in ["receipts", "decisions", "notBefore"] {
        assert_eq!(own.get(field), None, "{field}");
    }
    let history = shown(IdentityOutput::with_history(&alice()));
    let receipts = history["receipts"].as_array().unwrap();
    let ids: Vec<_> = receipts.iter().map(|one| &one["receiptId"]).collect();
    assert_eq!(ids, ["r2", "r1"], "newest first");
    assert_eq!(history["notBefore"], "2027-01-15T08:00:03.000Z");
}

#[test]
fn a_decision_names_its_origin_and_whether_it_is_in_force() {
    let decisions = |user: &Record| shown(IdentityOutput::with_history(user))["decisions"].take();
    let of_okta = |in_force: bool| {
        json!({
            "origin": "okta",
            "blocks": true,
            "inForce": in_force,
            "decidedAt": "2027-01-15T08:00:03.000Z",
        })
    };
    assert_eq!(decisions(&alice()), json!([of_okta(true)]));
    let unblocked = alice().unblocked(Origin::ADMINISTRATOR, at(4), at(4));
    let of_administrator = json!({
        "origin": "administrator",
        "blocks": false,
        "inForce": false,
        "decidedAt": "2027-01-15T08:00:04.000Z",
    });
    assert_eq!(decisions(&unblocked), json!([of_administrator, of_okta(false)]));
}

#[test]
fn a_receipt_names_its_cause_and_the_time_from_which_it_holds() {
    let alice = alice();
    let receipts = |user: &Record| -> Vec<_> {
        user.receipts.iter().map(|receipt| shown(ReceiptOutput::from(receipt))).collect()
    };
    let of_administrator = json!({
        "receiptId": "r1",
        "identity": "8:acs:1",
        "epoch": alice.epoch - 1,
        "blocked": false,
        "cause": "administrator",
        "by": "root",
        "acceptedAt": "2027-01-15T08:00:01.000Z",
        "revokedAt": "2027-01-15T08:00:02.000Z",
        "effectiveBy": "2027-01-15T08:15:02.000Z",
    });
    let of_event = json!({
        "receiptId": "r2",
        "identity": "8:acs:1",
        "epoch": alice.epoch,
        "blocked": true,
        "cause": "user.disabled",
        "source": "okta",
        "eventId": "e-1",
        "reason": "left",
        "acceptedAt": "2027-01-15T08:00:03.000Z",
    });
    assert_eq!(receipts(&alice), [of_administrator, of_event]);
}
