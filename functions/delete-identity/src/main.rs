//! `DELETE /v1/identity`: deletes the caller's own identity, for the account deletion of an app.
//! `DELETE /v1/identities/{id}`: deletes an identity that an administrator names.

use acs_secret::{AcsResources, SecretArn};
use identity_core::delete_identity::{DeleteIdentityRequest, IfForeign, delete_identity};
use identity_core::identity::IdentityRef;
use identity_core::ports::{Clock, IdentityClients, IdentityStore};
use identity_core::record::By;
use identity_store::{DynamoIdentityStore, Tables};
use lambda_edge::config::{ConfigError, Env, optional, process_env};
use lambda_edge::{
    Access, Addressed, ApiResponse, Problem, ServiceEdge, invocation, run, serve, system_clock,
    telemetry,
};
use lambda_http::{Error, Request};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let config = Config::from_env(&process_env)?;
    let (store, acs, key) = tokio::join!(
        DynamoIdentityStore::connect(config.tables),
        config.acs.connect(system_clock()),
        aws_secrets::key(config.caller_key)
    );
    let (acs, edge) = (acs?, ServiceEdge::new(key, config.access.subject_claims()));
    let (access, clock) = (config.access, system_clock());
    run(async |request| {
        let response = handle(&store, &acs, &clock, &access, &request);
        serve("DeleteIdentity", &clock, &edge, &request, response).await
    })
    .await
}

/// The configuration from the environment.
struct Config {
    tables: Tables,
    acs: AcsResources,
    caller_key: Option<SecretArn>,
    access: Access,
}

impl Config {
    fn from_env(env: &impl Env) -> Result<Self, ConfigError> {
        Ok(Self {
            tables: Tables::from_env(env)?,
            acs: AcsResources::from_env(env)?,
            caller_key: optional(env, "CALLER_HASH_SECRET_ARN")?,
            access: Access::from_env(env)?,
        })
    }
}

pub(crate) async fn handle(
    store: &impl IdentityStore,
    acs: &impl IdentityClients,
    clock: &impl Clock,
    access: &Access,
    request: &Request,
) -> Result<ApiResponse, Problem> {
    let (identity, by, bearer) = match access.addressed(store, clock, request).await? {
        Addressed::Own(caller) => {
            (IdentityRef::External(caller.user().clone()), By::User, Some(caller.bearer()))
        }
        Addressed::Named(identity, by) => (identity, By::administrator(by.id()), None),
    };
    let invocation = invocation(request, clock);
    let request =
        DeleteIdentityRequest { identity, by, bearer, if_foreign: IfForeign::Refuse, invocation };
    let deleted = delete_identity(store, acs, clock, request).await?;
    Ok(ApiResponse::empty().about(deleted.as_ref()))
}

#[cfg(test)]
mod tests {
    use identity_core::record::State;
    use identity_core::testing::{ClientCall, CoreFixture, record};
    use lambda_edge::testing::{self, TestRequest, edge};
    use lambda_http::{Body, Response};

    use super::*;

    fn alice() -> CoreFixture {
        CoreFixture::with([record(
            TestRequest::ALICE,
            State::active("8:acs:1"),
            CoreFixture::with([]).clock.now(),
        )])
    }

    async fn delete(fixture: &CoreFixture, event: TestRequest) -> Response<Body> {
        let (access, request) = (testing::access(), event.request());
        let response = handle(&fixture.store, &fixture.acs, &fixture.clock, &access, &request);
        serve("DeleteIdentity", &fixture.clock, &edge(), &request, response).await.unwrap()
    }

    #[tokio::test]
    async fn r07_deleting_twice_is_success_by_any_name() {
        for event in [
            TestRequest::new("DELETE /v1/identity"),
            TestRequest::new("DELETE /v1/identities/{id}").id("8:acs:1"),
            TestRequest::new("DELETE /v1/identities/{id}").id(TestRequest::ALICE),
        ] {
            let fixture = alice();
            for _ in 0..2 {
                assert_eq!(delete(&fixture, event.clone()).await.status(), 204);
            }
            assert_eq!(fixture.acs.calls(), [ClientCall::Delete]);
            assert_eq!(fixture.acs.identities(), []);
        }
    }

    #[tokio::test]
    async fn callers_cannot_delete_other_users() {
        let fixture = alice();
        let other = TestRequest::new("DELETE /v1/identities/{id}").id("8:acs:1");
        let bob = other.claim("sub", "bob").claim("scope", "guestpass.token");
        assert_eq!(delete(&fixture, bob).await.status(), 403);
        let bobs = TestRequest::new("DELETE /v1/identity").claim("sub", "bob");
        assert_eq!(delete(&fixture, bobs).await.status(), 204);
        assert_eq!(fixture.acs.calls(), []);
    }
}
