use std::collections::BTreeSet;

use super::*;
use crate::model::{Bearer, InvitationId};
use crate::testing::invitations::{
    closed, guest_policy, invitation, locked, revoked, revoking, with_pin,
};
use crate::testing::{CoreFixture, user};

/// A hundred invitations: twenty of each status, half of them of another caller.
fn hundred() -> CoreFixture {
    let fixture = CoreFixture::with([]);
    let changes: [fn(&mut Invitation); 5] = [|_| {}, locked, closed, revoking, revoked];
    for number in 0..100_usize {
        let mut invitation = invitation(&format!("handle {number}"));
        with_pin(&mut invitation);
        changes[number % 5](&mut invitation);
        let creator = if number % 2 == 0 { "inviter" } else { "another" };
        invitation.created_by = user(creator);
        fixture.records.put_invitation(&invitation);
    }
    fixture
}

async fn walk(
    fixture: &CoreFixture,
    status: Option<InvitationStatus>,
    limit: u16,
    by: &Inviter,
) -> BTreeSet<InvitationId> {
    let (mut ids, mut cursor) = (BTreeSet::new(), None);
    loop {
        let request = ListInvitationsRequest { status, limit, cursor, by: by.clone() };
        let policy = guest_policy();
        let page =
            list_invitations(&fixture.store, &fixture.clock, Some(&policy), request).await.unwrap();
        assert!(page.invitations.len() <= usize::from(limit));
        for invitation in page.invitations {
            assert!(ids.insert(invitation.id), "each once");
        }
        cursor = page.next;
        if cursor.is_none() {
            return ids;
        }
    }
}

#[tokio::test]
async fn pages_of_any_size_give_every_invitation_once() {
    let (fixture, by) = (hundred(), Inviter::operator(user("root")));
    for limit in [1, 7, 100] {
        assert_eq!(walk(&fixture, None, limit, &by).await.len(), 100, "pages of {limit}");
    }
}

#[tokio::test]
async fn a_list_is_narrowed_by_status() {
    let (fixture, by) = (hundred(), Inviter::operator(user("root")));
    for status in InvitationStatus::ALL {
        for limit in [3, 100] {
            assert_eq!(walk(&fixture, Some(status), limit, &by).await.len(), 20, "{status:?}");
        }
    }
}

#[tokio::test]
async fn a_caller_sees_their_own_invitations_only() {
    let fixture = hundred();
    let (store, now) = (&fixture.store, fixture.clock.now());
    let own = Inviter::admitted(store, user("inviter"), Bearer::default(), false, now).await;
    let own = own.unwrap();
    assert_eq!(walk(&fixture, None, 7, &own).await.len(), 50);
    assert_eq!(walk(&fixture, Some(InvitationStatus::Open), 7, &own).await.len(), 10);
    let all = Inviter::admitted(store, user("inviter"), Bearer::default(), true, now).await;
    assert_eq!(walk(&fixture, None, 7, &all.unwrap()).await.len(), 100);
}

#[tokio::test]
async fn a_full_page_reads_few_more_invitations_than_it_has() {
    let (fixture, by) = (hundred(), Inviter::operator(user("root")));
    let request = ListInvitationsRequest { status: None, limit: 1, cursor: None, by };
    list_invitations(&fixture.store, &fixture.clock, Some(&guest_policy()), request).await.unwrap();
    assert!(fixture.store.calls().len() <= 3, "{:?}", fixture.store.calls());
}
