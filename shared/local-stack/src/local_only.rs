//! Keeps pages on the web away from the services that need no credentials.

use acs_emulator::{AllowedHosts, check_local_request};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};

/// Serves only requests that no page of another machine makes, under the names of this machine.
pub(crate) fn local_only(router: Router, allowed: &AllowedHosts) -> Router {
    router.layer(middleware::from_fn_with_state(allowed.clone(), check))
}

async fn check(State(allowed): State<AllowedHosts>, request: Request, next: Next) -> Response {
    match check_local_request(request.headers(), &allowed) {
        Ok(()) => next.run(request).await,
        Err(refusal) => (StatusCode::FORBIDDEN, format!("forbidden: {refusal}\n")).into_response(),
    }
}
