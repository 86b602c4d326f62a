//! `GET /v1/identity`: what is known about the caller's own identity.
//! `GET /v1/identities/{id}`: about one that an administrator names.

use identity_core::{get_identity::get_identity, ports::IdentityStore};
use identity_store::DynamoIdentityStore;
use lambda_edge::{
    Addressed, Answer, IdentityOutput, Problem, RouteScopes, SystemClock,
    config::{ConfigError, Env, process_env, required},
    serve, telemetry,
};
use lambda_http::{Error, Request, http::StatusCode, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let config = Config::from_env(&process_env)?;
    let store = DynamoIdentityStore::connect(config.table).await;
    let scopes = config.scopes;
    run(service_fn(async |request| {
        serve("GetIdentity", &SystemClock, &request, handle(&store, &scopes, &request)).await
    }))
    .await
}

/// What the environment says.
struct Config {
    table: String,
    scopes: RouteScopes,
}

impl Config {
    fn from_env(env: &impl Env) -> Result<Self, ConfigError> {
        Ok(Self { table: required(env, "TABLE_NAME")?, scopes: RouteScopes::from_env(env)? })
    }
}

async fn handle(
    store: &impl IdentityStore,
    scopes: &RouteScopes,
    request: &Request,
) -> Result<Answer, Problem> {
    let addressed = Addressed::of(request, scopes)?;
    let own = matches!(addressed, Addressed::Own(_));
    let record = get_identity(store, &addressed.into()).await?;
    let output =
        if own { IdentityOutput::from(&record) } else { IdentityOutput::with_receipts(&record) };
    Ok(Answer::json(StatusCode::OK, &output)?.about(record.acs_id()))
}

#[cfg(test)]
mod tests {
    use identity_core::{
        ports::Clock,
        record::State,
        testing::{World, order, record},
    };
    use lambda_edge::testing::{self, Event, body};
    use lambda_http::{Body, Response};
    use serde_json::json;

    use super::*;

    async fn get(event: Event) -> Response<Body> {
        let now = World::with([]).clock.now();
        let world = World::with([record(Event::ALICE, State::active("8:acs:1"), now)]);
        let (scopes, request) = (testing::scopes(), event.request());
        let answer = handle(&world.store, &scopes, &request);
        serve("GetIdentity", &world.clock, &request, answer).await.unwrap()
    }

    #[tokio::test]
    async fn callers_see_their_own_and_administrators_any() {
        let own = get(Event::new("GET /v1/identity")).await;
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
        for id in ["8:acs:1", Event::ALICE] {
            let any = get(Event::new("GET /v1/identities/{id}").id(id)).await;
            let mut expected = body(&own);
            expected["receipts"] = json!([]);
            assert_eq!(body(&any), expected);
        }
    }

    #[tokio::test]
    async fn administrators_see_the_receipts_and_the_user_does_not() {
        let now = World::with([]).clock.now();
        let alice = record(Event::ALICE, State::active("8:acs:1"), now);
        let world = World::with([alice.revoked(&order("r1", true, now), now)]);
        let get = async |event: Event| {
            let (scopes, request) = (testing::scopes(), event.request());
            let answer = handle(&world.store, &scopes, &request);
            body(&serve("GetIdentity", &world.clock, &request, answer).await.unwrap())
        };
        let any = get(Event::new("GET /v1/identities/{id}").id("8:acs:1")).await;
        assert_eq!(
            any["receipts"],
            json!([{
                "receiptId": "r1",
                "identity": "8:acs:1",
                "epoch": 2,
                "blocked": true,
                "cause": "administrator",
                "acceptedAt": "2027-01-15T08:00:00.000Z",
            }]),
            "nothing is said to be revoked before ACS has confirmed it"
        );
        assert_eq!(get(Event::new("GET /v1/identity")).await.get("receipts"), None);
    }

    #[tokio::test]
    async fn somebody_without_an_identity_finds_none() {
        let bob = get(Event::new("GET /v1/identity").claim("sub", "bob")).await;
        assert_eq!(bob.status(), 404);
        let unknown = get(Event::new("GET /v1/identities/{id}").id("8:acs:2")).await;
        assert_eq!(unknown.status(), 404);
    }

    #[tokio::test]
    async fn each_route_needs_its_scope() {
        let own = Event::new("GET /v1/identity").claim("scope", "guestpass.admin");
        assert_eq!(get(own).await.status(), 403);
        let any = Event::new("GET /v1/identities/{id}").id("8:acs:1");
        assert_eq!(get(any.clone().claim("scope", "guestpass.token")).await.status(), 403);
        assert_eq!(get(any.without_authorizer()).await.status(), 401);
    }
}
