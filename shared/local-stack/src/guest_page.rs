//! The page of guests, on the gateway's port: there, a phone can reach it, too, and the API has the
//! same origin. In AWS, a static host serves the same files.

use std::borrow::Cow;

use axum::Router;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::Redirect;
use axum::routing::get;
use serde_json::{Map, Value};

/// Where the page is, behind the URL of the gateway.
const PATH: &str = "/join/";

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

macro_rules! page_file {
    ($name:literal, $kind:expr) => {
        ($name, $kind, include_str!(concat!("../../clients/guest-page/", $name)))
    };
}

const FILES: [(&str, &str, &str); 7] = [
    page_file!("guestpass-guest.js", SCRIPT),
    page_file!("handle.js", SCRIPT),
    page_file!("icon.svg", "image/svg+xml"),
    page_file!("joined.js", SCRIPT),
    page_file!("page.css", "text/css; charset=utf-8"),
    page_file!("page.js", SCRIPT),
    page_file!("texts.js", SCRIPT),
];

/// The file in which the host of a page says who invites.
const CONFIG: (&str, &str, &str) = page_file!("config.json", "application/json");

/// Who invites to the meetings of this stack.
const INVITER: &str = "Guestpass on this machine";

/// The headers that a static host must set, too.
const HEADERS: &str = include_str!("../../clients/guest-page/headers.json");

/// The page's routes. `/join` leads to the page, as relative URLs need the slash; the browser keeps
/// what stands behind `#`.
pub(crate) fn router() -> Router {
    let headers = headers();
    let answer = |kind: &'static str, text: Cow<'static, str>| {
        let mut headers = headers.clone();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        get(move || async move { (headers, text) })
    };
    let page = include_str!("../../clients/guest-page/index.html");
    let (config, kind, text) = CONFIG;
    let router = Router::new()
        .route("/join", get(|| async { Redirect::temporary(PATH) }))
        .route(PATH, answer(HTML, page.into()))
        .route(&format!("{PATH}{config}"), answer(kind, with_inviter(text).into()));
    FILES.iter().fold(router, |router, (name, kind, text)| {
        router.route(&format!("{PATH}{name}"), answer(kind, (*text).into()))
    })
}

/// The configuration with the name of this stack.
fn with_inviter(config: &str) -> String {
    let mut members: Map<String, Value> = serde_json::from_str(config).unwrap_or_default();
    members.insert("inviter".to_owned(), INVITER.into());
    Value::Object(members).to_string()
}

/// The headers of headers.json, which a test reads, too.
fn headers() -> HeaderMap {
    let members: Map<String, Value> = serde_json::from_str(HEADERS).unwrap_or_default();
    let header = |(name, value): (&String, &Value)| {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        Some((name, HeaderValue::from_str(value.as_str()?).ok()?))
    };
    members.iter().filter_map(header).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_header_of_the_file_is_sent() {
        let members: Map<String, Value> = serde_json::from_str(HEADERS).unwrap();
        assert!(members.len() > 5);
        let headers = headers();
        assert_eq!(headers.len(), members.len());
        assert!(headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap().contains("'none'"));
    }

    #[test]
    fn the_configuration_differs_in_the_inviter_alone() {
        let members = |text: &str| serde_json::from_str::<Map<String, Value>>(text).unwrap();
        let (mut own, file) = (members(&with_inviter(CONFIG.2)), members(CONFIG.2));
        assert_eq!(own.insert("inviter".to_owned(), "".into()), Some(INVITER.into()));
        assert_eq!(own, file);
    }

    #[test]
    fn every_file_that_a_browser_reads_is_served() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../clients/guest-page");
        let names = fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name());
        let mut left: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
        left.retain(|name| FILES.iter().chain([&CONFIG]).all(|(served, ..)| served != name));
        left.sort();
        assert_eq!(left, ["README.md", "headers.json", "index.html", "page.png"]);
    }
}
