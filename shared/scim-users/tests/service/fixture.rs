use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, SystemTime},
};

use scim_users::{
    ScimRequest, ScimResponse, ScimService, ScimStamp, SubjectAttribute, UserMapping,
    testing::{MemoryScimUserStore, MemoryUserEvents},
};
use serde_json::{Value, json};

/// A service provider with a clock that stands still.
pub(crate) struct ScimFixture {
    pub(crate) store: MemoryScimUserStore,
    pub(crate) events: MemoryUserEvents,
    pub(crate) mapping: UserMapping,
    requests: AtomicU64,
}

/// The URL of `/scim/v2`.
pub(crate) const BASE: &str = "https://api.example/scim/v2";

/// The issuer of the users' bearers.
pub(crate) const ISSUER: &str = "https://idp.example";

impl ScimFixture {
    pub(crate) fn with(subject: SubjectAttribute) -> Self {
        let mapping = UserMapping { token_issuer: ISSUER.to_owned(), subject, tenant: None };
        Self {
            store: MemoryScimUserStore::default(),
            events: MemoryUserEvents::default(),
            mapping,
            requests: AtomicU64::new(0),
        }
    }

    pub(crate) fn new() -> Self {
        Self::with(SubjectAttribute::ExternalId)
    }

    /// Sends a request; `route` is the method and the path with its query.
    pub(crate) async fn send(&self, route: &str, body: &[u8]) -> ScimResponse {
        let (method, target) = route.split_once(' ').unwrap();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let query: Vec<_> = query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let request = ScimRequest {
            method,
            path,
            query: &query,
            content_type: Some("application/scim+json; charset=utf-8"),
            content_encoding: None,
            body,
            base_url: BASE,
        };
        self.handle(&request).await
    }

    pub(crate) async fn handle(&self, request: &ScimRequest<'_>) -> ScimResponse {
        let id = format!("id-{}", self.requests.fetch_add(1, Relaxed));
        let stamp = ScimStamp { now: now(), id };
        let service = ScimService {
            store: &self.store,
            events: &self.events,
            transmitter: "entra-scim",
            mapping: &self.mapping,
        };
        service.handle(&request.clone(), &stamp).await
    }

    /// Sends a JSON body, and returns the status and the JSON of the response.
    pub(crate) async fn json(&self, route: &str, body: &Value) -> (u16, Value) {
        let response = self.send(route, body.to_string().as_bytes()).await;
        (response.status, response.body.unwrap_or_default())
    }

    pub(crate) async fn get(&self, route: &str) -> (u16, Value) {
        let response = self.send(&format!("GET {route}"), b"").await;
        (response.status, response.body.unwrap_or_default())
    }

    /// Creates Carol, forgets the events, and returns her ID.
    pub(crate) async fn carol(&self, active: bool) -> String {
        let body = json!({ "userName": "carol", "externalId": "c-1", "active": active });
        let (status, user) = self.json("POST Users", &body).await;
        assert_eq!(status, 201, "{user}");
        self.events.take();
        user["id"].as_str().unwrap().to_owned()
    }

    /// Sets `active` with a PATCH, and returns the status.
    pub(crate) async fn set_active(&self, id: &str, active: bool) -> u16 {
        let operation = json!({ "op": "replace", "path": "active", "value": active });
        self.json(&format!("PATCH Users/{id}"), &json!({ "Operations": [operation] })).await.0
    }
}

/// The time of every request.
pub(crate) fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(1_800_000_000_250)
}
