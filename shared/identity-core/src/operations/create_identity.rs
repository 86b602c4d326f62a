//! Creates an identity for a user whom an administrator names, optionally with a token in the
//! same request.

use crate::model::{Error, ExternalId, Invocation, Requester, TokenRequest};
use crate::ports::{Clock, IdentityClients, IdentityStore};
use crate::protocol::administrator::Administrator;
use crate::protocol::ensure_identity::{
    EnsuredIdentity, IdentityRequest, IdentitySelector, ensure_identity,
};

/// The parameters of the operation.
#[derive(Clone, Debug)]
pub struct CreateIdentityRequest {
    /// The user who gets the identity.
    pub user: ExternalId,
    /// The token to issue with it, if any.
    pub token: Option<TokenRequest>,
    /// The administrator who requests it.
    pub by: Administrator,
    /// The request being served.
    pub invocation: Invocation,
}

/// Creates the identity once: if the user already has one, this returns it.
pub async fn create_identity(
    store: &impl IdentityStore,
    acs: &impl IdentityClients,
    clock: &impl Clock,
    request: CreateIdentityRequest,
) -> Result<EnsuredIdentity, Error> {
    let CreateIdentityRequest { user, token, by, invocation } = request;
    let request = IdentityRequest {
        selector: IdentitySelector::Users(user),
        token: token.as_ref(),
        requester: Requester::Administrator { id: by.id().clone() },
        invocation: &invocation,
    };
    ensure_identity(store, acs, clock, &request).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ClientCall, CoreFixture, administrator, an_hour, user};

    async fn create(fixture: &CoreFixture, token: Option<TokenRequest>) -> EnsuredIdentity {
        let invocation = fixture.invocation("create");
        let request =
            CreateIdentityRequest { user: user("alice"), token, by: administrator(), invocation };
        create_identity(&fixture.store, &fixture.acs, &fixture.clock, request).await.unwrap()
    }

    #[tokio::test]
    async fn creating_twice_finds_the_first_one() {
        let fixture = CoreFixture::with([]);
        let first = create(&fixture, None).await;
        let second = create(&fixture, None).await;
        assert_eq!((first.created, second.created), (true, false));
        assert_eq!(first.acs_id, second.acs_id);
        assert_eq!(fixture.acs.calls(), [ClientCall::Create]);
    }

    #[tokio::test]
    async fn the_token_comes_in_the_same_request() {
        let fixture = CoreFixture::with([]);
        let created = create(&fixture, Some(an_hour())).await;
        assert!(fixture.acs.is_alive(&created.token.unwrap()));
        assert_eq!(fixture.acs.calls(), [ClientCall::CreateWithToken]);
    }
}
