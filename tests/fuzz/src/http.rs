//! The events of API Gateway, for each function behind a route.

use identity_core::ports::Clock;
use identity_core::record::State;
use identity_core::testing::{CoreFixture, ManualClock, MemoryTeamsTokenExchange, record};
use lambda_edge::testing::{TestRequest, access, edge, env};
use lambda_edge::{ApiResponse, GatewayEvent, Problem, serve};
use lambda_http::{Context, Request};
use serde_json::{Value, json};

macro_rules! functions {
    ($($name:ident: $path:literal)*) => {
        $(
            #[allow(dead_code, reason = "`main` is not called")]
            #[path = $path]
            mod $name;
        )*
    };
}

functions! {
    create: "../../../functions/create-identity/src/main.rs"
    delete: "../../../functions/delete-identity/src/main.rs"
    exchange: "../../../functions/exchange-teams-token/src/main.rs"
    get: "../../../functions/get-identity/src/main.rs"
    issue: "../../../functions/issue-access-token/src/main.rs"
    list: "../../../functions/list-identities/src/main.rs"
    revoke: "../../../functions/revoke-access-tokens/src/main.rs"
}

/// `POST /v1/identities`.
pub fn create_identity(input: &[u8]) {
    answer(input, async |request, fixture| {
        create::handle(&fixture.store, &fixture.acs, &fixture.clock, &access(), request).await
    });
}

/// `DELETE /v1/identity` and `DELETE /v1/identities/{id}`.
pub fn delete_identity(input: &[u8]) {
    answer(input, async |request, fixture| {
        delete::handle(&fixture.store, &fixture.acs, &fixture.clock, &access(), request).await
    });
}

/// `POST /v1/token/teams`.
pub fn exchange_teams_token(input: &[u8]) {
    answer(input, async |request, fixture| {
        let acs = MemoryTeamsTokenExchange::default();
        exchange::handle(&fixture.store, &acs, &fixture.clock, &access(), request).await
    });
}

/// `GET /v1/identity` and `GET /v1/identities/{id}`.
pub fn get_identity(input: &[u8]) {
    answer(input, async |request, fixture| {
        get::handle(&fixture.store, &fixture.clock, &access(), request).await
    });
}

/// `GET|POST /v1/token` and `POST /v1/identities/{id}/token`.
pub fn issue_access_token(input: &[u8]) {
    let rules = issue::IssuanceRules::from_env(&env).expect("an environment");
    answer(input, async |request, fixture| {
        issue::handle(&fixture.store, &fixture.acs, &fixture.clock, &rules, request).await
    });
}

/// `GET /v1/identities`.
pub fn list_identities(input: &[u8]) {
    answer(input, async |request, fixture| {
        list::handle(&fixture.store, &fixture.clock, &access(), request).await
    });
}

/// `DELETE /v1/token` and `POST /v1/identities/{id}/revoke`.
pub fn revoke_access_tokens(input: &[u8]) {
    let rules = revoke::RevokeRules::from_env(&env).expect("an environment");
    answer(input, async |request, fixture| {
        revoke::handle(&fixture.store, &fixture.acs, &fixture.clock, &rules, request).await
    });
}

/// The response to an event must be one that the client caused: nothing else fails here.
fn answer(
    input: &[u8],
    handler: impl AsyncFn(&Request, &CoreFixture) -> Result<ApiResponse, Problem>,
) {
    let Ok(text) = str::from_utf8(input) else { return };
    let text = if text.starts_with('{') { text.to_owned() } else { event(text).to_string() };
    let Ok(event) = serde_json::from_str::<GatewayEvent>(&text) else { return };
    let request = event.into_request(Context::default());
    let clock = ManualClock::default();
    let fixture = CoreFixture::with([
        record(TestRequest::ALICE, State::active("8:acs:1"), clock.now()),
        record("bob", State::active("8:acs:2"), clock.now()),
    ]);
    let edge = edge();
    let handled = handler(&request, &fixture);
    let served = serve("Fuzz", &clock, &edge, &request, handled);
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let response = runtime.block_on(served).expect("it is infallible");
    assert!(response.status().as_u16() < 500, "{response:?}");
}

/// An event of a caller who may use every route. The lines of the text are what a client chooses.
fn event(text: &str) -> Value {
    let mut lines = text.splitn(5, '\n');
    let mut line = || lines.next().unwrap_or_default();
    let (query, id, content_type, host) = (line(), line(), line(), line());
    let path_parameters = if id.is_empty() { Value::Null } else { json!({ "id": id }) };
    json!({
        "rawQueryString": query,
        "pathParameters": path_parameters,
        "headers": { "content-type": content_type, "host": host, "user-agent": host },
        "requestContext": {
            "http": { "method": if host.is_empty() { "POST" } else { "GET" } },
            "authorizer": { "jwt": { "claims": {
                "iss": "https://idp.example",
                "sub": "alice",
                "scope": "guestpass.token guestpass.admin",
                "role": "guestpass-admin",
                "iat": "1800000600",
            }}},
        },
        "body": line(),
    })
}
