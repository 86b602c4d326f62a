//! Creates an identity for a user whom an administrator names, optionally with a token in the
//! same request.

use crate::model::{Error, ExternalId, Invocation, Requester, ResourceName, TokenRequest};
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
    /// The ACS resource in which a new identity is created; `None` for the one of the placement.
    /// An identity that exists stays where it is.
    pub resource: Option<ResourceName>,
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
    let CreateIdentityRequest { user, token, resource, by, invocation } = request;
    let request = IdentityRequest {
        selector: IdentitySelector::Users(user),
        token: token.as_ref(),
        resource: resource.as_ref(),
        due_at: None,
        requester: Requester::Administrator { id: by.id().clone() },
        invocation: &invocation,
    };
    ensure_identity(store, acs, clock, &request).await
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::resource::Placement;
    use crate::ports::ResourceClients;
    use crate::testing::{
        ClientCall, CoreFixture, MemoryIdentityClient, administrator, an_hour, resource, user,
    };

    async fn create(fixture: &CoreFixture, token: Option<TokenRequest>) -> EnsuredIdentity {
        let invocation = fixture.invocation("create");
        let request = CreateIdentityRequest {
            user: user("alice"),
            token,
            resource: None,
            by: administrator(),
            invocation,
        };
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
    async fn a_named_resource_gets_the_new_identity_and_an_existing_identity_stays() {
        let fixture = CoreFixture::with([]);
        let client = |name: &str| (resource(name), MemoryIdentityClient::of_resource(name));
        let clients = BTreeMap::from([client("main"), client("eu2")]);
        let clients = ResourceClients::new(clients, Placement::default()).unwrap();
        let create = async |name: &str| {
            let request = CreateIdentityRequest {
                user: user("alice"),
                token: None,
                resource: Some(resource(name)),
                by: administrator(),
                invocation: fixture.invocation("create"),
            };
            create_identity(&fixture.store, &clients, &fixture.clock, request).await
        };
        assert_eq!(create("eu2").await.unwrap().record.resource, resource("eu2"));
        assert_eq!(create("main").await.unwrap().record.resource, resource("eu2"));
        assert_eq!(clients.client(&ResourceName::MAIN).unwrap().calls(), []);
    }

    #[tokio::test]
    async fn a_named_resource_that_is_not_configured_is_refused_before_anything_is_written() {
        let fixture = CoreFixture::with([]);
        let request = CreateIdentityRequest {
            user: user("alice"),
            token: None,
            resource: Some(resource("eu2")),
            by: administrator(),
            invocation: fixture.invocation("create"),
        };
        let refused = create_identity(&fixture.store, &fixture.acs, &fixture.clock, request).await;
        assert!(matches!(refused, Err(Error::UnknownResource(name)) if name.as_str() == "eu2"));
        assert_eq!(fixture.alice(), None);
    }

    #[tokio::test]
    async fn the_token_comes_in_the_same_request() {
        let fixture = CoreFixture::with([]);
        let created = create(&fixture, Some(an_hour())).await;
        assert!(fixture.acs.is_alive(&created.token.unwrap()));
        assert_eq!(fixture.acs.calls(), [ClientCall::CreateWithToken]);
    }
}
