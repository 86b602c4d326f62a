//! The pages of the console and their files, which are part of the program.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use serde_json::Value;

use super::state::Console;
use crate::html;

const CONSOLE: &str = include_str!("web/console/console.html");
const TRY: &str = include_str!("web/try/try.html");
const SIGNED_IN: &str = include_str!("web/try/signed_in.html");

const SCRIPTS: [(&str, &str); 8] = [
    ("calls.js", include_str!("web/try/calls.js")),
    ("common.js", include_str!("web/common.js")),
    ("console.js", include_str!("web/console/console.js")),
    ("guestpass-client.js", include_str!("web/guestpass-client.js")),
    ("session.js", include_str!("web/try/session.js")),
    ("signed-in.js", include_str!("web/try/signed_in.js")),
    ("timeline.js", include_str!("web/try/timeline.js")),
    ("try.js", include_str!("web/try/try.js")),
];

pub(super) fn router() -> Router<Arc<Console>> {
    Router::new()
        .route("/", get(async |state: State<Arc<Console>>| page(&state, CONSOLE)))
        .route("/try", get(async |state: State<Arc<Console>>| page(&state, TRY)))
        .route("/try/signed-in", get(async |state: State<Arc<Console>>| page(&state, SIGNED_IN)))
        .route("/assets/{name}", get(asset))
}

/// A page, which may load files of the console and call the services of the stack, and no others.
fn page(console: &Console, html: &str) -> Response {
    let address = |path: &str| console.addresses.pointer(path).and_then(Value::as_str);
    let services = ["/gateway", "/issuer", "/acs/http"].into_iter().filter_map(address);
    let services = services.collect::<Vec<_>>().join(" ");
    let policy = format!(
        "script-src 'self'; style-src 'self'; img-src data:; form-action 'none'; \
         connect-src 'self' {services}"
    );
    html::page(StatusCode::OK, &policy, html.to_owned())
}

async fn asset(Path(name): Path<String>) -> Response {
    if name == "style.css" {
        let style =
            [html::THEME, include_str!("web/console/console.css"), include_str!("web/try/try.css")];
        return html::file("text/css; charset=utf-8", style.concat());
    }
    match SCRIPTS.into_iter().find(|(known, _)| *known == name) {
        Some((_, script)) => html::file("text/javascript; charset=utf-8", script),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
