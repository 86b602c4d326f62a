//! Changes users, loses subscriptions and makes Graph fail: `/_local/entra` on the console's port.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{delete, get, post};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::directory::{GraphFaults, SimulatedSubscription, SimulatedUser};
use super::{CLIENT_ID, SimulatedEntra, TENANT};
use crate::issuer::entra_object_id;
use crate::json_response;

/// The routes.
pub(crate) fn router(entra: Arc<SimulatedEntra>) -> Router {
    Router::new()
        .route("/_local/entra", get(show))
        .route("/_local/entra/users/{user}", post(change).delete(remove))
        .route("/_local/entra/subscriptions", delete(lose_subscriptions))
        .route("/_local/entra/faults", post(set_faults))
        .with_state(entra)
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct UserChange {
    account_enabled: Option<bool>,
    revoke_sessions: bool,
    notify: Option<bool>,
}

#[derive(Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct RequestedFaults {
    status: u16,
    times: u32,
    retry_after: Option<u32>,
    forget_changes: bool,
}

impl Default for RequestedFaults {
    fn default() -> Self {
        Self { status: 503, times: 0, retry_after: None, forget_changes: false }
    }
}

async fn show(State(entra): State<Arc<SimulatedEntra>>) -> Response {
    let mut directory = entra.directory();
    directory.expire(entra.now());
    let users: Vec<Value> = directory.users.iter().map(|(id, user)| user.to_json(id)).collect();
    let subscriptions: Vec<Value> =
        directory.subscriptions.iter().map(SimulatedSubscription::to_json).collect();
    let body = json!({
        "tenant": TENANT, "clientId": CLIENT_ID, "users": users, "subscriptions": subscriptions,
    });
    json_response::json(StatusCode::OK, &body)
}

/// Creates or changes a user, also one who was deleted.
async fn change(
    State(entra): State<Arc<SimulatedEntra>>,
    Path(user): Path<String>,
    body: Bytes,
) -> Response {
    let change: UserChange = match read(&body) {
        Ok(change) => change,
        Err(refusal) => return refusal,
    };
    let (id, now) = (object_id(&user), entra.now());
    let shown = {
        let mut directory = entra.directory();
        let user = directory.users.entry(id.clone()).or_insert(SimulatedUser {
            is_enabled: true,
            sessions_valid_from: now,
            is_deleted: false,
        });
        user.is_deleted = false;
        user.is_enabled = change.account_enabled.unwrap_or(user.is_enabled);
        if change.revoke_sessions {
            user.sessions_valid_from = now;
        }
        let shown = user.to_json(&id);
        directory.changes.push(id.clone());
        shown
    };
    changed(&entra, &id, "updated", shown, change.notify).await
}

async fn remove(
    State(entra): State<Arc<SimulatedEntra>>,
    Path(user): Path<String>,
    body: Bytes,
) -> Response {
    let change: UserChange = match read(&body) {
        Ok(change) => change,
        Err(refusal) => return refusal,
    };
    let id = object_id(&user);
    let shown = {
        let mut directory = entra.directory();
        let Some(user) = directory.users.get_mut(&id) else {
            let body = json!({ "message": "unknown user: create it with POST" });
            return json_response::json(StatusCode::NOT_FOUND, &body);
        };
        user.is_deleted = true;
        let shown = user.to_json(&id);
        directory.changes.push(id.clone());
        shown
    };
    changed(&entra, &id, "deleted", shown, change.notify).await
}

/// Sends the notifications of a change, unless they are to be lost.
async fn changed(
    entra: &SimulatedEntra,
    id: &str,
    change: &str,
    user: Value,
    notify: Option<bool>,
) -> Response {
    let notified =
        if notify == Some(false) { Ok(Vec::new()) } else { entra.notify(id, change).await };
    match notified {
        Ok(statuses) => {
            let body = json!({ "user": user, "notified": statuses });
            json_response::json(StatusCode::OK, &body)
        }
        Err(error) => {
            let body = json!({ "message": error.to_string() });
            json_response::json(StatusCode::BAD_GATEWAY, &body)
        }
    }
}

async fn lose_subscriptions(State(entra): State<Arc<SimulatedEntra>>) -> Response {
    let lost = std::mem::take(&mut entra.directory().subscriptions);
    json_response::json(StatusCode::OK, &json!({ "deleted": lost.len() }))
}

async fn set_faults(State(entra): State<Arc<SimulatedEntra>>, body: Bytes) -> Response {
    let asked: RequestedFaults = match read(&body) {
        Ok(asked) => asked,
        Err(refusal) => return refusal,
    };
    let mut directory = entra.directory();
    let RequestedFaults { status, times, retry_after, forget_changes } = asked;
    directory.faults = GraphFaults { status, retry_after, times };
    if forget_changes {
        // All links up to now have expired, also that of the last change.
        directory.changes.push(String::new());
        directory.oldest_change = directory.changes.len();
    }
    json_response::json(StatusCode::OK, &json!({}))
}

/// The object id, or that of the local issuer's token for this `sub`.
fn object_id(user: &str) -> String {
    if uuid::Uuid::parse_str(user).is_ok() {
        user.to_ascii_lowercase()
    } else {
        entra_object_id(user)
    }
}

/// Reads an optional body.
#[expect(clippy::result_large_err, reason = "the error is the response")]
fn read<T: DeserializeOwned + Default>(body: &[u8]) -> Result<T, Response> {
    if body.is_empty() {
        return Ok(T::default());
    }
    serde_json::from_slice(body).map_err(|error| {
        let body = json!({ "message": format!("invalid request body: {error}") });
        json_response::json(StatusCode::BAD_REQUEST, &body)
    })
}
