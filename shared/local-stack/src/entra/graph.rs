//! Entra's token endpoint and Microsoft Graph.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, patch, post};
use serde_json::{Value, json};
use time::Duration;
use uuid::Uuid;

use super::refusal::error;
use super::{CLIENT_ID, CLIENT_SECRET, SimulatedEntra, TENANT, subscriptions};
use crate::json_response::json;

/// The routes of Entra and of Graph, which are two servers in the cloud.
pub(crate) fn router(entra: Arc<SimulatedEntra>) -> Router {
    let graph = Router::new()
        .route("/v1.0/users/{id}", get(user))
        .route("/v1.0/users/delta", get(changes))
        .route("/v1.0/subscriptions", get(subscriptions::list).post(subscriptions::create))
        .route(
            "/v1.0/subscriptions/{id}",
            patch(subscriptions::renew).delete(subscriptions::delete),
        )
        .layer(middleware::from_fn_with_state(Arc::clone(&entra), authenticate));
    Router::new().route("/{tenant}/oauth2/v2.0/token", post(token)).merge(graph).with_state(entra)
}

/// Grants a token to the app.
async fn token(
    State(entra): State<Arc<SimulatedEntra>>,
    Path(tenant): Path<String>,
    form: Bytes,
) -> Response {
    let form: BTreeMap<_, _> = form_urlencoded::parse(&form).collect();
    let field = |name: &str| form.get(name).map(AsRef::as_ref);
    let refused = |error: &str, code: u32| {
        let body = json!({ "error": error, "error_codes": [code], "error_description": "refused" });
        json(StatusCode::UNAUTHORIZED, &body)
    };
    if tenant != TENANT {
        return refused("invalid_request", 90_002);
    }
    if field("client_id") != Some(CLIENT_ID) {
        return refused("unauthorized_client", 700_016);
    }
    let is_grant = field("grant_type") == Some("client_credentials");
    let is_scope = field("scope").is_some_and(|scope| scope.ends_with("/.default"));
    if !is_grant || !is_scope || field("client_secret") != Some(CLIENT_SECRET) {
        return refused("invalid_client", 7_000_215);
    }
    let token = Uuid::new_v4().to_string();
    entra.directory().tokens.push((token.clone(), entra.now() + Duration::hours(1)));
    let body = json!({ "token_type": "Bearer", "expires_in": 3600, "access_token": token });
    json(StatusCode::OK, &body)
}

/// Gives the prepared wrong answers, and refuses requests without a token.
async fn authenticate(
    State(entra): State<Arc<SimulatedEntra>>,
    request: Request,
    next: Next,
) -> Response {
    if let Some(fault) = entra.directory().take_fault() {
        let status = StatusCode::from_u16(fault.status).unwrap_or(StatusCode::BAD_GATEWAY);
        let mut response = error(status, "serviceNotAvailable");
        if let Some(seconds) = fault.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        return response;
    }
    if !has_token(&entra, request.headers()) {
        return error(StatusCode::UNAUTHORIZED, "InvalidAuthenticationToken");
    }
    next.run(request).await
}

fn has_token(entra: &SimulatedEntra, headers: &HeaderMap) -> bool {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let bearer = bearer.and_then(|value| value.strip_prefix("Bearer "));
    let mut directory = entra.directory();
    directory.expire(entra.now());
    bearer.is_some_and(|bearer| directory.tokens.iter().any(|(token, _)| token == bearer))
}

async fn user(State(entra): State<Arc<SimulatedEntra>>, Path(id): Path<String>) -> Response {
    let id = id.to_ascii_lowercase();
    let directory = entra.directory();
    match directory.users.get(&id).filter(|user| !user.is_deleted) {
        Some(user) => json(StatusCode::OK, &user.to_json(&id)),
        None => error(StatusCode::NOT_FOUND, "Request_ResourceNotFound"),
    }
}

/// The delta query. Its links have the number of the changes before them.
async fn changes(
    State(entra): State<Arc<SimulatedEntra>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let query = query.unwrap_or_default();
    let parameters: BTreeMap<_, _> = form_urlencoded::parse(query.as_bytes()).collect();
    let directory = entra.directory();
    let latest = directory.changes.len();
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let link = |number: usize| format!("http://{host}/v1.0/users/delta?$deltatoken={number}");
    let (ids, next) = match parameters.get("$deltatoken").map(AsRef::as_ref) {
        Some("latest") => (Vec::new(), latest),
        None => (directory.users.keys().map(String::as_str).collect(), latest),
        Some(number) => {
            let changed = number.parse().ok().and_then(|number| directory.changed_since(number));
            let Some(changed) = changed else {
                return error(StatusCode::GONE, "resyncRequired");
            };
            changed
        }
    };
    let users: Vec<Value> = ids
        .into_iter()
        .map(|id| match directory.users.get(id).filter(|user| !user.is_deleted) {
            Some(user) => user.to_json(id),
            None => json!({ "id": id, "@removed": { "reason": "changed" } }),
        })
        .collect();
    let name = if next < latest { "@odata.nextLink" } else { "@odata.deltaLink" };
    json(StatusCode::OK, &json!({ "value": users, name: link(next) }))
}
