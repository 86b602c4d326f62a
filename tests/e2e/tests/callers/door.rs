//! Which requests are accepted, and which are refused.

use std::io;

use e2e::{ServiceStack, WITHOUT_ROUTES};
use harness::HttpReply;
use serde_json::{Value, json};

/// The audience that the local stack's authorizer accepts.
const AUDIENCE: &str = "guestpass-local";

/// Every route of the contract, with an unknown name in it.
fn routes() -> Vec<(String, String)> {
    let operations = infra::operations().into_iter();
    operations.map(|one| (one.route.replace("{id}", "8:acs:unknown"), one.scope)).collect()
}

/// The claims of an ID token: it is for the app, and identifies the user, but does not grant the
/// app any access.
fn id_token(app: &str) -> [(&str, &str); 5] {
    let role = e2e::ADMIN_ROLE;
    [("sub", "alice"), ("aud", app), ("nonce", "n-0S6"), ("scope", ""), role]
}

/// The stack with API Gateway's own authorizer, and with the function `authorize-caller`.
async fn stack_with(authorizer: &str) -> ServiceStack {
    ServiceStack::with(&["--parameter", &format!("Authorizer={authorizer}")]).await
}

#[tokio::test]
async fn r52_an_invalid_bearer_is_refused_by_the_jwt_authorizer_on_every_route() {
    refuses_invalid_bearers("jwt").await;
}

#[tokio::test]
async fn r52_an_invalid_bearer_is_refused_by_the_lambda_authorizer_on_every_route() {
    refuses_invalid_bearers("lambda").await;
}

/// API Gateway answers 403 if a Lambda authorizer refuses a bearer, and the function itself
/// answers 401 to a genuine one that has expired or is not valid yet.
async fn refuses_invalid_bearers(authorizer: &str) {
    let stack = stack_with(authorizer).await;
    let refused = if authorizer == "jwt" { 401 } else { 403 };
    let scope = ("scope", "guestpass.token guestpass.admin");
    let good = stack.bearer_with(&[("sub", "alice"), scope]).await;
    let expired = stack.bearer_with(&[("sub", "alice"), scope, ("expires_in", "-61")]).await;
    let early = stack.bearer_with(&[("sub", "alice"), scope, ("not_before", "3600")]).await;
    let foreign = stack.bearer_with(&[("sub", "alice"), scope, ("aud", "another-audience")]).await;
    let id_token = stack.bearer_with(&id_token("the-app")).await;
    let other = ServiceStack::start().await;
    let wrong_issuer = other.bearer_with(&[("sub", "alice"), scope]).await;
    let (head, signature) = good.rsplit_once('.').unwrap_or_default();
    let (_, payload) = head.split_once('.').unwrap_or_default();
    // {"alg":"none","typ":"JWT"}
    let unsigned = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{payload}.");
    let tampered = format!("{head}.{}", signature.chars().rev().collect::<String>());
    for (route, _) in &routes() {
        let missing = stack.send(route, vec![], None).await;
        assert_eq!(missing.status, 401, "{route} without a bearer");
        for (kind, bearer, status) in [
            ("garbage", "garbage", refused),
            ("empty", "", refused),
            ("expired", &expired, 401),
            ("not yet valid", &early, 401),
            ("wrong audience", &foreign, refused),
            ("wrong issuer", &wrong_issuer, refused),
            ("an ID token", &id_token, refused),
            ("alg none", &unsigned, refused),
            ("tampered", &tampered, refused),
        ] {
            let reply = stack.call(route, bearer, Value::Null).await;
            assert_eq!(reply.status, status, "{route} with a bearer that is {kind}");
        }
    }
    assert_eq!(stack.request_count("createIdentityWithToken").await, 0);
}

#[tokio::test]
async fn r52_a_bearer_without_the_routes_scope_is_403_with_the_jwt_authorizer() {
    refuses_other_scopes("jwt").await;
}

#[tokio::test]
async fn r52_a_bearer_without_the_routes_scope_is_403_with_the_lambda_authorizer() {
    refuses_other_scopes("lambda").await;
}

async fn refuses_other_scopes(authorizer: &str) {
    let stack = stack_with(authorizer).await;
    let user = stack.user("alice").await;
    let admin = stack.admin().await;
    let neither = stack.bearer("alice", "openid").await;
    // The audience is the app's own id, as with Amazon Cognito.
    let id_token = stack.bearer_with(&id_token(AUDIENCE)).await;
    for (route, scope) in &routes() {
        for bearer in [&neither, &id_token] {
            assert_eq!(stack.call(route, bearer, Value::Null).await.status, 403, "{route}");
        }
        let other = if scope == "guestpass.token" { &admin } else { &user };
        assert_eq!(stack.call(route, other, Value::Null).await.status, 403, "{route}");
    }
}

#[tokio::test]
async fn r52_another_users_identity_gets_the_same_response_as_a_missing_one() {
    let stack = ServiceStack::start().await;
    let (alice, bob) = (stack.user("alice").await, stack.user("bob").await);
    let token = stack.call("POST /v1/token", &alice, Value::Null).await;
    let id = token.body["user"]["communicationUserId"].as_str().unwrap_or_default();
    for method in ["GET /v1/identities/{id}", "POST /v1/identities/{id}/token"] {
        let existing = stack.call(&method.replace("{id}", id), &bob, Value::Null).await;
        let unknown = stack.call(&method.replace("{id}", "8:acs:none"), &bob, Value::Null).await;
        assert_eq!((existing.status, &existing.body), (unknown.status, &unknown.body));
        assert_eq!(existing.status, 403);
    }
    assert_eq!(stack.call("GET /v1/identity", &bob, Value::Null).await.status, 404);
    let admin = stack.admin().await;
    for (route, status) in [
        ("GET /v1/identities/8:acs:none", 404),
        ("POST /v1/identities/8:acs:none/token", 404),
        ("POST /v1/identities/unknown/token", 404),
        ("POST /v1/identities/unknown/revoke", 404),
        // The index may not have it yet.
        ("POST /v1/identities/8:acs:none/revoke", 409),
        ("DELETE /v1/identities/8:acs:none", 409),
    ] {
        assert_eq!(stack.call(route, &admin, Value::Null).await.status, status, "{route}");
    }
    assert_eq!(
        stack.invalid_reason(&token.body["token"]).await,
        Value::Null,
        "nothing of it touched her"
    );
}

#[tokio::test]
async fn r53_only_the_bearer_decides_who_the_caller_is() {
    let stack = ServiceStack::start().await;
    let alice = stack.user("alice").await;
    let first = stack.call("POST /v1/token", &alice, Value::Null).await;
    let bob = stack.user("bob").await;
    let headers = ["x-user", "x-amzn-oidc-identity", "x-ms-client-principal-id", "sub"]
        .map(|name| (name, "alice".to_owned()));
    let bearer = ("authorization", format!("Bearer {bob}"));
    let reply = stack.send("POST /v1/token", [&headers[..], &[bearer]].concat(), None).await;
    assert_eq!(reply.status, 200);
    assert_ne!(reply.body["user"], first.body["user"]);
    for route in ["POST /v1/token", "POST /v1/token/teams"] {
        for name in ["sub", "iss", "userId", "user", "externalId", "acsId", "__proto__"] {
            for value in [json!("alice"), json!({ "sub": "alice" }), first.body["user"].clone()] {
                let body = json!({ "scopes": ["voip"], name: value });
                let refused = stack.call(route, &bob, body).await;
                assert_eq!(refused.problem(), "invalid-body", "{route}: {name}");
            }
        }
    }
}

// A missing authorizer, or a function that is attached elsewhere, grants no access.
#[tokio::test]
async fn r53_without_an_authorizer_every_function_returns_401_for_every_route() {
    let stack = ServiceStack::start().await;
    let claims = json!({ "sub": "alice", "iss": stack.url("issuer"), "scope": "guestpass.admin" });
    let contexts = [
        json!({ "authorizer": null }),
        json!({ "authorizer": {} }),
        json!({ "authorizer": { "jwt": { "claims": null, "scopes": null } } }),
        json!({ "authorizer": { "jwt": { "claims": {}, "scopes": [] } } }),
        json!({ "authorizer": { "lambda": claims.clone() } }),
        json!({ "authorizer": { "lambda": { "claims": null } } }),
        json!({ "authorizer": { "lambda": { "claims": [claims.clone()] } } }),
        json!({ "authorizer": { "lambda": { "claims": {} }, "jwt": { "claims": claims.clone() } } }),
        json!({ "authorizer": { "claims": claims } }),
    ];
    let mut functions = stack.functions().await;
    // Transmitters and guests have no bearer: see tests/events/signals.rs and tests/guests.
    let open = ["receive-security-event", "exchange-guest-pass"];
    let without_bearers = [&WITHOUT_ROUTES[..], &open].concat();
    functions.retain(|name| !without_bearers.contains(&name.as_str()));
    assert_eq!(functions.len(), 13, "{functions:?}");
    for function in &functions {
        for (route, _) in &routes() {
            for context in &contexts {
                let answer = stack.invoke(function, &request(route, context)).await;
                assert_eq!(answer["statusCode"], 401, "{function} {route} {context}: {answer}");
            }
        }
    }
    assert_eq!(stack.requests().await.len(), 0, "ACS was asked");
}

/// A request as API Gateway sends it to a function.
fn request(route: &str, context: &Value) -> Value {
    let (method, path) = route.split_once(' ').unwrap_or_default();
    json!({
        "version": "2.0",
        "routeKey": route,
        "rawPath": path,
        "rawQueryString": "",
        "headers": { "x-user": "alice", "x-amzn-oidc-identity": "alice" },
        "pathParameters": { "id": "8:acs:unknown" },
        "requestContext": {
            "http": { "method": method, "path": path },
            "authorizer": context.get("authorizer"),
        },
        "isBase64Encoded": false,
    })
}

/// The origin of a web app.
const APP: &str = "http://localhost:5173";

/// The headers of a web app with tracing, as a browser lists them in a preflight.
const APP_HEADERS: &str =
    "authorization,baggage,content-type,sentry-trace,traceparent,tracestate,x-request-id";

/// The request that a browser sends before a request of the web app.
fn preflight(stack: &ServiceStack, route: &str) -> io::Result<HttpReply> {
    let (method, path) = route.split_once(' ').unwrap_or_default();
    let headers = [
        ("access-control-request-headers", APP_HEADERS),
        ("access-control-request-method", method),
        ("origin", APP),
    ];
    harness::send(stack.url("gateway"), &format!("OPTIONS {path}"), &headers, "")
}

/// A request for a token with the bearer of a user, as the web app sends it.
async fn token_for_web_app(stack: &ServiceStack) -> HttpReply {
    let bearer = format!("Bearer {}", stack.user("alice").await);
    let headers = vec![("origin", APP.to_owned()), ("authorization", bearer)];
    stack.send("GET /v1/token", headers, None).await
}

#[tokio::test]
async fn a_web_app_whose_origin_is_allowed_can_call_every_route() -> io::Result<()> {
    let allowed = format!("AllowedOrigins=https://app.example.com,{APP}");
    let stack = ServiceStack::with(&["--parameter", &allowed]).await;
    for (route, _) in &routes() {
        let reply = preflight(&stack, route)?;
        assert_eq!(reply.status, 204, "{route}");
        let header = |name| reply.header(name);
        assert_eq!(header("access-control-allow-origin"), APP, "{route}");
        let methods: Vec<_> = header("access-control-allow-methods").split(',').collect();
        assert!(methods.iter().any(|method| route.starts_with(method)), "{route}: {methods:?}");
        let headers: Vec<_> = header("access-control-allow-headers").split(',').collect();
        assert!(APP_HEADERS.split(',').all(|name| headers.contains(&name)), "{headers:?}");
    }
    let reply = token_for_web_app(&stack).await;
    assert_eq!((reply.status, reply.header("access-control-allow-origin")), (200, APP));
    assert_eq!(reply.header("access-control-expose-headers"), "x-request-id,retry-after");
    Ok(())
}

#[tokio::test]
async fn no_web_app_can_call_the_service_unless_its_origin_is_allowed() -> io::Result<()> {
    let stack = ServiceStack::start().await;
    assert_eq!(preflight(&stack, "POST /v1/token")?.status, 404);
    let reply = token_for_web_app(&stack).await;
    let is_cors = |name: &str| name.starts_with("access-control-");
    assert_eq!(reply.status, 200);
    assert!(!reply.headers.iter().any(|(name, _)| is_cors(name)), "{reply:?}");
    Ok(())
}
