//! The requests of the demonstration: as the app, the users, an administrator and the identity
//! provider send them.

use std::sync::Arc;

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use super::error::DemoError;

/// The addresses of a stack, and a client for them. A clone shares both.
#[derive(Clone)]
pub(super) struct DemoClient {
    http: Client,
    addresses: Arc<DemoAddresses>,
}

/// The addresses that the demonstration uses.
pub(super) struct DemoAddresses {
    pub(super) gateway: String,
    pub(super) issuer: String,
    pub(super) console: String,
    pub(super) acs: String,
    pub(super) event_bus: Option<String>,
}

impl DemoClient {
    pub(super) fn new(addresses: DemoAddresses) -> Result<Self, DemoError> {
        let http = Client::builder().no_proxy().build().map_err(DemoError::Client)?;
        Ok(Self { http, addresses: Arc::new(addresses) })
    }

    /// A token for a user. The status tells whether ACS and the service gave one.
    pub(super) async fn token(&self, user: &str) -> Result<StatusCode, DemoError> {
        self.as_user(Method::POST, user).await
    }

    pub(super) async fn sign_out(&self, user: &str) -> Result<StatusCode, DemoError> {
        self.as_user(Method::DELETE, user).await
    }

    async fn as_user(&self, method: Method, user: &str) -> Result<StatusCode, DemoError> {
        let bearer = self.bearer(&[("sub", user), ("scope", "guestpass.token")]).await?;
        let url = format!("{}/v1/token", self.addresses.gateway);
        let request = self.http.request(method, &url).bearer_auth(bearer);
        Ok(request.send().await.map_err(DemoError::Client)?.status())
    }

    /// An administrator revokes all tokens of a user, and blocks the user.
    pub(super) async fn block(&self, user: &str) -> Result<(), DemoError> {
        let claims = [("sub", "root"), ("scope", "guestpass.admin"), ("role", "guestpass-admin")];
        let bearer = self.bearer(&claims).await?;
        let found = self.control(Method::GET, &format!("identities?search=|{user}"), None).await?;
        let acs_id = found.pointer("/identities/0/acsId").and_then(Value::as_str).unwrap_or("");
        let url = format!("{}/v1/identities/{acs_id}/revoke", self.addresses.gateway);
        let request = self.http.post(&url).bearer_auth(bearer);
        let request = request.header("content-type", "application/json");
        let body = json!({ "block": true, "reason": "reported by support" });
        let response = request.body(body.to_string()).send().await.map_err(DemoError::Client)?;
        accepted(&url, response).await.map(drop)
    }

    /// An event of the identity provider about a user; about no user if it is `None`.
    pub(super) async fn event(&self, kind: &str, user: Option<&str>) -> Result<(), DemoError> {
        let now = self.control(Method::GET, "clock", None).await?;
        let mut detail = json!({
            "occurredAt": now.get("now"), "eventId": uuid::Uuid::new_v4().to_string(),
        });
        if let (Some(user), Some(detail)) = (user, detail.as_object_mut()) {
            let external_id = format!("{}|{user}", self.addresses.issuer);
            detail.insert("externalId".to_owned(), external_id.into());
        }
        let body = json!({
            "bus": self.addresses.event_bus, "source": "guestpass.identity",
            "detail-type": kind, "detail": detail,
        });
        self.control(Method::POST, "events", Some(&body)).await.map(drop)
    }

    /// Moves the clock of the stack, back if the number is negative.
    pub(super) async fn advance(&self, seconds: i64) -> Result<(), DemoError> {
        let body = json!({ "advanceSeconds": seconds });
        self.control(Method::POST, "clock", Some(&body)).await.map(drop)
    }

    /// Runs the schedule of the cleanup in a mode.
    pub(super) async fn clean_up(&self, mode: &str) -> Result<(), DemoError> {
        let listed = self.control(Method::GET, "schedules", None).await?;
        let mut schedules = listed.get("schedules").and_then(Value::as_array).into_iter().flatten();
        let of_cleanup =
            |schedule: &&Value| schedule.get("function") == Some(&"delete-stale-identities".into());
        let Some(name) = schedules.find(of_cleanup).and_then(|one| one.get("name")?.as_str())
        else {
            return Ok(());
        };
        let body = json!({ "input": { "mode": mode } });
        self.control(Method::POST, &format!("schedules/{name}/run"), Some(&body)).await.map(drop)
    }

    /// Lets ACS answer 503, or ends that.
    pub(super) async fn set_down(&self, is_down: bool) -> Result<(), DemoError> {
        let url = format!("{}/_emulator/faults", self.addresses.acs);
        let faults = json!({ "faults": [{ "operation": "*", "action": { "status": 503 } }] });
        let request = if is_down {
            self.http.post(&url).body(faults.to_string())
        } else {
            self.http.delete(&url)
        };
        accepted(&url, request.send().await.map_err(DemoError::Client)?).await.map(drop)
    }

    /// The number of events that no function has received yet.
    pub(super) async fn waiting(&self) -> Result<u64, DemoError> {
        let overview = self.control(Method::GET, "queues", None).await?;
        let queues = overview.get("queues").and_then(Value::as_array).cloned().unwrap_or_default();
        // The queues of events have dead-letter queues. The others keep what failed.
        let sources: Vec<&Value> = queues
            .iter()
            .filter_map(|queue| queue.get("isDeadLetterQueueOf")?.as_array())
            .flatten()
            .collect();
        let is_source =
            |queue: &&Value| queue.get("name").is_some_and(|name| sources.contains(&name));
        let visible = |queue: &Value| queue.get("visible").and_then(Value::as_u64).unwrap_or(0);
        Ok(queues.iter().filter(is_source).map(visible).sum())
    }

    async fn bearer(&self, claims: &[(&str, &str)]) -> Result<String, DemoError> {
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(claims).finish();
        let url = format!("{}/token", self.addresses.issuer);
        let response = self.http.post(&url).body(form).send().await.map_err(DemoError::Client)?;
        let tokens = accepted(&url, response).await?;
        let bearer = tokens.get("access_token").and_then(Value::as_str);
        Ok(bearer.unwrap_or_default().to_owned())
    }

    async fn control(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, DemoError> {
        let url = format!("{}/_local/{path}", self.addresses.console);
        let request = self.http.request(method, &url);
        let request = match body {
            Some(body) => request.body(body.to_string()),
            None => request,
        };
        accepted(&url, request.send().await.map_err(DemoError::Client)?).await
    }
}

/// The JSON of a response that is not an error.
async fn accepted(url: &str, response: reqwest::Response) -> Result<Value, DemoError> {
    let status = response.status();
    if !status.is_success() {
        return Err(DemoError::Refused { url: url.to_owned(), status });
    }
    let body = response.bytes().await.map_err(DemoError::Client)?;
    Ok(serde_json::from_slice(&body).unwrap_or_default())
}
