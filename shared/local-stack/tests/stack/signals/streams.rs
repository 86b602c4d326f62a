//! Tests of the SSF transmitters' stream management, and of delivery by poll.

use reqwest::Method;
use serde_json::{Value, json};

use crate::fixture::StackFixture;

/// A client of the API of one transmitter.
struct TransmitterClient<'a> {
    fixture: &'a StackFixture,
    name: &'static str,
    token: String,
}

impl<'a> TransmitterClient<'a> {
    async fn connect(fixture: &'a StackFixture, name: &'static str) -> Self {
        let token = String::new();
        let mut client = Self { fixture, name, token };
        let secret = client.secret();
        let form =
            format!("grant_type=client_credentials&client_id=guestpass&client_secret={secret}");
        let (status, answer) = client.post("/token", form).await;
        assert_eq!(status, 200, "{answer}");
        answer["access_token"].as_str().unwrap().clone_into(&mut client.token);
        client
    }

    /// The client secret, as `stack.json` has it.
    fn secret(&self) -> String {
        let file = self.fixture.directory.path().join("stack.json");
        let told: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        let own = told["transmitters"].as_array().unwrap();
        let own = own.iter().find(|transmitter| transmitter["name"] == self.name).unwrap();
        own["clientSecret"].as_str().unwrap().to_owned()
    }

    fn url(&self, path: &str) -> String {
        format!("{}/transmitters/{}{path}", self.fixture.stack.console(), self.name)
    }

    async fn send(&self, method: Method, path: &str, body: String) -> (u16, Value) {
        let request = self.fixture.client.request(method, self.url(path)).bearer_auth(&self.token);
        let answer = request.body(body).send().await.unwrap();
        let status = answer.status().as_u16();
        (status, serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or_default())
    }

    async fn post(&self, path: &str, body: impl ToString) -> (u16, Value) {
        self.send(Method::POST, path, body.to_string()).await
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        self.send(Method::GET, path, String::new()).await
    }

    /// Creates a stream that pushes to the receiver.
    async fn create(&self) -> String {
        let (status, stream) = self.post("/streams", self.push_stream()).await;
        assert_eq!(status, 201, "{stream}");
        stream["stream_id"].as_str().unwrap().to_owned()
    }

    fn push_stream(&self) -> Value {
        let endpoint = format!("{}/v1/signals/{}", self.fixture.stack.gateway(), self.name);
        json!({
            "delivery": { "method": "urn:ietf:rfc:8935", "endpoint_url": endpoint,
                          "authorization_header": "Bearer chosen" },
            "events_requested": [
                "https://schemas.openid.net/secevent/caep/event-type/session-revoked",
                "https://schemas.openid.net/secevent/caep/event-type/risk-level-change",
            ],
        })
    }
}

#[tokio::test]
async fn a_stream_is_created_once_and_can_be_read_updated_and_deleted() {
    let fixture = StackFixture::start().await;
    let client = TransmitterClient::connect(&fixture, "ssf").await;
    assert_eq!(client.get("/streams").await, (200, json!([])));
    let id = client.create().await;
    let (status, stream) = client.get(&format!("/streams?stream_id={id}")).await;
    assert_eq!((status, &stream["aud"]), (200, &json!("guestpass-ssf")));
    assert_eq!(stream["events_delivered"].as_array().unwrap().len(), 1, "only the supported ones");
    assert!(!stream.to_string().contains("chosen"), "the credential is not repeated: {stream}");
    assert_eq!(client.post("/streams", client.push_stream()).await.0, 409);
    let change = json!({ "stream_id": id, "description": "guestpass" }).to_string();
    let (status, changed) = client.send(Method::PATCH, "/streams", change).await;
    assert_eq!((status, &changed["description"]), (200, &json!("guestpass")));
    assert_eq!(changed["events_requested"], stream["events_requested"], "unnamed ones stay");
    let path = format!("/streams?stream_id={id}");
    assert_eq!(client.send(Method::DELETE, &path, String::new()).await.0, 204);
    assert_eq!(client.get(&path).await.0, 404);
    assert_eq!(client.send(Method::DELETE, &path, String::new()).await.0, 404);
    fixture.stack.stop().await;
}

#[tokio::test]
async fn the_metadata_name_every_endpoint_of_the_transmitter() {
    let fixture = StackFixture::start().await;
    let console = fixture.stack.console();
    let get = async |url: String| fixture.client.get(url).send().await.unwrap();
    let url = format!("{console}/.well-known/ssf-configuration/transmitters/ssf");
    let found: Value = get(url).await.json().await.unwrap();
    let issuer = format!("{console}/transmitters/ssf");
    assert_eq!((&found["issuer"], &found["spec_version"]), (&json!(issuer), &json!("1_0")));
    for (member, path) in [
        ("jwks_uri", "jwks"),
        ("configuration_endpoint", "streams"),
        ("status_endpoint", "status"),
        ("verification_endpoint", "verify"),
    ] {
        assert_eq!(found[member], format!("{issuer}/{path}"));
    }
    let openid = get(format!("{issuer}/.well-known/openid-configuration")).await;
    assert_eq!(openid.json::<Value>().await.unwrap()["jwks_uri"], format!("{issuer}/jwks"));
    for missing in [
        ".well-known/ssf-configuration/transmitters/apple",
        ".well-known/ssf-configuration/transmitters/nothing",
        "transmitters/nothing/jwks",
    ] {
        assert_eq!(get(format!("{console}/{missing}")).await.status(), 404, "{missing}");
    }
    fixture.stack.stop().await;
}

#[tokio::test]
async fn a_paused_stream_sends_nothing_until_it_is_enabled() {
    let fixture = StackFixture::start().await;
    let client = TransmitterClient::connect(&fixture, "ssf").await;
    let id = client.create().await;
    let attempt = async || fixture.control("signals/ssf", &json!({ "sub": "alice" })).await;
    let (_, sent) = attempt().await;
    assert_eq!(sent["body"]["headers"]["authorization"], "Bearer chosen");
    let paused = json!({ "stream_id": id, "status": "paused" });
    assert_eq!(client.post("/status", &paused).await, (200, paused));
    assert_eq!(attempt().await.0, 409);
    assert_eq!(client.get(&format!("/status?stream_id={id}")).await.1["status"], "paused");
    client.post("/status", json!({ "stream_id": id, "status": "enabled" })).await;
    assert_eq!(attempt().await.0, 200);
    assert_eq!(client.get("/status?stream_id=other").await.0, 404);
    fixture.stack.stop().await;
}

#[tokio::test]
async fn a_verification_is_sent_to_the_receiver() {
    let fixture = StackFixture::start().await;
    let client = TransmitterClient::connect(&fixture, "ssf").await;
    let id = client.create().await;
    let (status, _) = client.post("/verify", json!({ "stream_id": id, "state": "s1" })).await;
    assert_eq!(status, 204);
    let url = format!("{}/_local/requests", fixture.stack.console());
    let seen: Value = fixture.client.get(url).send().await.unwrap().json().await.unwrap();
    assert_eq!(seen["requests"][0]["path"], "/v1/signals/ssf");
    assert_eq!(client.post("/verify", json!({ "stream_id": "other" })).await.0, 404);
    fixture.stack.stop().await;
}

#[tokio::test]
async fn a_polled_message_stays_until_it_is_acknowledged_or_refused() {
    let fixture = StackFixture::start().await;
    let client = TransmitterClient::connect(&fixture, "ssf-poll").await;
    for jti in ["a", "b", "c"] {
        let (_, sent) =
            fixture.control("signals/ssf-poll", &json!({ "sub": "alice", "jti": jti })).await;
        assert_eq!(sent, json!({ "jti": jti, "queued": true }));
    }
    let ids =
        |answer: &Value| answer["sets"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let (_, first) = client.post("/poll", json!({ "maxEvents": 2 })).await;
    assert_eq!(
        (ids(&first), &first["moreAvailable"]),
        (vec!["a".into(), "b".into()], &json!(true))
    );
    let (_, again) = client.post("/poll", json!({ "maxEvents": 2 })).await;
    assert_eq!(again, first, "what is not acknowledged is sent again");
    let settle = json!({ "ack": ["a"], "setErrs": { "b": { "err": "invalid_key" } } });
    let (_, rest) = client.post("/poll", settle).await;
    assert_eq!((ids(&rest), &rest["moreAvailable"]), (vec!["c".into()], &json!(false)));
    let shown = fixture.told("signals/ssf-poll").await;
    assert_eq!(
        (&shown["queued"], &shown["refused"]["b"]["err"]),
        (&json!(["c"]), &json!("invalid_key"))
    );
    let (_, none) = client.post("/poll", json!({ "maxEvents": 0, "ack": ["c"] })).await;
    assert_eq!(none, json!({ "sets": {}, "moreAvailable": false }));
    assert_eq!(fixture.told("signals/ssf-poll").await["queued"], json!([]));
    fixture.stack.stop().await;
}

#[tokio::test]
async fn a_paused_stream_keeps_polled_messages_and_a_disabled_one_does_not() {
    let fixture = StackFixture::start().await;
    let client = TransmitterClient::connect(&fixture, "ssf-poll").await;
    let streams = client.get("/streams").await.1;
    let id = streams[0]["stream_id"].as_str().unwrap();
    fixture.control("signals/ssf-poll", &json!({ "sub": "alice", "jti": "a" })).await;
    client.post("/status", json!({ "stream_id": id, "status": "paused" })).await;
    assert_eq!(client.post("/poll", "{}").await.1, json!({ "sets": {}, "moreAvailable": false }));
    client.post("/verify", json!({ "stream_id": id })).await;
    let queued =
        async || fixture.told("signals/ssf-poll").await["queued"].as_array().unwrap().len();
    assert_eq!(queued().await, 2);
    client.post("/status", json!({ "stream_id": id, "status": "disabled" })).await;
    assert_eq!(queued().await, 0);
    fixture.stack.stop().await;
}

#[tokio::test]
async fn only_a_client_with_a_current_access_token_can_use_the_api() {
    let fixture = StackFixture::start().await;
    let client = TransmitterClient::connect(&fixture, "ssf").await;
    let token = async |form: &str| client.post("/token", form).await.0;
    let grant = "grant_type=client_credentials&client_id=guestpass&client_secret=";
    assert_eq!(token(&format!("{grant}wrong")).await, 401);
    let secret = client.secret();
    let other = format!("{grant}{secret}").replace("guestpass", "other");
    assert_eq!(token(&other).await, 401);
    assert_eq!(token(&format!("client_id=guestpass&client_secret={secret}")).await, 400);
    let url = client.url("/token");
    let basic = fixture.client.post(url).basic_auth("guestpass", Some(secret));
    let basic = basic.body("grant_type=client_credentials").send().await.unwrap();
    assert_eq!(basic.status(), 200);

    let poll = TransmitterClient { token: client.token.clone(), name: "ssf-poll", ..client };
    assert_eq!(poll.get("/streams").await.0, 401, "a token of another transmitter");
    let client = TransmitterClient { name: "ssf", ..poll };
    assert_eq!(client.get("/streams").await.0, 200);
    fixture.advance(601).await;
    assert_eq!(client.get("/streams").await.0, 401, "an expired token");
    let no_streams = TransmitterClient { name: "apple", ..client };
    assert_eq!(no_streams.get("/streams").await.0, 404);
    fixture.stack.stop().await;
}

#[tokio::test]
async fn a_stream_can_only_be_pushed_to_this_stack() {
    let fixture = StackFixture::start().await;
    let client = TransmitterClient::connect(&fixture, "ssf").await;
    let mut elsewhere = client.push_stream();
    elsewhere["delivery"]["endpoint_url"] = json!("https://other.example/v1/events");
    let (status, answer) = client.post("/streams", &elsewhere).await;
    assert_eq!(status, 400);
    assert!(answer["description"].as_str().unwrap().contains("/v1/signals/ssf"), "{answer}");
    elsewhere["delivery"] = json!({ "method": "carrier-pigeon" });
    assert_eq!(client.post("/streams", &elsewhere).await.0, 400);
    assert_eq!(client.post("/streams", "nonsense").await.0, 400);
    fixture.stack.stop().await;
}
