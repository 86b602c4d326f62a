//! Requests of SCIM providers.

use std::time::{Duration, SystemTime};

use scim_users::testing::{MemoryScimUserStore, MemoryUserEvents};
use scim_users::{ScimRequest, ScimService, ScimStamp, SubjectAttribute, UserMapping};

/// A line with the method and the path with its query, then the body. The user `carol` exists.
pub fn scim_request(input: &[u8]) {
    let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    let (line, body) = input.split_at(end);
    let line = String::from_utf8_lossy(line);
    let (method, target) = line.split_once(' ').unwrap_or(("PATCH", "Users/id-0"));
    send(&[("POST", "Users", CAROL), (method, target, body.strip_prefix(b"\n").unwrap_or(body))]);
}

/// Sends requests, and checks that a user who became inactive was blocked before.
fn send(requests: &[(&str, &str, &[u8])]) {
    let (store, events) = (MemoryScimUserStore::default(), MemoryUserEvents::default());
    let mapping = UserMapping {
        token_issuer: "https://idp.example".to_owned(),
        subject: SubjectAttribute::ExternalId,
        tenant: None,
    };
    let service =
        ScimService { store: &store, events: &events, transmitter: "t", mapping: &mapping };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for (number, (method, target, body)) in requests.iter().enumerate() {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let query: Vec<_> = pairs.map(|(name, value)| (name.into(), value.into())).collect();
        let request = ScimRequest {
            method,
            path,
            query: &query,
            content_type: Some("application/scim+json"),
            content_encoding: None,
            body,
            base_url: "https://api.example/scim/v2",
        };
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let stamp = ScimStamp { now, id: format!("id-{number}") };
        let response = runtime.block_on(service.handle(&request, &stamp));
        assert!((200..502).contains(&response.status) && response.status != 500, "{response:?}");
        let is_inactive = response.body.is_some_and(|body| body["active"] == false);
        let changes = matches!(*method, "POST" | "PUT" | "PATCH") && !path.contains(".search");
        if is_inactive && changes {
            assert!(!events.sent().is_empty(), "a user is inactive and was not blocked");
        }
    }
}

const CAROL: &[u8] = br#"{"userName":"carol","externalId":"c-1"}"#;
