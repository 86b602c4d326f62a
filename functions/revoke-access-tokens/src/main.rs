//! `DELETE /v1/token`: sign-out, revokes the caller's own tokens.
//! `POST /v1/identities/{id}/revoke`: an administrator revokes somebody's, and can
//! block them.

use std::time::SystemTime;

use acs_client::AcsIdentityClient;
use identity_core::{
    identity::AcsId,
    ports::{Clock, IdentityClient, IdentityStore},
    record::ReceiptId,
    revoke_access_tokens::{self, Receipt, revoke_access_tokens},
};
use identity_store::DynamoIdentityStore;
use lambda_edge::{
    Addressed, Answer, Problem, RouteScopes, SystemClock,
    config::{ConfigError, Env, process_env, required},
    invocation, json, rfc3339, serve, telemetry,
};
use lambda_http::{Error, Request, http::StatusCode, run, service_fn};
use serde::{Deserialize, Serialize};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let config = Config::from_env(&process_env)?;
    let acs = AcsIdentityClient::new(config.acs, SystemClock)?;
    let (store, ()) = tokio::join!(DynamoIdentityStore::connect(config.table), acs.connect());
    let (scopes, clock) = (config.scopes, SystemClock);
    run(service_fn(async |request| {
        let answer = handle(&store, &acs, &clock, &scopes, &request);
        serve("RevokeToken", &clock, &request, answer).await
    }))
    .await
}

/// What the environment says.
struct Config {
    table: String,
    acs: acs_client::Config,
    scopes: RouteScopes,
}

impl Config {
    fn from_env(env: &impl Env) -> Result<Self, ConfigError> {
        Ok(Self {
            table: required(env, "TABLE_NAME")?,
            acs: acs_client::Config {
                api_version: required(env, "ACS_API_VERSION")?,
                ..acs_client::Config::new(required(env, "ACS_CONNECTION_STRING")?)
            },
            scopes: RouteScopes::from_env(env)?,
        })
    }
}

/// The request body of the administrator's route.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    /// Whether the user gets no new token, either.
    #[serde(default)]
    block: bool,
}

/// The response body: what was done, and from when on it can be relied upon.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Output {
    receipt_id: ReceiptId,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<AcsId>,
    epoch: u64,
    blocked: bool,
    accepted_at: String,
    revoked_at: String,
    effective_by: String,
}

impl From<Receipt> for Output {
    fn from(receipt: Receipt) -> Self {
        let time = |time: SystemTime| rfc3339(time);
        Self {
            epoch: receipt.epoch,
            blocked: receipt.blocked,
            accepted_at: time(receipt.accepted_at),
            revoked_at: time(receipt.revoked_at),
            effective_by: time(receipt.effective_by()),
            receipt_id: receipt.id,
            identity: receipt.identity,
        }
    }
}

async fn handle(
    store: &impl IdentityStore,
    acs: &impl IdentityClient,
    clock: &impl Clock,
    scopes: &RouteScopes,
    request: &Request,
) -> Result<Answer, Problem> {
    let addressed = Addressed::of(request, scopes)?;
    let own = matches!(addressed, Addressed::Own(_));
    // What a DELETE carries means nothing.
    let Input { block } = if own { Input::default() } else { json(request)? };
    let identity = addressed.into();
    let invocation = invocation(request, clock);
    let request = revoke_access_tokens::Request { identity, block, invocation };
    match revoke_access_tokens(store, acs, clock, request).await? {
        Some(receipt) => {
            let identity = receipt.identity.clone();
            Ok(Answer::json(StatusCode::OK, &Output::from(receipt))?.about(identity.as_ref()))
        }
        // RFC 7009 §2.2: somebody without tokens is signed out already. An
        // administrator who names nobody has made a mistake.
        None if own => Ok(Answer::empty()),
        None => Err(Problem::NOT_FOUND),
    }
}

#[cfg(test)]
mod tests {
    use identity_core::{
        Error as CoreError,
        record::State,
        testing::{AcsCall, World, record},
    };
    use lambda_edge::testing::{self, Event, body};
    use lambda_http::{Body, Response};
    use serde_json::json;

    use super::*;

    fn alice() -> World {
        World::with([record(Event::ALICE, State::active("8:acs:1"), World::with([]).clock.now())])
    }

    async fn revoke(world: &World, event: Event) -> Response<Body> {
        let (scopes, request) = (testing::scopes(), event.request());
        let answer = handle(&world.store, &world.acs, &world.clock, &scopes, &request);
        serve("RevokeToken", &world.clock, &request, answer).await.unwrap()
    }

    fn sign_out() -> Event {
        Event::new("DELETE /v1/token")
    }

    fn admin(id: &str) -> Event {
        Event::new("POST /v1/identities/{id}/revoke").id(id)
    }

    #[tokio::test]
    async fn a_revocation_is_answered_with_a_receipt() {
        let response = revoke(&alice(), sign_out()).await;
        assert_eq!(response.status(), 200);
        assert_eq!(
            body(&response),
            json!({
                "receiptId": "",
                "identity": "8:acs:1",
                "epoch": 2,
                "blocked": false,
                "acceptedAt": "2027-01-15T08:00:00.000Z",
                "revokedAt": "2027-01-15T08:00:00.000Z",
                "effectiveBy": "2027-01-15T08:15:00.000Z",
            })
        );
    }

    #[tokio::test]
    async fn r13_signing_out_without_an_identity_is_success() {
        assert_eq!(revoke(&World::with([]), sign_out()).await.status(), 204);
    }

    #[tokio::test]
    async fn r13_if_acs_does_not_confirm_the_answer_is_503() {
        let world = alice();
        world.acs.fail(|_| {
            Some(CoreError::AcsUnavailable { maybe_applied: true, source: "no answer".into() })
        });
        let response = revoke(&world, admin("8:acs:1").json(&json!({ "block": true }))).await;
        assert_eq!(response.status(), 503);
        assert!(response.headers().contains_key("retry-after"));
        assert_eq!(world.records.records()[0].state, State::blocked("8:acs:1"));
    }

    #[tokio::test]
    async fn an_administrator_can_block_by_either_name_and_before_the_first_call() {
        for (id, status) in
            [("8:acs:1", 200), (Event::ALICE, 200), ("unseen", 200), ("8:acs:2", 404)]
        {
            let world = alice();
            let response = revoke(&world, admin(id).json(&json!({ "block": true }))).await;
            assert_eq!(response.status(), status, "{id}");
            assert_eq!(body(&response)["blocked"] == true, status == 200, "{id}");
        }
        assert_eq!(revoke(&alice(), admin("unseen")).await.status(), 404, "nothing to revoke");
    }

    #[tokio::test]
    async fn nobody_else_can_be_signed_out_or_blocked() {
        let world = alice();
        let bob = admin("8:acs:1").claim("sub", "bob").claim("scope", "guestpass.token");
        assert_eq!(revoke(&world, bob).await.status(), 403);
        assert_eq!(world.acs.calls(), [] as [AcsCall; 0]);
        for bad in [json!([true]), json!({ "block": 1 }), json!({ "blocked": true })] {
            assert_eq!(revoke(&world, admin("8:acs:1").json(&bad)).await.status(), 400, "{bad}");
        }
        let body = json!({ "block": true, "externalId": "bob" });
        assert_eq!(revoke(&world, sign_out().json(&body)).await.status(), 200);
        assert_eq!(world.records.records()[0].state, State::active("8:acs:1"), "not blocked");
    }
}
