//! `POST /v1/identities`: an identity for a user whom an administrator names,
//! optionally with a token in the same request. Idempotent by the external id.

use acs_secret::{AcsResource, SecretArn};
use identity_core::{
    create_identity::{self, create_identity},
    identity::{ExternalId, Lifetime, TokenRequest},
    ports::{Clock, IdentityClient, IdentityStore},
};
use identity_store::{DynamoIdentityStore, Tables};
use lambda_edge::{
    Access, Answer, CallerHash, IdentityOutput, Object, Problem, SystemClock, TokenInput,
    TokenOutput,
    config::{ConfigError, Env, optional, process_env, required},
    invocation, json, serve, telemetry,
};
use lambda_http::{Error, Request, http::StatusCode, run, service_fn};
use serde::{Deserialize, Serialize};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let config = Config::from_env(&process_env)?;
    let (store, acs, key) = tokio::join!(
        DynamoIdentityStore::connect(config.tables),
        config.acs.connect(SystemClock),
        aws_secrets::key(config.caller_key)
    );
    let (acs, callers) = (acs?, CallerHash::new(key));
    let (access, clock) = (config.access, SystemClock);
    run(service_fn(async |request| {
        let answer = handle(&store, &acs, &clock, &access, &request);
        serve("CreateIdentity", &clock, &callers, &request, answer).await
    }))
    .await
}

/// What the environment says.
struct Config {
    tables: Tables,
    acs: AcsResource,
    caller_key: Option<SecretArn>,
    access: Access,
}

impl Config {
    fn from_env(env: &impl Env) -> Result<Self, ConfigError> {
        Ok(Self {
            tables: Tables {
                identities: required(env, "TABLE_NAME")?,
                audit_log: optional(env, "AUDIT_TABLE_NAME")?,
                audit_retention: optional(env, "AUDIT_RETENTION_DAYS")?.unwrap_or_default(),
            },
            acs: AcsResource {
                secret: required(env, "ACS_SECRET_ARN")?,
                api_version: required(env, "ACS_API_VERSION")?,
            },
            caller_key: optional(env, "CALLER_HASH_SECRET_ARN")?,
            access: Access::from_env(env)?,
        })
    }
}

/// The request body.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Input {
    /// Our name for the user; without it, one is made up.
    external_id: Option<String>,
    /// The token to issue in the same request; without it, none is.
    token: Option<Object<TokenInput>>,
}

/// The response body.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Output {
    #[serde(flatten)]
    identity: IdentityOutput,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_token: Option<TokenOutput>,
}

async fn handle(
    store: &impl IdentityStore,
    acs: &impl IdentityClient,
    clock: &impl Clock,
    access: &Access,
    request: &Request,
) -> Result<Answer, Problem> {
    let by = access.administrator(request)?;
    let invocation = invocation(request, clock);
    let input = json::<Input>(request)?;
    // Unique, as Lambda's request ids are.
    let name = input.external_id.unwrap_or_else(|| format!("generated|{}", invocation.id));
    let user = ExternalId::parse(&name).ok_or(Problem::INVALID_EXTERNAL_ID)?;
    let user = access.resolve(user)?;
    let token = input.token.map(|Object(token)| token_request(&token)).transpose()?;
    let scopes = token.as_ref().map(|token| token.scopes.clone());
    let request = create_identity::Request { user, token, by, invocation };
    let obtained = create_identity(store, acs, clock, request).await?;
    let status = if obtained.created { StatusCode::CREATED } else { StatusCode::OK };
    let output = Output {
        identity: IdentityOutput::from(&obtained.record),
        access_token: obtained
            .token
            .map(|token| TokenOutput::new(&token, &obtained.acs_id, clock.now())),
    };
    let answer = Answer::json(status, &output)?.about(Some(&obtained.acs_id));
    Ok(match scopes {
        Some(scopes) => answer.granting(scopes),
        None => answer,
    })
}

/// An administrator says which scopes; an hour is the default.
fn token_request(input: &TokenInput) -> Result<TokenRequest, Problem> {
    Ok(TokenRequest {
        scopes: input.scopes()?.ok_or(Problem::INVALID_SCOPES)?,
        lifetime: input.lifetime()?.unwrap_or(Lifetime::HOUR),
    })
}

#[cfg(test)]
mod tests {
    use identity_core::testing::{AcsCall, World};
    use lambda_edge::testing::{self, Event, body, callers};
    use lambda_http::{Body, Response};
    use serde_json::{Value, json};

    use super::*;

    async fn create(world: &World, event: Event) -> Response<Body> {
        let (access, request) = (testing::access(), event.request());
        let answer = handle(&world.store, &world.acs, &world.clock, &access, &request);
        serve("CreateIdentity", &world.clock, &callers(), &request, answer).await.unwrap()
    }

    fn with(body: &Value) -> Event {
        Event::new("POST /v1/identities").json(body)
    }

    #[tokio::test]
    async fn the_same_user_has_the_same_identity_the_second_time() {
        let world = World::with([]);
        let first = create(&world, with(&json!({ "externalId": "crm-7" }))).await;
        let second = create(&world, with(&json!({ "externalId": "crm-7" }))).await;
        assert_eq!((first.status().as_u16(), second.status().as_u16()), (201, 200));
        assert_eq!(body(&first), body(&second));
        assert_eq!(
            body(&first),
            json!({
                "externalId": "crm-7",
                "state": "active",
                "user": { "communicationUserId": "8:acs:res_1" },
                "epoch": 1,
                "createdAt": "2027-01-15T08:00:00.000Z",
                "lastIssuedAt": "2027-01-15T08:00:00.000Z",
                "revocationPending": false,
            })
        );
    }

    #[tokio::test]
    async fn a_token_comes_in_the_same_request() {
        let world = World::with([]);
        let asked = json!({ "externalId": "crm-7", "token": { "scopes": ["voip.join"] } });
        let response = create(&world, with(&asked)).await;
        assert_eq!(response.status(), 201);
        assert!(body(&response)["accessToken"]["token"].is_string());
        assert_eq!(world.acs.calls(), [AcsCall::CreateWithToken]);
    }

    #[tokio::test]
    async fn bad_bodies_are_refused() {
        let world = World::with([]);
        for bad in [
            json!({ "externalId": "" }),
            json!({ "externalId": "8:acs:1" }),
            json!({ "externalId": "a b" }),
            json!({ "externalId": 7 }),
            json!({ "token": {} }),
            json!({ "token": { "scopes": [] } }),
            json!({ "token": { "scopes": ["chat"], "expiresInMinutes": 59 } }),
            json!({ "state": "active" }),
            json!(["crm-7", null]),
            json!({ "token": [["chat"], 60] }),
        ] {
            assert_eq!(create(&world, with(&bad)).await.status(), 400, "{bad}");
        }
        assert_eq!(world.records.records(), []);
    }

    #[tokio::test]
    async fn only_an_administrator_may() {
        for (claim, value) in [("scope", "guestpass.token"), ("role", "user")] {
            let event = with(&json!({})).claim(claim, value);
            assert_eq!(create(&World::with([]), event).await.status(), 403, "{claim}");
        }
    }

    #[tokio::test]
    async fn r61_a_user_of_another_issuer_is_a_mistake_and_of_this_one_has_one_name() {
        let world = World::with([]);
        let other = create(&world, with(&json!({ "externalId": "https://evil.example|1" }))).await;
        assert_eq!(body(&other)["type"], "/problems/another-issuer");
        let same = create(&world, with(&json!({ "externalId": "https://IDP.example/|1" }))).await;
        assert_eq!(body(&same)["externalId"], "https://idp.example|1");
    }
}
