//! Finds the client of an identity's resource, and reports identities whose resource is wrong.
//!
//! ACS refuses to issue, revoke or delete for the identities of another resource. Usually the
//! secret names a different resource than the one that created the identities. They still exist
//! there, with their tokens, so such an identity must never be treated as revoked or deleted. For
//! the same reason, no other resource is tried.

use tracing::error;

use crate::model::{AcsId, Error, ResourceName};
use crate::ports::IdentityClients;

/// The client of a record's resource. Logs and counts a resource that is not configured.
pub(crate) fn client_of<'a, A: IdentityClients>(
    acs: &'a A,
    resource: &ResourceName,
) -> Result<&'a A::Client, Error> {
    acs.client(resource).inspect_err(|_| {
        error!(
            acs.resource = resource.as_str(),
            metric.resources_unknown = 1_u64,
            "the ACS resource of the record is not configured: add its connection string to the \
             secret again, with the same name"
        );
    })
}

/// Logs and counts the error if `cause` means that `acs_id` does not belong to `resource`.
pub(crate) fn report_foreign(acs_id: &AcsId, resource: &ResourceName, cause: &Error) {
    if let Error::ForeignIdentity(source) = cause {
        error!(
            acs.id = %acs_id,
            acs.resource = resource.as_str(),
            metric.identities_foreign = 1_u64,
            %source,
            "the identity belongs to another ACS resource: check which resource the secret names"
        );
    }
}

#[cfg(test)]
mod tests {
    use crate::model::error::Error;
    use crate::model::identity::IdentityRef;
    use crate::model::record::{By, Cause, State};
    use crate::model::{AcsId, Record, ResourceName};
    use crate::operations::delete_identity::{DeleteIdentityRequest, IfForeign, delete_identity};
    use crate::operations::issue_access_token::{
        IssueAccessTokenRequest, TokenSubject, issue_access_token,
    };
    use crate::operations::revoke_access_tokens::{
        IfMissing, RevokeAccessTokensRequest, revoke_access_tokens,
    };
    use crate::testing::{CoreFixture, acs_id, administrator, an_hour, caller, user};

    /// Alice has an identity of another resource.
    fn fixture() -> CoreFixture {
        let fixture = CoreFixture::where_alice_is(State::active("8:acs:1"));
        fixture.acs.disown(&acs_id("8:acs:1"));
        fixture
    }

    fn alice() -> IdentityRef {
        IdentityRef::External(user("alice"))
    }

    #[tokio::test]
    async fn an_identity_of_another_resource_gets_no_token_and_keeps_its_record() {
        let fixture = fixture();
        let before = fixture.alice();
        let named = TokenSubject::Identity { identity: alice(), by: administrator() };
        for subject in [caller("alice"), named] {
            let invocation = fixture.invocation("issue");
            let request = IssueAccessTokenRequest { subject, token: an_hour(), invocation };
            let issued =
                issue_access_token(&fixture.store, &fixture.acs, &fixture.clock, request).await;
            assert!(matches!(issued, Err(Error::ForeignIdentity(_))), "{issued:?}");
        }
        assert_eq!(fixture.alice(), before);
        assert_eq!(fixture.acs.identities(), [acs_id("8:acs:1")], "no identity was created");
    }

    #[tokio::test]
    async fn a_revocation_at_another_resource_is_not_confirmed() {
        let fixture = fixture();
        let request = RevokeAccessTokensRequest {
            bearer: None,
            identity: alice(),
            block: true,
            if_missing: IfMissing::Refuse,
            pace: None,
            cause: Cause::of(By::administrator(&user("root"))),
            invocation: fixture.invocation("revoke"),
        };
        let revoked =
            revoke_access_tokens(&fixture.store, &fixture.acs, &fixture.clock, request).await;
        assert!(matches!(revoked, Err(Error::ForeignIdentity(_))), "{revoked:?}");
        let record = fixture.alice().unwrap();
        assert_eq!(record.state, State::blocked("8:acs:1"));
        assert!(record.pending_revocation.is_some());
        assert_eq!(record.receipts[0].revoked_at, None);
    }

    async fn delete(fixture: &CoreFixture, if_foreign: IfForeign) -> Result<Option<AcsId>, Error> {
        let request = DeleteIdentityRequest {
            bearer: None,
            identity: alice(),
            by: By::User,
            if_foreign,
            invocation: fixture.invocation("delete"),
        };
        delete_identity(&fixture.store, &fixture.acs, &fixture.clock, request).await
    }

    #[tokio::test]
    async fn a_deletion_at_another_resource_leaves_no_tombstone() {
        let fixture = fixture();
        let deleted = delete(&fixture, IfForeign::Refuse).await;
        assert!(matches!(deleted, Err(Error::ForeignIdentity(_))), "{deleted:?}");
        assert_eq!(fixture.alice().unwrap().state, State::deleting("8:acs:1"));
    }

    #[tokio::test]
    async fn an_identity_whose_resource_was_deleted_is_gone_if_the_operator_says_so() {
        let fixture = fixture();
        let deleted = delete(&fixture, IfForeign::Gone).await.unwrap();
        assert_eq!(deleted, Some(acs_id("8:acs:1")));
        assert_eq!(fixture.alice().unwrap().state, State::Deleted);
        // Also a deletion that was started before.
        let fixture = self::fixture();
        delete(&fixture, IfForeign::Refuse).await.unwrap_err();
        delete(&fixture, IfForeign::Gone).await.unwrap();
        assert_eq!(fixture.alice().unwrap().state, State::Deleted);
    }

    #[tokio::test]
    async fn a_resource_that_is_not_configured_any_more_has_no_identities_if_the_operator_says_so()
    {
        let fixture = CoreFixture::where_alice_is(State::active("8:acs:1"));
        let gone = ResourceName::parse("gone").unwrap();
        fixture.records.meanwhile(|seen| Record { resource: gone.clone(), ..seen.clone() });
        let refused = delete(&fixture, IfForeign::Refuse).await;
        assert!(matches!(refused, Err(Error::UnknownResource(_))), "{refused:?}");
        delete(&fixture, IfForeign::Gone).await.unwrap();
        assert_eq!(fixture.alice().unwrap().state, State::Deleted);
        assert_eq!(fixture.acs.calls(), [], "no other resource is asked");
    }
}
