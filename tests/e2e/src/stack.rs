use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use reqwest::{Client, Method, StatusCode, header::HeaderMap};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::canaries;

/// A stack that ends with its test.
///
/// Each response is searched for secrets. Dropping the stack also searches its tables, its queues
/// and every file that it wrote. Its functions run at `RUST_LOG=trace`.
pub struct Stack {
    process: Child,
    dir: TempDir,
    urls: Value,
    pub(crate) client: Client,
    /// Every secret that was seen.
    secrets: Mutex<Vec<String>>,
    /// Whether a function has answered.
    served: AtomicBool,
}

/// The claim that the local stack's `AdminCondition` requires of an administrator's bearer, in
/// addition to the scope.
pub const ADMIN_ROLE: (&str, &str) = ("role", "guestpass-admin");

/// A response.
#[derive(Debug)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, as JSON; `null` if there is none.
    pub body: Value,
}

/// A binary of the workspace: cargo puts them beside the tests.
#[must_use]
pub fn binary(name: &str) -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    tests.parent().and_then(std::path::Path::parent).unwrap().join(name)
}

/// The emulator's flags for the other choices about undocumented behaviour of ACS. Such a run shows
/// that the service does not depend on these choices.
#[must_use]
pub fn other_ways() -> Vec<String> {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    let flags = std::env::var("ACS_THE_OTHER_WAY").unwrap_or_default();
    flags.split_whitespace().map(ToOwned::to_owned).collect()
}

impl Stack {
    /// Starts a stack on free ports and waits until it is ready.
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// Starts a stack with further options.
    pub async fn with(options: &[&str]) -> Self {
        Self::launch(&[&["--ephemeral"], options].concat()).await
    }

    /// Starts a stack that writes its tables, queues and identities to files.
    pub async fn kept() -> Self {
        Self::launch(&[]).await
    }

    async fn launch(options: &[&str]) -> Self {
        let dir = TempDir::new().unwrap();
        let file = dir.path().join("stack.json");
        let template = concat!(env!("CARGO_MANIFEST_DIR"), "/../../infra/template.yaml");
        let process = Command::new(binary("local-stack"))
            .args(["--port", "0", "--exit-with-stdin", "--template", template])
            .arg("--data")
            .arg(dir.path().join("data"))
            .arg("--stack-file")
            .arg(&file)
            .args(options)
            .args(other_ways())
            .env("RUST_LOG", "trace")
            // The pipe stays open: when the test ends, the stack ends.
            .stdin(Stdio::piped())
            .stdout(std::fs::File::create(dir.path().join("stack.out")).unwrap())
            .stderr(std::fs::File::create(dir.path().join("stack.err")).unwrap())
            .spawn()
            .expect("build the binaries first: `make binaries`");
        let client = Client::builder().no_proxy().build().unwrap();
        let mut stack = Self {
            process,
            dir,
            urls: Value::Null,
            client,
            secrets: Mutex::default(),
            served: AtomicBool::new(false),
        };
        let deadline = Instant::now() + Duration::from_secs(30);
        while !file.exists() {
            let alive = stack.process.try_wait().unwrap().is_none();
            assert!(alive && Instant::now() < deadline, "no stack: {}", stack.output());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        stack.urls = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        for secret in ["accessKey", "connectionString"] {
            stack.keep_secret(&stack.urls["acs"][secret]);
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
    pub async fn call(&self, route: &str, bearer: &str, body: Value) -> Reply {
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
    ) -> Reply {
        let (method_name, path) = route.split_once(' ').unwrap();
        let method: Method = method_name.parse().unwrap();
        let url = format!("{}{path}", self.url("gateway"));
        let mut request = self.client.request(method, url).body(body.unwrap_or_default());
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let reply = Reply::of(request.send().await.unwrap()).await;
        self.assert_nothing_leaks(route, &reply);
        reply.assert_decent();
        if reply.body.get("message").is_none() {
            // R57: a function returns only the statuses that the contract lists.
            let listed = infra::statuses(method_name, path).unwrap_or_default();
            assert!(listed.contains(&reply.status.as_u16()), "{route}: {reply:?}");
        }
        self.served.fetch_or(reply.status.is_success(), Relaxed);
        reply
    }

    /// R10: a token is only in the response that issues it.
    fn assert_nothing_leaks(&self, route: &str, reply: &Reply) {
        let issues = reply.status.is_success() && infra::issues_a_token(route);
        let secrets = self.secrets.lock().unwrap().clone();
        let found = canaries::search_answer(&reply.headers, &reply.body, issues, &secrets);
        assert!(found.is_none(), "{route} {}: {found:?}", reply.status);
        for token in [&reply.body["token"], &reply.body["accessToken"]["token"]] {
            self.keep_secret(token);
        }
    }

    /// Calls the emulator's control API.
    pub async fn emulator(&self, route: &str, body: Value) -> Value {
        let (method, path) = route.split_once(' ').unwrap();
        let url = format!("{}/_emulator/{path}", self.urls["acs"]["http"].as_str().unwrap());
        let request = self.client.request(method.parse().unwrap(), url);
        let request = if body.is_null() { request } else { request.json(&body) };
        let reply = Reply::of(request.send().await.unwrap()).await;
        assert!(reply.status.is_success(), "{reply:?}");
        reply.body
    }

    /// Replaces the text of the secret from which the functions read the connection string.
    pub async fn put_secret(&self, text: &str) {
        self.keep_secret(&text.into());
        let body = json!({ "SecretId": self.urls["acsSecretArn"], "SecretString": text });
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
        format!("endpoint={}/;accesskey={key}", self.urls["acs"]["endpoint"].as_str().unwrap())
    }

    /// Why a token is dead; `null` if it lives.
    pub async fn dead(&self, token: &Value) -> Value {
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
    pub async fn asked(&self, operation: &str) -> u64 {
        self.emulator("GET requests", Value::Null).await["counts"][operation].as_u64().unwrap_or(0)
    }

    /// Injects a fault into ACS: `action` has the format of the emulator's fault script.
    pub async fn fault(&self, operation: &str, action: Value) {
        let fault = json!({ "operation": operation, "action": action });
        self.emulator("POST faults", json!({ "faults": [fault] })).await;
    }

    /// Waits until ACS holds this many responses.
    pub async fn until_held(&self, count: u64) {
        let deadline = Instant::now() + Duration::from_mins(1);
        while self.emulator("GET faults", Value::Null).await["held"] != count {
            assert!(Instant::now() < deadline, "no answer is held back");
            tokio::task::yield_now().await;
        }
    }

    /// Ends every fault.
    pub async fn heal(&self) {
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

    /// The log of a function.
    #[must_use]
    pub fn log(&self, function: &str) -> String {
        let path = self.dir.path().join(format!("data/logs/{function}.log"));
        std::fs::read_to_string(path).unwrap_or_default()
    }

    /// The address of a part of the stack, from `stack.json`.
    #[must_use]
    pub fn url(&self, name: &str) -> &str {
        self.urls[name].as_str().unwrap()
    }

    /// Remembers a value that must not be in a log.
    pub fn keep_secret(&self, value: &Value) {
        if let Some(secret) = value.as_str() {
            self.secrets.lock().unwrap().push(secret.to_owned());
        }
    }

    fn output(&self) -> String {
        let read = |name| std::fs::read_to_string(self.dir.path().join(name)).unwrap_or_default();
        read("stack.out") + &read("stack.err")
    }
}

impl Stack {
    /// A secret in a table or in a queue, while the stack still runs.
    fn secret_inside(&mut self) -> Option<canaries::Found> {
        if !matches!(self.process.try_wait(), Ok(None)) {
            return None;
        }
        let secrets = self.secrets.lock().unwrap();
        let engine = self.url("dynamodb");
        let tables =
            ["table", "auditTable"].into_iter().filter_map(|name| self.urls[name].as_str());
        let mut searches: Vec<_> =
            tables.map(|table| canaries::search_table(engine, table, &secrets)).collect();
        searches.push(canaries::search_queues(self.url("console"), &secrets));
        searches.into_iter().find_map(|search| search.expect("tables and queues are searched"))
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        let inside = if std::thread::panicking() { None } else { self.secret_inside() };
        drop(self.process.stdin.take());
        let deadline = Instant::now() + Duration::from_secs(20);
        while matches!(self.process.try_wait(), Ok(None)) {
            if Instant::now() > deadline {
                let _ = self.process.kill();
            }
            std::thread::yield_now();
        }
        if std::thread::panicking() {
            return;
        }
        let logged = canaries::has_logs(self.dir.path());
        let served = self.served.load(Relaxed);
        assert!(logged || !served, "a function has answered, and nothing was logged");
        let secrets = self.secrets.lock().unwrap();
        if let Some(found) = inside.or_else(|| canaries::search_files(self.dir.path(), &secrets)) {
            panic!("a secret is in {}: {}", found.place, found.what);
        }
    }
}

impl Reply {
    async fn of(response: reqwest::Response) -> Self {
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.unwrap();
        let body = match text.as_str() {
            "" => Value::Null,
            text => serde_json::from_str(text).unwrap_or_else(|_| panic!("no JSON: {text}")),
        };
        Self { status, headers, body }
    }

    /// The `type` of a problem document, without the common prefix.
    #[must_use]
    pub fn problem(&self) -> &str {
        let kind = self.body["type"].as_str().unwrap_or_default();
        kind.strip_prefix("/problems/").unwrap_or_default()
    }

    /// A header's value; empty if there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// R56: the properties of every response of a function. The gateway's own refusals have API
    /// Gateway's format: only a `message`.
    fn assert_decent(&self) {
        if self.body.get("message").is_some() {
            return;
        }
        assert_eq!(self.header("cache-control"), "no-store", "{self:?}");
        assert_eq!(self.header("x-content-type-options"), "nosniff", "{self:?}");
        assert!(!self.header("x-request-id").is_empty(), "{self:?}");
        let expected = match self.status.as_u16() {
            204 => "",
            200..300 => "application/json",
            _ => "application/problem+json",
        };
        assert_eq!(self.header("content-type"), expected, "{self:?}");
        let says_when = self.body["retry"] == "later";
        assert_eq!(says_when, self.headers.contains_key("retry-after"), "{self:?}");
    }
}
