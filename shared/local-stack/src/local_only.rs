//! Keeps pages on the web away from the services that need no credentials.

use acs_emulator::check_local_request;
use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};

/// Serves only requests that no page of another machine makes.
pub(crate) fn local_only(router: Router) -> Router {
    router.layer(middleware::from_fn(check))
}

async fn check(request: Request, next: Next) -> Response {
    match check_local_request(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => (StatusCode::FORBIDDEN, format!("forbidden: {refusal}\n")).into_response(),
    }
}
