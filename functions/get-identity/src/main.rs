//! `GET /v1/identity`: returns the record of the caller's own identity. `GET
//! /v1/identities/{id}`: returns that of an identity that an administrator names.

use api_types::IdentityOutput;
use aws_secrets::SecretArn;
use identity_core::get_identity::get_identity;
use identity_core::ports::{Clock, IdentityStore};
use identity_store::{DynamoIdentityStore, Tables};
use lambda_edge::config::{ConfigError, Env, optional, process_env};
use lambda_edge::{
    Access, Addressed, ApiResponse, Problem, ServiceEdge, run, serve, system_clock, telemetry,
};
use lambda_http::{Error, Request, http::StatusCode};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let config = Config::from_env(&process_env)?;
    let (store, key) = tokio::join!(
        DynamoIdentityStore::connect(config.tables),
        aws_secrets::key(config.caller_key)
    );
    let edge = ServiceEdge::new(key, config.access.subject_claims());
    let access = config.access;
    let clock = system_clock();
    run(async |request| {
        let response = handle(&store, &clock, &access, &request);
        serve("GetIdentity", &clock, &edge, &request, response).await
    })
    .await
}

/// The configuration from the environment.
struct Config {
    tables: Tables,
    caller_key: Option<SecretArn>,
    access: Access,
}

impl Config {
    fn from_env(env: &impl Env) -> Result<Self, ConfigError> {
        Ok(Self {
            tables: Tables::read_only(env)?,
            caller_key: optional(env, "CALLER_HASH_SECRET_ARN")?,
            access: Access::from_env(env)?,
        })
    }
}

pub(crate) async fn handle(
    store: &impl IdentityStore,
    clock: &impl Clock,
    access: &Access,
    request: &Request,
) -> Result<ApiResponse, Problem> {
    let addressed = access.addressed(store, clock, request).await?;
    let own = matches!(addressed, Addressed::Own(_));
    let record = get_identity(store, &addressed.into()).await?;
    let output = if own {
        IdentityOutput::from(&record)
    } else {
        IdentityOutput::with_history(&record).in_resource(&record)
    };
    Ok(ApiResponse::json(StatusCode::OK, &output)?.about(record.acs_id()))
}

#[cfg(test)]
mod tests {
    use identity_core::ports::Clock;
    use identity_core::record::State;
    use identity_core::testing::{CoreFixture, order, record};
    use lambda_edge::testing::{self, TestRequest, body, edge};
    use lambda_http::{Body, Response};
    use serde_json::json;

    use super::*;

    async fn get(event: TestRequest) -> Response<Body> {
        let now = CoreFixture::with([]).clock.now();
        let fixture =
            CoreFixture::with([record(TestRequest::ALICE, State::active("8:acs:1"), now)]);
        let (access, request) = (testing::access(), event.request());
        let response = handle(&fixture.store, &fixture.clock, &access, &request);
        serve("GetIdentity", &fixture.clock, &edge(), &request, response).await.unwrap()
    }

    #[tokio::test]
    async fn callers_see_their_own_and_administrators_any() {
        let own = get(TestRequest::new("GET /v1/identity")).await;
        assert_eq!(
            body(&own),
            json!({
                "externalId": "https://idp.example|alice",
                "state": "active",
                "user": { "communicationUserId": "8:acs:1" },
                "epoch": 1,
                "createdAt": "2027-01-15T08:00:00.000Z",
                "lastIssuedAt": "2027-01-15T08:00:00.000Z",
                "revocationPending": false,
            })
        );
        for id in ["8:acs:1", TestRequest::ALICE] {
            let any = get(TestRequest::new("GET /v1/identities/{id}").id(id)).await;
            let mut expected = body(&own);
            expected["resource"] = json!("main");
            expected["receipts"] = json!([]);
            expected["decisions"] = json!([]);
            assert_eq!(body(&any), expected);
        }
    }

    #[tokio::test]
    async fn administrators_see_the_receipts_and_the_user_does_not() {
        let now = CoreFixture::with([]).clock.now();
        let alice = record(TestRequest::ALICE, State::active("8:acs:1"), now);
        let fixture = CoreFixture::with([alice.revoked(&order("r1", true, now), now)]);
        let get = async |event: TestRequest| {
            let (access, request) = (testing::access(), event.request());
            let response = handle(&fixture.store, &fixture.clock, &access, &request);
            body(&serve("GetIdentity", &fixture.clock, &edge(), &request, response).await.unwrap())
        };
        let root = TestRequest::new("GET /v1/identities/{id}").claim("sub", "root");
        let any = get(root.id("8:acs:1")).await;
        assert_eq!(
            any["receipts"],
            json!([{
                "receiptId": "r1",
                "identity": "8:acs:1",
                "epoch": 2,
                "blocked": true,
                "cause": "administrator",
                "by": "root",
                "acceptedAt": "2027-01-15T08:00:00.000Z",
            }]),
            "nothing is said to be revoked before ACS has confirmed it"
        );
        assert_eq!(
            any["decisions"],
            json!([{
                "origin": "administrator",
                "blocks": true,
                "inForce": true,
                "decidedAt": "2027-01-15T08:00:00.000Z",
            }])
        );
        assert_eq!(any["notBefore"], "2027-01-15T08:00:00.000Z");
        assert_eq!(get(TestRequest::new("GET /v1/identity")).await.get("receipts"), None);
    }

    #[tokio::test]
    async fn a_user_without_an_identity_finds_none() {
        let bob = get(TestRequest::new("GET /v1/identity").claim("sub", "bob")).await;
        assert_eq!(bob.status(), 404);
        let unknown = get(TestRequest::new("GET /v1/identities/{id}").id("8:acs:2")).await;
        assert_eq!(unknown.status(), 404);
    }

    #[tokio::test]
    async fn each_route_needs_its_scope() {
        let own = TestRequest::new("GET /v1/identity").claim("scope", "guestpass.admin");
        assert_eq!(get(own).await.status(), 403);
        let any = TestRequest::new("GET /v1/identities/{id}").id("8:acs:1");
        assert_eq!(get(any.clone().claim("scope", "guestpass.token")).await.status(), 403);
        assert_eq!(get(any.without_authorizer()).await.status(), 401);
    }
}
