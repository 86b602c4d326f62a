//! A client with its own signing code, so that client and emulator cannot share a mistake.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use acs_emulator::{Builder, Emulator, EmulatorServer};
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

pub(crate) const V2023: &str = "?api-version=2023-10-01";

/// A running emulator, and a client with its key.
pub(crate) struct EmulatorFixture {
    pub emulator: Emulator,
    pub server: EmulatorServer,
    pub client: Client,
}

/// A complete response.
#[derive(Debug)]
pub(crate) struct ServiceReply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl ServiceReply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        Some(self.headers.get(name)?.to_str().unwrap())
    }

    /// The `Date` of the response.
    pub(crate) fn date(&self) -> OffsetDateTime {
        let format = format_description!(
            "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
        );
        let date = self.header("date").unwrap();
        PrimitiveDateTime::parse(date, format).unwrap().assume_utc()
    }
}

/// A request before it is signed; tests change what they need.
#[derive(Clone)]
pub(crate) struct Draft {
    pub method: Method,
    pub target: String,
    pub body: Vec<u8>,
    pub key: String,
    pub date: OffsetDateTime,
    /// Headers set after signing, which replace the signed values.
    pub spoiled: Vec<(&'static str, String)>,
}

impl Draft {
    pub(crate) fn new(key: &str, method: &str, target: &str, body: &str) -> Self {
        Self {
            method: method.parse().unwrap(),
            target: target.to_owned(),
            body: body.as_bytes().to_vec(),
            key: key.to_owned(),
            date: now(),
            spoiled: Vec::new(),
        }
    }
}

impl EmulatorFixture {
    pub(crate) async fn new() -> Self {
        Self::with(Self::builder()).await
    }

    /// With keys for both kinds of tokens, so that no key has to be generated.
    pub(crate) fn builder() -> Builder {
        let keys = [&SIGNING_KEY, &ENTRA_KEY].map(key);
        let [signing_key, entra_key] = keys;
        Emulator::builder().signing_key(signing_key).entra_signing_key(entra_key)
    }

    pub(crate) async fn with(builder: Builder) -> Self {
        let emulator = builder.build().unwrap();
        let server = emulator.serve_on_loopback().await.unwrap();
        let client = Client::builder().timeout(Duration::from_secs(30)).build().unwrap();
        Self { emulator, server, client }
    }

    /// Ends it and frees its data directory for the next emulator: connections that a drop cuts off
    /// may hold the directory a moment longer.
    pub(crate) async fn stop(self) {
        drop(self.client);
        self.server.stop().await;
    }

    pub(crate) fn draft(&self, method: &str, target: &str, body: &str) -> Draft {
        Draft::new(self.emulator.access_key().expose(), method, target, body)
    }

    pub(crate) async fn try_send(&self, draft: Draft) -> reqwest::Result<ServiceReply> {
        signed(&self.client, &self.server.endpoint(), draft).await
    }

    pub(crate) async fn send(&self, draft: Draft) -> ServiceReply {
        self.try_send(draft).await.unwrap()
    }

    pub(crate) async fn call(&self, method: &str, target: &str, body: &str) -> ServiceReply {
        self.send(self.draft(method, target, body)).await
    }

    /// A new identity's id.
    pub(crate) async fn create(&self) -> String {
        let reply = self.call("POST", &format!("/identities{V2023}"), "").await;
        assert_eq!(reply.status, 201, "{}", reply.text);
        reply.json()["identity"]["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn issue_with(&self, id: &str, body: &str) -> ServiceReply {
        let target = format!("/identities/{}/:issueAccessToken{V2023}", id.replace(':', "%3A"));
        self.call("POST", &target, body).await
    }

    /// A token for `chat` and `voip`.
    pub(crate) async fn issue(&self, id: &str) -> String {
        let reply = self.issue_with(id, r#"{"scopes":["chat","voip"]}"#).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.json()["token"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn revoke(&self, id: &str) -> ServiceReply {
        self.call("POST", &format!("/identities/{id}/:revokeAccessTokens{V2023}"), "").await
    }

    pub(crate) async fn delete(&self, id: &str) -> ServiceReply {
        self.call("DELETE", &format!("/identities/{id}{V2023}"), "").await
    }

    pub(crate) async fn control(&self, method: &str, path: &str, body: &Value) -> ServiceReply {
        let url = format!("{}/_emulator/{path}", self.server.endpoint());
        let request = self.client.request(method.parse().unwrap(), url).body(body.to_string());
        read(request.send().await.unwrap()).await.unwrap()
    }

    pub(crate) async fn look(&self, path: &str) -> Value {
        let reply = self.control("GET", path, &json!({})).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.json()
    }

    /// The introspection result of a token.
    pub(crate) async fn introspect(&self, token: &str) -> Value {
        self.control("POST", "introspect", &json!({ "token": token })).await.json()
    }

    pub(crate) async fn script(&self, faults: Value) {
        let reply = self.control("POST", "faults", &json!({ "faults": faults })).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
    }

    pub(crate) async fn count(&self, operation: &str) -> u64 {
        self.look("requests").await["counts"][operation].as_u64().unwrap()
    }

    /// A token of the development Entra issuer.
    pub(crate) async fn entra_token(&self, order: Value) -> String {
        let reply = self.control("POST", "entra/token", &order).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.json()["token"].as_str().unwrap().to_owned()
    }

    /// A call with a bearer instead of a signature.
    pub(crate) async fn bear(
        &self,
        token: &str,
        method: &str,
        target: &str,
        body: &str,
    ) -> ServiceReply {
        let url = format!("{}{target}", self.server.endpoint());
        let request = self.client.request(method.parse().unwrap(), url).bearer_auth(token);
        let request = request.header("content-type", "application/json").body(body.to_owned());
        read(request.send().await.unwrap()).await.unwrap()
    }

    /// A form posted to one of Entra's paths.
    pub(crate) async fn post_form(&self, path: &str, form: &[(&str, &str)]) -> ServiceReply {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let url = format!("{}{path}", self.server.endpoint());
        read(self.client.post(url).body(body).send().await.unwrap()).await.unwrap()
    }

    /// Waits until so many responses are held.
    pub(crate) async fn until_held(&self, held: u64) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.look("faults").await["held"] != held {
            assert!(Instant::now() < deadline, "the answer was never held");
            tokio::task::yield_now().await;
        }
    }
}

/// The error of a response: status, code, message, target.
pub(crate) fn refusal(reply: &ServiceReply) -> (u16, String, String, Option<String>) {
    let error = &reply.json()["error"];
    let text = |name: &str| error[name].as_str().map(str::to_owned);
    (reply.status.as_u16(), text("code").unwrap(), text("message").unwrap(), text("target"))
}

#[expect(clippy::disallowed_methods, reason = "a test client signs with the system's time")]
pub(crate) fn now() -> OffsetDateTime {
    std::time::SystemTime::now().into()
}

/// Signs a draft for the emulator at `endpoint` and sends it there.
pub(crate) async fn signed(
    client: &Client,
    endpoint: &str,
    draft: Draft,
) -> reqwest::Result<ServiceReply> {
    let host = endpoint.split_once("://").unwrap().1;
    let hash = STANDARD.encode(digest::digest(&digest::SHA256, &draft.body));
    let date = rfc1123(draft.date);
    let text = format!("{}\n{}\n{date};{host};{hash}", draft.method, draft.target);
    let key = hmac::Key::new(hmac::HMAC_SHA256, &STANDARD.decode(&draft.key).unwrap());
    let signature = STANDARD.encode(hmac::sign(&key, text.as_bytes()));
    let names = "x-ms-date;host;x-ms-content-sha256";
    let authorization = format!("HMAC-SHA256 SignedHeaders={names}&Signature={signature}");
    let mut headers = HeaderMap::new();
    let mut set = |name: &'static str, value: String| {
        let value = HeaderValue::from_str(&value).unwrap();
        headers.insert(HeaderName::from_static(name), value);
    };
    set("x-ms-date", date);
    set("x-ms-content-sha256", hash);
    set("content-type", "application/json".into());
    set("authorization", authorization);
    for (name, value) in draft.spoiled {
        set(name, value);
    }
    let url = format!("{endpoint}{}", draft.target);
    let request = client.request(draft.method, url).headers(headers).body(draft.body);
    read(request.send().await?).await
}

/// One key for all tests: generating one for every test would take most of their time.
fn key(of: &OnceLock<Vec<u8>>) -> Vec<u8> {
    let made = || {
        let key = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let der: Pkcs8V1Der<'_> = key.as_der().unwrap();
        der.as_ref().to_vec()
    };
    of.get_or_init(made).clone()
}

static SIGNING_KEY: OnceLock<Vec<u8>> = OnceLock::new();
static ENTRA_KEY: OnceLock<Vec<u8>> = OnceLock::new();

async fn read(response: Response) -> reqwest::Result<ServiceReply> {
    let (status, headers) = (response.status(), response.headers().clone());
    Ok(ServiceReply { status, headers, text: response.text().await? })
}

pub(crate) fn rfc1123(time: OffsetDateTime) -> String {
    let format = format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    time.format(format).unwrap()
}
