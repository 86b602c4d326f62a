//! Issues an access token: for a user, whose identity is created on first use, or for an identity
//! that an administrator names.

use crate::model::{
    AccessToken, AcsId, Bearer, Error, ExternalId, IdentityRef, Invocation, Requester,
    ResourceName, TokenPace, TokenRequest,
};
use crate::ports::{Clock, IdentityClients, IdentityStore};
use crate::protocol::administrator::Administrator;
use crate::protocol::ensure_identity::{IdentityRequest, IdentitySelector, ensure_identity};

/// The parameters of the operation.
#[derive(Clone, Debug)]
pub struct IssueAccessTokenRequest {
    /// The subject of the token.
    pub subject: TokenSubject,
    /// The scopes and the lifetime of the token.
    pub token: TokenRequest,
    /// The request being served.
    pub invocation: Invocation,
}

/// The subject of a requested token.
#[derive(Clone, Debug)]
pub enum TokenSubject {
    /// The caller: the first call creates their identity.
    Caller {
        /// The caller's external ID.
        user: ExternalId,
        /// The caller's bearer token.
        bearer: Bearer,
        /// How often the caller may ask; `None` for no limit.
        pace: Option<TokenPace>,
        /// The ACS resource of a new identity; `None` for the one of the placement.
        resource: Option<ResourceName>,
    },
    /// An existing identity.
    Identity {
        /// The identity.
        identity: IdentityRef,
        /// The administrator who requests the token.
        by: Administrator,
    },
}

/// An issued token, with its identity.
#[derive(Clone, Debug)]
pub struct IssuedToken {
    /// The ID of the identity in ACS.
    pub acs_id: AcsId,
    /// The token.
    pub token: AccessToken,
    /// Whether this call created the identity.
    pub created: bool,
}

/// Issues a token.
///
/// The token is returned, but never stored, cached or logged. If the identity was revoked,
/// blocked or marked for deletion while ACS answered, the token is dropped and the result is
/// [`Error::Busy`] or [`Error::Blocked`].
pub async fn issue_access_token(
    store: &impl IdentityStore,
    acs: &impl IdentityClients,
    clock: &impl Clock,
    request: IssueAccessTokenRequest,
) -> Result<IssuedToken, Error> {
    let IssueAccessTokenRequest { subject, token, invocation } = request;
    let (selector, requester, resource) = match subject {
        TokenSubject::Caller { user, bearer, pace, resource } => {
            (IdentitySelector::Users(user), Requester::User { bearer, pace }, resource)
        }
        TokenSubject::Identity { identity, by } => {
            let requester = Requester::Administrator { id: by.id().clone() };
            (existing(store, identity).await?, requester, None)
        }
    };
    let request = IdentityRequest {
        selector,
        token: Some(&token),
        resource: resource.as_ref(),
        due_at: None,
        requester,
        invocation: &invocation,
    };
    let ensured = ensure_identity(store, acs, clock, &request).await?;
    let token = ensured.token.ok_or(Error::Internal("a requested token is missing"))?;
    Ok(IssuedToken { acs_id: ensured.acs_id, token, created: ensured.created })
}

async fn existing(
    store: &impl IdentityStore,
    identity: IdentityRef,
) -> Result<IdentitySelector, Error> {
    Ok(match identity {
        IdentityRef::External(user) => IdentitySelector::Existing(user, None),
        IdentityRef::Acs(acs_id) => {
            let user = store.find_by_acs_id(&acs_id).await?.ok_or(Error::NotFound)?;
            IdentitySelector::Existing(user, Some(acs_id))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::record::{Record, State, StateName};
    use crate::testing::invitations::{device_of, full, invitation};
    use crate::testing::{
        ClientCall, CoreFixture, StoreCall, acs_id, administrator, an_hour, caller, record, user,
    };

    async fn issue(fixture: &CoreFixture, subject: TokenSubject) -> Result<IssuedToken, Error> {
        let request = IssueAccessTokenRequest {
            subject,
            token: an_hour(),
            invocation: fixture.invocation("issue"),
        };
        issue_access_token(&fixture.store, &fixture.acs, &fixture.clock, request).await
    }

    fn named(identity: IdentityRef) -> TokenSubject {
        TokenSubject::Identity { identity, by: administrator() }
    }

    fn alice() -> TokenSubject {
        named(IdentityRef::External(user("alice")))
    }

    #[tokio::test]
    async fn a_caller_gets_a_token_of_their_own_identity() {
        let fixture = CoreFixture::with([]);
        let first = issue(&fixture, caller("alice")).await.unwrap();
        let second = issue(&fixture, caller("alice")).await.unwrap();
        assert_eq!((first.created, second.created), (true, false));
        assert_eq!(first.acs_id, second.acs_id);
        assert!(fixture.acs.is_alive(&first.token) && fixture.acs.is_alive(&second.token));
    }

    #[tokio::test]
    async fn an_administrator_names_an_identity_that_exists() {
        let fixture = CoreFixture::where_alice_is(State::active("8:acs:1"));
        for subject in [alice(), named(IdentityRef::Acs(acs_id("8:acs:1")))] {
            let issued = issue(&fixture, subject).await.unwrap();
            assert!(fixture.acs.is_alive(&issued.token));
        }
        let unknown = named(IdentityRef::Acs(acs_id("8:acs:2")));
        assert!(matches!(issue(&fixture, unknown).await, Err(Error::NotFound)));
        assert!(matches!(issue(&CoreFixture::with([]), alice()).await, Err(Error::NotFound)));
    }

    /// The reads and writes of the store, and the calls to ACS, of a first and a later token.
    async fn cost(fixture: &CoreFixture) -> (Vec<StoreCall>, Vec<ClientCall>) {
        for _ in 0..2 {
            issue(fixture, caller("alice")).await.unwrap();
        }
        (fixture.store.calls(), fixture.acs.calls())
    }

    #[tokio::test]
    async fn a_token_costs_the_same_with_and_without_invitations_and_guests() {
        let mut invitation = invitation("handle");
        full(&mut invitation);
        let guest = invitation.guest(&device_of("handle", 'x'));
        let record = record(guest.as_str(), State::active("8:acs:1"), invitation.opens_at);
        let invited = CoreFixture::with([Record { due_at: Some(invitation.delete_at), ..record }]);
        invited.records.put_invitation(&invitation);
        let to = StoreCall::Advance;
        let first = [StoreCall::Find, to(StateName::Provisioning), to(StateName::Active)];
        let later = [StoreCall::Find, StoreCall::RecordUse];
        let expected = (
            [first.as_slice(), &later].concat(),
            vec![ClientCall::CreateWithToken, ClientCall::Issue],
        );
        assert_eq!(cost(&CoreFixture::with([])).await, expected);
        assert_eq!(cost(&invited).await, expected);
    }

    #[tokio::test]
    async fn r08_an_administrator_gets_no_token_either_for_an_identity_on_its_way_out() {
        for state in [State::deleting("8:acs:1"), State::Deleted] {
            let fixture = CoreFixture::where_alice_is(state);
            fixture.acs.issue_for_the_dead();
            assert!(matches!(issue(&fixture, alice()).await, Err(Error::NotFound)));
            assert_eq!(fixture.acs.calls(), [], "ACS is not asked");
        }
    }

    #[tokio::test]
    async fn an_administrator_gets_no_token_for_a_blocked_user() {
        let fixture = CoreFixture::where_alice_is(State::blocked("8:acs:1"));
        assert!(matches!(issue(&fixture, alice()).await, Err(Error::Blocked)));
        assert_eq!(fixture.acs.calls(), [] as [ClientCall; 0]);
    }
}
