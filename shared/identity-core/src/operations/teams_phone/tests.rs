mod inventory;

use std::time::{Duration, SystemTime};

use super::*;
use crate::model::entra::EntraUser;
use crate::model::phone::{
    PhoneClaims, PhoneEntry, PhoneFault, PhoneSettings, PhoneState, PrincipalType,
};
use crate::model::{
    AccessToken, AcsId, AuditAction, Bearer, Error, EventKind, Record, Secret, State,
};
use crate::operations::end_phone_access::end_phone_access;
use crate::operations::exchange_teams_token::TeamsTokenFault;
use crate::operations::finish_phone_work::{FinishedPhoneWork, finish_phone_work};
use crate::ports::{Clock, PhoneInventory};
use crate::testing::phone::{MemoryPhone, PhoneCall, assignment, guid, principal};
use crate::testing::{
    ManualClock, MemoryIdentityStore, administrator, event, invocation, record, user,
};

/// The ports, with the object 5 as Alice.
struct PhoneFixture {
    store: MemoryIdentityStore,
    acs: MemoryPhone,
    clock: ManualClock,
    settings: PhoneSettings,
}

impl PhoneFixture {
    fn new(more: &str) -> Self {
        let (tenant, client) = (guid(1), guid(9));
        let settings = format!(r#"{{"tenants": ["{tenant}"], "clients": ["{client}"]{more}}}"#);
        Self {
            store: MemoryIdentityStore::default(),
            acs: MemoryPhone::default(),
            clock: ManualClock::default(),
            settings: PhoneSettings::parse(&settings).unwrap(),
        }
    }

    fn with(self, record: Record) -> Self {
        Self { store: MemoryIdentityStore::with([record]), ..self }
    }

    fn assign_request(&self, id: &str) -> AssignPhoneRequest {
        AssignPhoneRequest {
            assignment: assignment(5),
            user: Some(user("alice")),
            by: Assignee::Administrator(administrator()),
            invocation: invocation(id, &self.clock),
        }
    }

    async fn assign(&self, id: &str) -> Result<PhoneEntry, Error> {
        let request = self.assign_request(id);
        assign_phone(&self.store, &self.acs, &self.clock, &self.settings, &request).await
    }

    async fn unassign(&self, id: &str) -> Result<bool, Error> {
        let request = UnassignPhoneRequest {
            principal: principal(5),
            user: None,
            by: crate::model::Actor::Administrator(user("root")),
            requested_until: None,
            invocation: invocation(id, &self.clock),
        };
        unassign_phone(&self.store, &self.acs, &self.clock, &request).await
    }

    async fn event(&self, kind: EventKind, at: SystemTime) -> Result<u64, Error> {
        let (event, invocation) = (event(kind, at), invocation("event", &self.clock));
        end_phone_access(&self.store, &self.acs, &self.clock, &event, &invocation).await
    }

    async fn finish(&self) -> FinishedPhoneWork {
        let invocation = invocation("job", &self.clock);
        finish_phone_work(&self.store, &self.acs, &self.clock, &invocation).await.unwrap()
    }

    async fn exchange(
        &self,
        change: impl FnOnce(&mut PhoneClaims),
    ) -> Result<(AcsId, AccessToken), Error> {
        let now = self.clock.now();
        let exp = now.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() + 3600;
        let mut claims = PhoneClaims {
            iss: Some(format!("https://sts.windows.net/{}/", guid(1))),
            oid: Some(guid(5).to_string()),
            tid: Some(guid(1).to_string()),
            exp: Some(exp),
            aud: Some("https://auth.msft.communication.azure.com".to_owned()),
            scp: Some("User.Read TeamsExtension.ManageCalls".to_owned()),
            appid: Some(guid(9).to_string()),
            azp: None,
        };
        change(&mut claims);
        let caller = EntraUser { oid: guid(5).to_string(), tid: guid(1).to_string() };
        let request = PhoneTokenRequest { token: Secret::new("entra"), claims, caller };
        let token = verify_phone_token(&self.acs, &self.clock, &self.settings, request).await?;
        let bearer = Bearer { issued_at: Some(now), authenticated_at: None };
        let invocation = invocation("exchange", &self.clock);
        let request = ExchangePhoneTokenRequest { token, user: user("alice"), bearer, invocation };
        exchange_phone_token(&self.store, &self.acs, &self.clock, &self.settings, request).await
    }

    async fn state(&self) -> Option<PhoneState> {
        Some(self.store.find_entry(&principal(5)).await.unwrap()?.state)
    }

    fn is_at_acs(&self) -> bool {
        !self.acs.assignments().is_empty()
    }
}

fn unavailable() -> Error {
    Error::AcsUnavailable { maybe_applied: true, source: "no answer".into() }
}

fn alice(state: State) -> Record {
    record("alice", state, ManualClock::default().now())
}

#[tokio::test]
async fn r90_the_callers_own_verified_token_is_exchanged() {
    let fixture = PhoneFixture::new("");
    assert!(fixture.exchange(|_| {}).await.is_ok());
    assert_eq!(fixture.acs.calls(), [PhoneCall::Verify, PhoneCall::Exchange]);
    let version_2 = |claims: &mut PhoneClaims| {
        claims.iss = Some(format!("https://login.microsoftonline.com/{}/v2.0", guid(1)));
        claims.aud = Some("1fd5118e-2576-4263-8130-9503064c837a".to_owned());
        claims.azp = claims.appid.take();
    };
    assert!(fixture.exchange(version_2).await.is_ok());
}

#[tokio::test]
async fn r90_a_token_that_fails_a_check_is_refused_and_acs_is_not_asked() {
    type Mistake = (fn(&mut PhoneClaims), Error);
    let phone = Error::TeamsPhone;
    let mistakes: [Mistake; 12] = [
        (
            |claims| claims.oid = Some(guid(6).to_string()),
            Error::TeamsToken(TeamsTokenFault::AnotherUser),
        ),
        (
            |claims| claims.tid = Some(guid(2).to_string()),
            Error::TeamsToken(TeamsTokenFault::AnotherUser),
        ),
        (|claims| claims.oid = None, Error::TeamsToken(TeamsTokenFault::AnotherUser)),
        (|claims| claims.exp = Some(1), Error::TeamsToken(TeamsTokenFault::Expired)),
        (
            |claims| claims.exp = claims.exp.map(|exp| exp - 3001),
            Error::TeamsToken(TeamsTokenFault::Expiring),
        ),
        (|claims| claims.exp = None, phone(PhoneFault::Forged)),
        (
            |claims| claims.aud = Some("https://graph.microsoft.com".to_owned()),
            phone(PhoneFault::WrongAudience),
        ),
        (
            |claims| claims.scp = Some("Teams.ManageCalls".to_owned()),
            phone(PhoneFault::MissingConsent),
        ),
        (|claims| claims.scp = None, phone(PhoneFault::MissingConsent)),
        (|claims| claims.appid = Some(guid(8).to_string()), phone(PhoneFault::WrongClient)),
        (|claims| claims.appid = None, phone(PhoneFault::WrongClient)),
        (|claims| claims.iss = Some("https://evil.example/".to_owned()), phone(PhoneFault::Forged)),
    ];
    for (mistake, expected) in mistakes {
        let fixture = PhoneFixture::new("");
        let refused = fixture.exchange(mistake).await.unwrap_err();
        assert_eq!(refused.to_string(), expected.to_string());
        assert_eq!(fixture.acs.calls(), [], "{expected}");
    }
    let elsewhere = PhoneFixture::new("");
    let settings = format!(r#"{{"tenants": ["{}"], "clients": ["{}"]}}"#, guid(2), guid(9));
    let settings = PhoneSettings::parse(&settings).unwrap();
    let refused = PhoneFixture { settings, ..elsewhere }.exchange(|_| {}).await;
    assert!(matches!(refused, Err(Error::TeamsPhone(PhoneFault::WrongTenant))), "{refused:?}");
    for fault in [PhoneFault::Forged, PhoneFault::KeysUnavailable] {
        let fixture = PhoneFixture::new("");
        fixture.acs.refuse_signatures(fault);
        let refused = fixture.exchange(|_| {}).await;
        assert!(matches!(refused, Err(Error::TeamsPhone(found)) if found == fault));
        assert_eq!(fixture.acs.calls(), [PhoneCall::Verify]);
    }
}

#[tokio::test]
async fn r59_a_user_who_is_cut_off_gets_no_token_of_teams_phone() {
    let blocked = || alice(State::Blocked { acs_id: None });
    let signed_out = || Record {
        not_before: Some(ManualClock::default().now()),
        ..alice(State::active("8:acs:1"))
    };
    for cut_off in [blocked(), signed_out()] {
        let fixture = PhoneFixture::new("").with(cut_off);
        assert!(fixture.exchange(|_| {}).await.is_err());
        assert_eq!(fixture.acs.calls(), [PhoneCall::Verify], "ACS is not asked");
    }
    for cut_off in [blocked(), signed_out()] {
        let fixture = PhoneFixture::new("").with(alice(State::active("8:acs:1")));
        let meanwhile = fixture.store.clone();
        fixture.acs.while_answering(move || meanwhile.meanwhile(|_| cut_off));
        assert!(fixture.exchange(|_| {}).await.is_err(), "the token is dropped");
        assert_eq!(fixture.acs.calls().len(), 2);
    }
}

#[tokio::test]
async fn the_first_exchange_assigns_only_if_the_policy_says_so_and_never_after_a_removal() {
    let never = PhoneFixture::new("");
    never.exchange(|_| {}).await.unwrap();
    assert!(!never.is_at_acs());
    let fixture = PhoneFixture::new(r#", "assignOnFirstExchange": true"#);
    fixture.exchange(|_| {}).await.unwrap();
    assert_eq!(fixture.acs.assignments(), [assignment(5)]);
    assert_eq!(fixture.state().await, Some(PhoneState::Assigned));
    fixture.unassign("remove").await.unwrap();
    fixture.exchange(|_| {}).await.unwrap();
    assert!(!fixture.is_at_acs(), "the removal was a decision");
}

#[tokio::test]
async fn an_assignment_is_recorded_confirmed_and_audited() {
    let fixture = PhoneFixture::new("");
    let store = fixture.store.clone();
    fixture.acs.while_answering(move || {
        let entry = store.with_phone(|_, log| log.len());
        assert_eq!(entry, 1, "the intent is recorded before ACS answers");
    });
    let entry = fixture.assign("one").await.unwrap();
    assert_eq!((entry.state, entry.by.as_str()), (PhoneState::Assigned, "root"));
    assert_eq!(entry.verified_at, Some(fixture.clock.now()));
    assert_eq!(fixture.assign("two").await.unwrap().state, PhoneState::Assigned);
    assert!(fixture.unassign("three").await.unwrap());
    let actions: Vec<_> = fixture.store.audit_log().iter().map(|entry| entry.action).collect();
    let (assign, unassign) = (AuditAction::AssignPhone, AuditAction::UnassignPhone);
    assert_eq!(actions, [assign, assign, unassign]);
    assert_eq!(fixture.state().await, Some(PhoneState::Removed));
}

#[tokio::test]
async fn an_assignment_beyond_the_policy_or_of_a_blocked_user_is_refused() {
    let fixture = PhoneFixture::new(r#", "principalTypes": ["user"]"#);
    let mut request = fixture.assign_request("one");
    request.assignment.principal_type = PrincipalType::ResourceAccount;
    let PhoneFixture { store, acs, clock, settings } = &fixture;
    let refused = assign_phone(store, acs, clock, settings, &request).await;
    assert!(matches!(refused, Err(Error::TeamsPhone(PhoneFault::WrongKind))), "{refused:?}");
    let fixture = fixture.with(alice(State::blocked("8:acs:1")));
    assert!(matches!(fixture.assign("two").await, Err(Error::Blocked)));
    assert_eq!(fixture.acs.calls(), []);
    assert_eq!(fixture.state().await, None);
}

#[tokio::test]
async fn an_assignment_that_acs_refuses_leaves_what_was_there_before() {
    let fixture = PhoneFixture::new("");
    fixture.acs.fail([Error::AcsRefused("no".into())]);
    assert!(fixture.assign("one").await.is_err());
    assert_eq!(fixture.state().await, Some(PhoneState::Removed));
    fixture.assign("two").await.unwrap();
    fixture.acs.fail([Error::AcsRefused("no".into())]);
    assert!(fixture.assign("three").await.is_err());
    assert_eq!(fixture.state().await, Some(PhoneState::Assigned));
}

#[tokio::test]
async fn r91_an_assignment_whose_outcome_is_unknown_is_settled_by_the_job_which_gives_no_access() {
    for is_at_acs in [true, false] {
        let fixture = PhoneFixture::new("");
        fixture.acs.fail([unavailable()]);
        assert!(fixture.assign("one").await.is_err());
        assert_eq!(fixture.state().await, Some(PhoneState::Assigning));
        assert_eq!(fixture.finish().await, FinishedPhoneWork::default(), "it may be running");
        if is_at_acs {
            fixture.acs.know(&assignment(5));
        }
        fixture.clock.advance(Duration::from_secs(16));
        assert_eq!(fixture.finish().await.settled, 1);
        let expected = if is_at_acs { PhoneState::Assigned } else { PhoneState::Removed };
        assert_eq!(fixture.state().await, Some(expected));
        assert_eq!(fixture.is_at_acs(), is_at_acs);
        assert_eq!(fixture.finish().await, FinishedPhoneWork::default());
    }
}

#[tokio::test]
async fn r91_a_removal_that_was_interrupted_is_finished_by_the_job_or_before_a_new_assignment() {
    for by_job in [true, false] {
        let fixture = PhoneFixture::new("");
        fixture.assign("one").await.unwrap();
        fixture.acs.fail([unavailable()]);
        assert!(fixture.unassign("two").await.is_err());
        assert!(matches!(fixture.assign("three").await, Err(Error::Busy { .. })));
        fixture.clock.advance(Duration::from_secs(16));
        assert!(!fixture.acs.was_deleted(&principal(5)));
        if by_job {
            fixture.acs.fail([unavailable()]);
            assert_eq!(fixture.finish().await.failed, 1, "the next run tries again");
            fixture.clock.advance(Duration::from_secs(16));
            assert_eq!(fixture.finish().await.removed, 1);
            assert_eq!(fixture.state().await, Some(PhoneState::Removed));
        } else {
            fixture.assign("four").await.unwrap();
        }
        assert!(fixture.acs.was_deleted(&principal(5)), "the tokens from before are revoked");
        assert_eq!(fixture.is_at_acs(), !by_job);
    }
}

#[tokio::test]
async fn r92_an_account_that_is_disabled_or_deleted_loses_older_assignments_in_any_order() {
    for kind in EventKind::ALL {
        let ends = matches!(kind, EventKind::Disabled | EventKind::Deleted);
        let fixture = PhoneFixture::new("");
        fixture.assign("one").await.unwrap();
        let assigned_at = fixture.clock.now();
        let before = assigned_at - Duration::from_secs(1);
        assert_eq!(fixture.event(kind, before).await.unwrap(), 0, "the assignment is newer");
        assert!(fixture.is_at_acs());
        let after = assigned_at + Duration::from_secs(1);
        assert_eq!(fixture.event(kind, after).await.unwrap(), u64::from(ends), "{kind:?}");
        assert_eq!(fixture.event(kind, after).await.unwrap(), 0, "delivered twice");
        assert_eq!(fixture.is_at_acs(), !ends, "{kind:?}");
        fixture.clock.advance(Duration::from_secs(10));
        fixture.assign("two").await.unwrap();
        assert_eq!(fixture.event(kind, after).await.unwrap(), 0, "delivered late");
        assert!(fixture.is_at_acs());
    }
}

#[tokio::test]
async fn r92_an_event_ends_an_assignment_that_was_made_elsewhere_and_used_here() {
    let fixture = PhoneFixture::new("");
    fixture.acs.know(&assignment(5));
    fixture.exchange(|_| {}).await.unwrap();
    fixture.acs.fail([unavailable()]);
    let now = fixture.clock.now();
    assert!(fixture.event(EventKind::Disabled, now).await.is_err(), "it is delivered again");
    fixture.clock.advance(Duration::from_secs(16));
    assert_eq!(fixture.event(EventKind::Disabled, now).await.unwrap(), 1);
    assert!(!fixture.is_at_acs());
}

#[tokio::test]
async fn r92_a_user_who_is_blocked_while_acs_answers_is_not_assigned() {
    let fixture = PhoneFixture::new("").with(alice(State::active("8:acs:1")));
    let meanwhile = fixture.store.clone();
    fixture.acs.while_answering(move || meanwhile.meanwhile(|_| alice(State::blocked("8:acs:1"))));
    assert!(matches!(fixture.assign("one").await, Err(Error::Blocked)));
    assert!(!fixture.is_at_acs());
    assert_eq!(fixture.state().await, Some(PhoneState::Removed));
}

#[tokio::test]
async fn a_verification_notes_the_time_or_names_the_drift() {
    let fixture = PhoneFixture::new("");
    let verify = async || {
        let invocation = invocation("verify", &fixture.clock);
        let PhoneFixture { store, acs, clock, .. } = &fixture;
        verify_phone_assignment(store, acs, clock, &principal(5), &invocation).await.unwrap()
    };
    assert_eq!(verify().await, VerifiedEntry { entry: None, at_acs: None, drift: None });
    fixture.acs.know(&assignment(5));
    assert_eq!(verify().await.drift, Some(PhoneDrift::NotInInventory));
    fixture.assign("one").await.unwrap();
    fixture.clock.advance(Duration::from_mins(1));
    let verified = verify().await;
    let at = verified.entry.unwrap().verified_at;
    assert_eq!((verified.drift, at), (None, Some(fixture.clock.now())));
    let mut changed = assignment(5);
    changed.client_ids.push(guid(8));
    fixture.acs.know(&changed);
    assert_eq!(verify().await.drift, Some(PhoneDrift::Different));
}
