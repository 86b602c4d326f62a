use std::collections::BTreeMap;

use super::*;
use crate::model::{AcsId, IdentityRef, ResourceName, State, StateName};
use crate::operations::issue_access_token::{
    IssueAccessTokenRequest, IssuedToken, TokenSubject, issue_access_token,
};
use crate::ports::ResourceClients;
use crate::testing::{
    ClientCall, CoreFixture, Loss, ManualClock, MemoryIdentityClient, StoreCall, acs_id,
    administrator, an_hour, caller, record, resource, user,
};

/// Alice has an identity of the resource `old`, which is being drained. New ones are in `new`.
struct DrainFixture {
    core: CoreFixture,
    old: MemoryIdentityClient,
    new: MemoryIdentityClient,
    clients: ResourceClients<MemoryIdentityClient>,
}

const ALICES: &str = "8:acs:old_1";

impl DrainFixture {
    fn with(state: State) -> Self {
        let at = ManualClock::default().now();
        let alice = Record { resource: resource("old"), ..record("alice", state, at) };
        let [old, new] = ["old", "new"].map(MemoryIdentityClient::of_resource);
        old.know(&acs_id(ALICES));
        let placement = r#"{"new": {}, "old": {"state": "draining"}}"#;
        let clients =
            BTreeMap::from([(resource("old"), old.clone()), (resource("new"), new.clone())]);
        let clients = ResourceClients::new(clients, serde_json::from_str(placement).unwrap());
        Self { core: CoreFixture::with([alice]), old, new, clients: clients.unwrap() }
    }

    async fn issue(&self, subject: TokenSubject) -> Result<IssuedToken, Error> {
        let invocation = self.core.invocation("issue");
        let request = IssueAccessTokenRequest { subject, token: an_hour(), invocation };
        issue_access_token(&self.core.store, &self.clients, &self.core.clock, request).await
    }

    fn alice(&self) -> (ResourceName, Option<AcsId>) {
        let alice = self.core.alice().unwrap();
        (alice.resource.clone(), alice.acs_id().cloned())
    }
}

fn active() -> DrainFixture {
    DrainFixture::with(State::active(ALICES))
}

fn idle() -> DrainFixture {
    let fixture = active();
    fixture.core.clock.advance(WITHOUT_TOKENS_AFTER);
    fixture
}

#[tokio::test]
async fn r82_an_idle_identity_of_a_draining_resource_is_replaced_by_one_elsewhere() {
    let fixture = idle();
    let issued = fixture.issue(caller("alice")).await.unwrap();
    assert!(issued.created && fixture.new.is_alive(&issued.token));
    assert_eq!(fixture.alice(), (resource("new"), Some(issued.acs_id)));
    assert_eq!(fixture.core.alice().unwrap().last_acs_id, Some(acs_id(ALICES)));
    assert_eq!(fixture.old.calls(), [ClientCall::Delete]);
    assert_eq!(fixture.new.calls(), [ClientCall::CreateWithToken]);
    let [entry] = &*fixture.core.records.audit_log() else { panic!("one entry") };
    assert_eq!(entry.action, AuditAction::DeleteIdentity);
    assert_eq!(entry.identity, Some(acs_id(ALICES)));
}

#[tokio::test]
async fn r82_an_identity_that_may_have_a_valid_token_is_kept() {
    let fixture = active();
    fixture
        .core
        .clock
        .advance(Duration::from_hours(25).checked_sub(Duration::from_millis(1)).unwrap());
    let issued = fixture.issue(caller("alice")).await.unwrap();
    assert!(!issued.created && fixture.old.is_alive(&issued.token));
    assert_eq!(fixture.alice(), (resource("old"), Some(acs_id(ALICES))));
    assert_eq!(fixture.new.calls(), []);
}

#[tokio::test]
async fn r82_an_identity_that_is_used_in_the_meantime_is_kept() {
    let fixture = idle();
    let records = fixture.core.records.clone();
    let now = fixture.core.clock.now();
    fixture.core.store.lose(move |call| {
        if call == StoreCall::Advance(StateName::Deleting) {
            records.meanwhile(|seen| Record { last_issued_at: now, ..seen.clone() });
        }
        None::<Loss>
    });
    let issued = fixture.issue(caller("alice")).await.unwrap();
    assert!(!issued.created && fixture.old.is_alive(&issued.token));
}

#[tokio::test]
async fn r82_an_administrators_token_replaces_nothing() {
    let fixture = idle();
    let identity = IdentityRef::External(user("alice"));
    let subject = TokenSubject::Identity { identity, by: administrator() };
    let issued = fixture.issue(subject).await.unwrap();
    assert_eq!(issued.acs_id, acs_id(ALICES));
    assert_eq!(fixture.new.calls(), []);
}

#[tokio::test]
async fn r82_a_caller_who_may_have_no_token_keeps_the_identity() {
    let fixture = idle();
    let not_before = Some(fixture.core.clock.now());
    fixture.core.records.meanwhile(|seen| Record { not_before, ..seen.clone() });
    let refused = fixture.issue(caller("alice")).await;
    assert!(matches!(refused, Err(Error::SignInRequired)), "{refused:?}");
    assert_eq!(fixture.old.calls(), []);
}

#[tokio::test]
async fn r81_a_new_identity_gets_its_token_from_the_resource_that_created_it() {
    let fixture = active();
    let first = fixture.issue(caller("bob")).await.unwrap();
    let second = fixture.issue(caller("bob")).await.unwrap();
    assert_eq!((first.created, second.created), (true, false));
    assert_eq!(fixture.new.calls(), [ClientCall::CreateWithToken, ClientCall::Issue]);
    assert_eq!(fixture.old.calls(), []);
}

#[tokio::test]
async fn r81_a_record_of_a_resource_that_is_not_configured_is_refused_and_not_changed() {
    let fixture = active();
    fixture.core.records.meanwhile(|seen| Record { resource: resource("gone"), ..seen.clone() });
    let before = fixture.core.alice();
    let refused = fixture.issue(caller("alice")).await;
    let Err(error @ Error::UnknownResource(_)) = refused else { panic!("{refused:?}") };
    assert!(error.to_string().contains("`gone`, which is not configured: add its connection"));
    assert_eq!(fixture.core.alice(), before);
    assert_eq!((fixture.old.calls(), fixture.new.calls()), (vec![], vec![]));
}

#[tokio::test]
async fn r81_a_single_client_refuses_a_record_of_another_resource() {
    let fixture = active();
    let (store, acs, clock) = (&fixture.core.store, &fixture.old, &fixture.core.clock);
    let (subject, invocation) = (caller("alice"), fixture.core.invocation("issue"));
    let request = IssueAccessTokenRequest { subject, token: an_hour(), invocation };
    let refused = issue_access_token(store, acs, clock, request).await;
    assert!(matches!(refused, Err(Error::UnknownResource(_))), "{refused:?}");
    assert_eq!(fixture.old.calls(), []);
}

#[test]
fn r81_a_placement_without_a_client_is_refused() {
    let clients = BTreeMap::from([(ResourceName::MAIN, MemoryIdentityClient::default())]);
    let placement = serde_json::from_str(r#"{"main": {}, "eu2": {}}"#).unwrap();
    let refused = ResourceClients::new(clients, placement).err().unwrap();
    assert_eq!(
        refused.to_string(),
        "the placement names the resource `eu2`, which has no connection string"
    );
}

#[test]
fn r81_a_resource_whose_creations_are_held_gets_no_new_identity() {
    let acs = MemoryIdentityClient::default();
    let other = MemoryIdentityClient::default();
    let clients = BTreeMap::from([(resource("a"), acs.clone()), (resource("b"), other)]);
    let placement = serde_json::from_str(r#"{"a": {}, "b": {}}"#).unwrap();
    let clients = ResourceClients::new(clients, placement).unwrap();
    let of_a = || {
        let users = (0..100).map(|index| user(&format!("user-{index}")));
        users.filter(|user| clients.place(user) == resource("a")).count()
    };
    assert!((30..70).contains(&of_a()), "{}", of_a());
    acs.hold_creations();
    assert_eq!(of_a(), 0);
}
