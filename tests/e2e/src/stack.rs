use std::{
    process::Command,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use harness::{
    HttpReply, TEMPLATE, TestStack, local_stack, throttled_local_stack, wait_until_async,
};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::secrets::{self, FoundSecret};

/// A stack with an HTTP client, which ends with its test.
///
/// Each response is searched for secrets. Dropping the stack also searches its tables, its queues
/// and every file that it wrote. Its functions run at `RUST_LOG=trace`.
pub struct ServiceStack {
    stack: TestStack,
    pub(crate) client: Client,
    /// Every secret that was seen.
    secrets: Mutex<Vec<String>>,
    /// Whether a function has sent a successful response.
    has_served: AtomicBool,
}

/// The claim that the local stack's `AdminCondition` requires of an administrator's bearer, in
/// addition to the scope.
pub const ADMIN_ROLE: (&str, &str) = ("role", "guestpass-admin");

/// The emulator's flags for the other choices about undocumented behaviour of ACS. Such a run shows
/// that the service does not depend on these choices.
#[must_use]
pub fn other_ways() -> Vec<String> {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    let flags = std::env::var("ACS_THE_OTHER_WAY").unwrap_or_default();
    flags.split_whitespace().map(ToOwned::to_owned).collect()
}

impl ServiceStack {
    /// Starts a stack on free ports and waits until it is ready.
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// Starts a stack with further options.
    pub async fn with(options: &[&str]) -> Self {
        Self::launch(local_stack(), &[&["--ephemeral"], options].concat()).await
    }

    /// Starts a stack whose gateway limits the rate of requests as the template says.
    pub async fn throttled(options: &[&str]) -> Self {
        Self::launch(throttled_local_stack(), &[&["--ephemeral"], options].concat()).await
    }

    /// Starts a stack that writes its tables, queues and identities to files.
    pub async fn on_disk() -> Self {
        Self::launch(local_stack(), &[]).await
    }

    async fn launch(mut command: Command, options: &[&str]) -> Self {
        command.args(["--template", TEMPLATE]).args(options).args(other_ways());
        let stack = Self {
            stack: TestStack::start(TempDir::new().unwrap(), command.env("RUST_LOG", "trace")),
            client: Client::builder().no_proxy().build().unwrap(),
            secrets: Mutex::default(),
            has_served: AtomicBool::new(false),
        };
        let acs = &stack.stack.description()["acs"];
        let others = acs["connectionStrings"].as_object().into_iter().flat_map(|all| all.values());
        for secret in [&acs["accessKey"], &acs["connectionString"]].into_iter().chain(others) {
            stack.keep_secret(secret);
        }
        let caller_hash_key = stack.caller_hash_key().await;
        stack.keep_secret(&caller_hash_key);
        stack
    }

    /// The key by which the functions hash callers for their log.
    async fn caller_hash_key(&self) -> Value {
        let arn = "arn:aws:secretsmanager:local:000000000000:secret:CallerHashKey";
        let request = self
            .client
            .post(self.url("secretsManager"))
            .header("x-amz-target", "secretsmanager.GetSecretValue")
            .header("content-type", "application/x-amz-json-1.1");
        let reply = request.body(json!({ "SecretId": arn }).to_string()).send().await.unwrap();
        let reply: Value = reply.error_for_status().unwrap().json().await.unwrap();
        reply["SecretString"].clone()
    }

    /// A bearer of `sub`, with these scopes.
    pub async fn bearer(&self, sub: &str, scope: &str) -> String {
        self.bearer_with(&[("sub", sub), ("scope", scope)]).await
    }

    /// A bearer with these claims; the issuer's code lists those that it supports.
    pub async fn bearer_with(&self, form: &[(&str, &str)]) -> String {
        let url = format!("{}/token", self.url("issuer"));
        let issued = self.client.post(url).form(form).send().await.unwrap();
        let issued: Value = issued.error_for_status().unwrap().json().await.unwrap();
        self.keep_secret(&issued["access_token"]);
        issued["access_token"].as_str().unwrap().to_owned()
    }

    /// A user's bearer.
    pub async fn user(&self, sub: &str) -> String {
        self.bearer(sub, "guestpass.token").await
    }

    /// A user's bearer from a later second than any bearer before it: bearers from before a
    /// sign-out or a deletion get no token.
    pub async fn signed_in_anew(&self, sub: &str) -> String {
        self.advance(Duration::from_secs(2)).await;
        self.user(sub).await
    }

    /// An administrator's bearer.
    pub async fn admin(&self) -> String {
        self.bearer_with(&[("sub", "root"), ("scope", "guestpass.admin"), ADMIN_ROLE]).await
    }

    /// Calls the API with a bearer, and with a JSON body unless it is `null`.
    pub async fn call(&self, route: &str, bearer: &str, body: Value) -> HttpReply {
        let headers = vec![("authorization", format!("Bearer {bearer}"))];
        match body {
            Value::Null => self.send(route, headers, None).await,
            body => {
                let json = ("content-type", "application/json".to_owned());
                self.send(route, [headers, vec![json]].concat(), Some(body.to_string())).await
            }
        }
    }

    /// Calls the API with any headers and any body.
    pub async fn send(
        &self,
        route: &str,
        headers: Vec<(&str, String)>,
        body: Option<String>,
    ) -> HttpReply {
        let (method_name, path) = route.split_once(' ').unwrap();
        let method: Method = method_name.parse().unwrap();
        let url = format!("{}{path}", self.url("gateway"));
        let mut request = self.client.request(method, url).body(body.unwrap_or_default());
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let reply = reply_of(request.send().await.unwrap()).await;
        self.assert_nothing_leaks(route, &reply);
        assert_conventions(&reply);
        if reply.body.get("message").is_none() {
            // R57: a function returns only the statuses that the contract lists.
            let listed = infra::statuses(method_name, path).unwrap_or_default();
            assert!(listed.contains(&reply.status), "{route}: {reply:?}");
        }
        self.has_served.fetch_or(reply.is_success(), Relaxed);
        reply
    }

    /// R10: a token is only in the response that issues it.
    fn assert_nothing_leaks(&self, route: &str, reply: &HttpReply) {
        let issues = reply.is_success() && infra::issues_a_token(route);
        let known = self.secrets.lock().unwrap().clone();
        let found = secrets::search_reply(reply, issues, &known);
        assert!(found.is_none(), "{route} {}: {found:?}", reply.status);
        for token in [&reply.body["token"], &reply.body["accessToken"]["token"]] {
            self.keep_secret(token);
        }
    }

    /// Calls the emulator's control API.
    pub async fn emulator(&self, route: &str, body: Value) -> Value {
        self.emulator_at(self.url("/acs/http"), route, body).await
    }

    /// Calls the control API of the emulator of one of several resources.
    pub async fn emulator_at(&self, address: &str, route: &str, body: Value) -> Value {
        let (method, path) = route.split_once(' ').unwrap();
        let url = format!("{address}/_emulator/{path}");
        let request = self.client.request(method.parse().unwrap(), url);
        let request = if body.is_null() { request } else { request.json(&body) };
        let reply = reply_of(request.send().await.unwrap()).await;
        assert!(reply.is_success(), "{reply:?}");
        reply.body
    }

    /// Replaces the text of the secret from which the functions read the connection string.
    pub async fn put_secret(&self, text: &str) {
        self.keep_secret(&text.into());
        let body = json!({ "SecretId": self.url("acsSecretArn"), "SecretString": text });
        let request = self
            .client
            .post(self.url("secretsManager"))
            .header("x-amz-target", "secretsmanager.PutSecretValue")
            .header("content-type", "application/x-amz-json-1.1");
        let reply = request.body(body.to_string()).send().await.unwrap();
        assert!(reply.status().is_success(), "{reply:?}");
    }

    /// The number of times that the functions have read that secret.
    pub async fn secret_reads(&self) -> u64 {
        let url = format!("{}/_local/reads", self.url("secretsManager"));
        let told: Value = self.client.get(url).send().await.unwrap().json().await.unwrap();
        told["reads"].as_u64().unwrap()
    }

    /// Makes ACS refuse the primary key from now on. Returns the connection string with the new
    /// key.
    pub async fn regenerate_key(&self) -> String {
        let regenerated =
            self.emulator("POST keys/regenerate", json!({ "keyType": "primary" })).await;
        self.keep_secret(&regenerated["accessKey"]);
        let key = regenerated["accessKey"].as_str().unwrap();
        format!("endpoint={}/;accesskey={key}", self.url("/acs/endpoint"))
    }

    /// Why a token is invalid; `null` if it is valid.
    pub async fn invalid_reason(&self, token: &Value) -> Value {
        let introspected = self.emulator("POST introspect", json!({ "token": token })).await;
        assert_eq!(introspected["active"], introspected["reason"].is_null(), "{introspected}");
        introspected["reason"].clone()
    }

    /// The requests to ACS, except the unsigned requests with which a function opens its connection
    /// during init.
    pub async fn requests(&self) -> Vec<Value> {
        let ledger = self.emulator("GET requests", Value::Null).await;
        let requests = ledger["requests"].as_array().cloned().unwrap_or_default();
        requests.into_iter().filter(|request| request["operation"] != "badRoute").collect()
    }

    /// The number of requests to ACS for `operation`.
    pub async fn request_count(&self, operation: &str) -> u64 {
        self.emulator("GET requests", Value::Null).await["counts"][operation].as_u64().unwrap_or(0)
    }

    /// Injects a fault into ACS: `action` has the format of the emulator's fault script.
    pub async fn fault(&self, operation: &str, action: Value) {
        let fault = json!({ "operation": operation, "action": action });
        self.emulator("POST faults", json!({ "faults": [fault] })).await;
    }

    /// Waits until ACS holds this many responses.
    pub async fn until_held(&self, count: u64) {
        let are_held = async || self.emulator("GET faults", Value::Null).await["held"] == count;
        let limit = Duration::from_mins(1);
        assert!(wait_until_async(limit, are_held).await, "ACS does not hold {count} responses");
    }

    /// Removes every fault.
    pub async fn remove_faults(&self) {
        self.emulator("DELETE faults", Value::Null).await;
    }

    /// The processes of a function.
    pub async fn processes(&self, function: &str) -> Vec<u64> {
        let listed = self.local("GET functions", Value::Null).await;
        listed[function].as_array().into_iter().flatten().filter_map(Value::as_u64).collect()
    }

    /// The names of all functions.
    pub async fn functions(&self) -> Vec<String> {
        let listed = self.local("GET functions", Value::Null).await;
        listed.as_object().unwrap().keys().cloned().collect()
    }

    /// Sends an event to a function, and returns its answer.
    pub async fn invoke(&self, function: &str, event: &Value) -> Value {
        self.local(&format!("POST functions/{function}/invoke"), event.clone()).await
    }

    /// Sends an empty event to a function, which may fail.
    pub async fn invoke_anyway(&self, function: &str) {
        let url = format!("{}/_local/functions/{function}/invoke", self.url("console"));
        self.client.post(url).json(&json!({})).send().await.unwrap();
    }

    /// The log of a function.
    #[must_use]
    pub fn log(&self, function: &str) -> String {
        let path = self.stack.data().join(format!("logs/{function}.log"));
        std::fs::read_to_string(path).unwrap_or_default()
    }

    /// A text in the stack file, by its name or its JSON pointer.
    #[must_use]
    pub fn url(&self, name: &str) -> &str {
        let pointer = if name.starts_with('/') { name.to_owned() } else { format!("/{name}") };
        self.stack.text(&pointer)
    }

    /// Remembers a value that must not be in a log.
    pub fn keep_secret(&self, value: &Value) {
        if let Some(secret) = value.as_str() {
            self.secrets.lock().unwrap().push(secret.to_owned());
        }
    }

    /// A secret in a table or in a queue.
    fn secret_inside(&self) -> Option<FoundSecret> {
        let known = self.secrets.lock().unwrap();
        let engine = self.url("dynamodb");
        let tables = ["table", "auditTable"].map(|name| self.url(name));
        let searches = tables.map(|table| secrets::search_table(engine, table, &known));
        let queues = secrets::search_queues(self.url("console"), &known);
        let mut searches = searches.into_iter().chain([queues]);
        searches.find_map(|search| search.expect("tables and queues are searched"))
    }
}

impl Drop for ServiceStack {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let inside = if self.stack.is_running() { self.secret_inside() } else { None };
        self.stack.stop();
        let has_logs = secrets::has_files_with_content(&self.stack.data().join("logs"));
        let has_served = self.has_served.load(Relaxed);
        assert!(has_logs || !has_served, "a function sent a response and logged nothing");
        let known = self.secrets.lock().unwrap();
        if let Some(found) = inside.or_else(|| secrets::search_files(self.stack.dir(), &known)) {
            panic!("a secret is in {}: {}", found.location, found.kind);
        }
    }
}

async fn reply_of(response: reqwest::Response) -> HttpReply {
    let status = response.status().as_u16();
    let text = |value: &reqwest::header::HeaderValue| value.to_str().unwrap().to_owned();
    let headers = response.headers().iter().map(|(name, value)| (name.to_string(), text(value)));
    let headers = headers.collect();
    let body = response.text().await.unwrap();
    HttpReply::new(status, headers, &body).unwrap_or_else(|error| panic!("{error}: {body}"))
}

/// R56: the properties of every response of a function. The gateway's own refusals have API
/// Gateway's format: only a `message`.
fn assert_conventions(reply: &HttpReply) {
    if reply.body.get("message").is_some() {
        return;
    }
    assert_eq!(reply.header("cache-control"), "no-store", "{reply:?}");
    assert_eq!(reply.header("x-content-type-options"), "nosniff", "{reply:?}");
    assert!(!reply.header("x-request-id").is_empty(), "{reply:?}");
    let expected = match reply.status {
        204 => "",
        200..300 => "application/json",
        _ => "application/problem+json",
    };
    assert_eq!(reply.header("content-type"), expected, "{reply:?}");
    let is_retryable_later = reply.body["retry"] == "later";
    assert_eq!(is_retryable_later, !reply.header("retry-after").is_empty(), "{reply:?}");
}
