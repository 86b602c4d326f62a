//! The console: pages for a developer, and the data that they show.
//!
//! | path | response |
//! |---|---|
//! | `GET /`, `GET /try` | the pages; `/try/signed-in` ends the sign-in of the second one |
//! | `GET /_local/stack` | `stack.json` without credentials, with what the pages show |
//! | `GET /_local/functions` | `{"issue-access-token": [pid, …], …}` |
//! | `GET /_local/overview` | `{"now", "total", "byState", "liveTokens", "retentionDays", "ages"}` |
//! | `GET /_local/identities` | `{"total", "offset", "identities"}`; `?search=`, `state=`, `offset=`, `limit=` |
//! | `GET /_local/requests` | `{"requests"}`: the latest requests of the gateway |

mod assets;
mod overview;
mod records;
mod search;
mod state;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, State};
use axum::response::Response;
use axum::routing::get;
use serde_json::{Value, json};

use crate::control::{ControlError, ok};
use overview::overview;
pub(crate) use records::RecordTable;
use search::IdentitySearch;
pub(crate) use state::Console;

/// The console's routes.
pub(crate) fn router(console: Arc<Console>) -> Router {
    Router::new()
        .route("/_local/stack", get(stack))
        .route("/_local/functions", get(functions))
        .route("/_local/overview", get(figures))
        .route("/_local/identities", get(identities))
        .route("/_local/requests", get(requests))
        .merge(assets::router())
        .with_state(console)
}

async fn stack(State(console): State<Arc<Console>>) -> Response {
    ok(&console.stack())
}

async fn functions(State(console): State<Arc<Console>>) -> Response {
    ok(&console.pids())
}

async fn figures(State(console): State<Arc<Console>>) -> Result<Response, ControlError> {
    let (records, live) = console.identities().await?;
    let now = console.clock.now_ms();
    let mut figures = overview(&records, &live, console.retention_days, now);
    if let Some(figures) = figures.as_object_mut() {
        figures.insert("now".to_owned(), now.into());
    }
    Ok(ok(&figures))
}

async fn identities(
    State(console): State<Arc<Console>>,
    Query(search): Query<IdentitySearch>,
) -> Result<Response, ControlError> {
    let (records, live) = console.identities().await?;
    let page: Value = search.page(records, &live);
    Ok(ok(&page))
}

async fn requests(State(console): State<Arc<Console>>) -> Response {
    ok(&json!({ "requests": console.gateway.last_requests() }))
}
