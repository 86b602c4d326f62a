use std::collections::HashMap;

use axum::Router;
use axum::extract::Query;
use axum::http::header::CONTENT_TYPE;
use axum::routing::post;

use super::*;

/// The simulation behind a server, and a receiver of its notifications.
struct EntraFixture {
    entra: Arc<SimulatedEntra>,
    http: Client,
    url: String,
    /// Where notifications go; the path `/mute` does not return the validation token.
    receiver: String,
    notifications: Arc<Mutex<Vec<Value>>>,
}

impl EntraFixture {
    async fn start() -> Self {
        let entra = SimulatedEntra::new(StackClock::system()).unwrap();
        let url = serve(router(Arc::clone(&entra)).merge(control_router(Arc::clone(&entra)))).await;
        let notifications: Arc<Mutex<Vec<Value>>> = Arc::default();
        let kept = Arc::clone(&notifications);
        let receive = async move |query: Query<HashMap<String, String>>, body: String| {
            if let Ok(notification) = serde_json::from_str(&body) {
                kept.lock().unwrap().push(notification);
            }
            (
                [(CONTENT_TYPE, "text/plain")],
                query.get("validationToken").cloned().unwrap_or_default(),
            )
        };
        let mute = async || ([(CONTENT_TYPE, "text/plain")], "something else");
        let routes = Router::new().route("/ours", post(receive)).route("/mute", post(mute));
        let receiver = serve(routes).await;
        Self { http: entra.http.clone(), entra, url, receiver, notifications }
    }

    async fn token_for(&self, client_id: &str, secret: &str) -> (u16, Value) {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", client_id),
            ("client_secret", secret),
            ("scope", "http://graph/.default"),
        ];
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let url = format!("{}/{TENANT}/oauth2/v2.0/token", self.url);
        let response = self.http.post(url).body(form).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    async fn graph(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let (_, token) = self.token_for(CLIENT_ID, CLIENT_SECRET).await;
        let token = token["access_token"].as_str().unwrap().to_owned();
        self.send(method, path, body, Some(&token)).await
    }

    async fn send(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
        token: Option<&str>,
    ) -> (u16, Value) {
        let url = if path.starts_with('/') { self.url.clone() + path } else { path.to_owned() };
        let mut request = self.http.request(method.parse().unwrap(), url);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.body(body.to_string());
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or_default())
    }

    async fn control(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        self.send(method, &format!("/_local/entra{path}"), Some(body), None).await
    }

    fn subscription(&self, path: &str) -> Value {
        json!({
            "changeType": "updated,deleted", "resource": "users", "clientState": "synthetic-state",
            "notificationUrl": format!("{}{path}", self.receiver),
            "expirationDateTime": crate::clock::rfc3339(self.entra.now() + time::Duration::days(3)),
        })
    }
}

async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

#[tokio::test]
async fn only_the_app_gets_a_token_and_only_a_token_opens_graph() {
    let fixture = EntraFixture::start().await;
    for (client_id, secret, status, code) in [
        (CLIENT_ID, "wrong", 401, json!([7_000_215])),
        ("other", CLIENT_SECRET, 401, json!([700_016])),
        (CLIENT_ID, CLIENT_SECRET, 200, Value::Null),
    ] {
        let (found, body) = fixture.token_for(client_id, secret).await;
        assert_eq!((found, &body["error_codes"]), (status, &code));
    }
    let (status, body) = fixture.send("GET", "/v1.0/users/x", None, Some("made-up")).await;
    assert_eq!((status, &body["error"]["code"]), (401, &json!("InvalidAuthenticationToken")));
}

#[tokio::test]
async fn a_user_is_disabled_signed_out_and_deleted() {
    let fixture = EntraFixture::start().await;
    let id = crate::issuer::entra_object_id("alice");
    let path = format!("/v1.0/users/{id}");
    let missing = fixture.graph("GET", &path, None).await;
    assert_eq!((missing.0, &missing.1["error"]["code"]), (404, &json!("Request_ResourceNotFound")));
    assert_eq!(fixture.control("DELETE", "/users/alice", json!({})).await.0, 404);

    let (_, made) = fixture.control("POST", "/users/alice", json!({})).await;
    assert_eq!(made["user"]["accountEnabled"], true);
    let disabled = json!({ "accountEnabled": false });
    fixture.control("POST", &format!("/users/{}", id.to_uppercase()), disabled).await;
    let (_, user) = fixture.graph("GET", &path, None).await;
    assert_eq!((&user["accountEnabled"], &user["id"]), (&json!(false), &json!(id)));

    fixture.entra.clock.advance(60).unwrap();
    let revoked = json!({ "revokeSessions": true });
    fixture.control("POST", "/users/alice", revoked).await;
    let (_, later) = fixture.graph("GET", &path, None).await;
    let name = "signInSessionsValidFromDateTime";
    assert!(later[name].as_str() > user[name].as_str(), "{later}");
    assert_eq!(later["accountEnabled"], false, "it is still disabled");

    assert_eq!(fixture.control("DELETE", "/users/alice", json!({})).await.0, 200);
    assert_eq!(fixture.graph("GET", &path, None).await.0, 404);
    assert_eq!(fixture.control("POST", "/users/alice", json!({ "enabled": 1 })).await.0, 400);
}

#[tokio::test]
async fn a_subscriber_confirms_and_is_notified_until_the_subscription_ends() {
    let fixture = EntraFixture::start().await;
    let mute =
        fixture.graph("POST", "/v1.0/subscriptions", Some(fixture.subscription("/mute"))).await;
    assert_eq!((mute.0, &mute.1["error"]["code"]), (400, &json!("ValidationError")));
    let mut long = fixture.subscription("/ours");
    long["expirationDateTime"] = json!("2999-01-01T00:00:00Z");
    assert_eq!(fixture.graph("POST", "/v1.0/subscriptions", Some(long)).await.0, 400);

    let ours = fixture.subscription("/ours");
    let (status, made) = fixture.graph("POST", "/v1.0/subscriptions", Some(ours.clone())).await;
    assert_eq!((status, &made["clientState"]), (201, &Value::Null));
    let (_, list) = fixture.graph("GET", "/v1.0/subscriptions", None).await;
    assert_eq!(list["value"], json!([made]));

    let (_, changed) = fixture.control("POST", "/users/alice", json!({})).await;
    assert_eq!(changed["notified"], json!([200]));
    fixture.control("POST", "/users/alice", json!({ "notify": false })).await;
    {
        let received = fixture.notifications.lock().unwrap();
        let [sent] = &received[..] else { panic!("{received:?}") };
        let sent = &sent["value"][0];
        assert_eq!(sent["clientState"], "synthetic-state");
        assert_eq!(sent["resourceData"]["id"], crate::issuer::entra_object_id("alice"));
        assert_eq!(sent["tenantId"], TENANT);
    }

    let path = format!("/v1.0/subscriptions/{}", made["id"].as_str().unwrap());
    let renewal = json!({ "expirationDateTime": ours["expirationDateTime"] });
    assert_eq!(fixture.graph("PATCH", &path, Some(renewal.clone())).await.0, 200);
    fixture.entra.clock.advance(4 * 24 * 3600).unwrap();
    assert_eq!(fixture.graph("PATCH", &path, Some(renewal)).await.0, 400, "it is in the past");
    assert_eq!(fixture.graph("DELETE", &path, None).await.0, 404, "it has ended");
    let (_, changed) = fixture.control("DELETE", "/users/alice", json!({})).await;
    assert_eq!(changed["notified"], json!([]));

    let again = fixture.subscription("/ours");
    fixture.graph("POST", "/v1.0/subscriptions", Some(again)).await;
    let (_, deleted) = fixture.control("DELETE", "/subscriptions", json!({})).await;
    assert_eq!(deleted, json!({ "deleted": 1 }));
    assert_eq!(fixture.control("GET", "", Value::Null).await.1["subscriptions"], json!([]));
}

#[tokio::test]
async fn the_delta_query_reports_each_change_in_pages() {
    let fixture = EntraFixture::start().await;
    fixture.control("POST", "/users/alice", json!({})).await;
    let (_, all) = fixture.graph("GET", "/v1.0/users/delta", None).await;
    assert_eq!(all["value"].as_array().unwrap().len(), 1);
    let (_, latest) = fixture.graph("GET", "/v1.0/users/delta?$deltatoken=latest", None).await;
    assert_eq!(latest["value"], json!([]));
    for _ in 0..11 {
        fixture.control("POST", "/users/bob", json!({})).await;
    }
    fixture.control("DELETE", "/users/bob", json!({})).await;
    let mut link = latest["@odata.deltaLink"].as_str().unwrap().to_owned();
    let mut sizes = Vec::new();
    loop {
        let (_, page) = fixture.graph("GET", &link, None).await;
        let users = page["value"].as_array().unwrap();
        assert_eq!(users[0]["@removed"]["reason"], "changed");
        sizes.push(users.len());
        let Some(next) = page["@odata.nextLink"].as_str() else { break };
        next.clone_into(&mut link);
    }
    assert_eq!(sizes, [10, 2]);
    fixture.control("POST", "/faults", json!({ "forgetChanges": true })).await;
    let (status, gone) = fixture.graph("GET", &link, None).await;
    assert_eq!((status, &gone["error"]["code"]), (410, &json!("resyncRequired")));
}

#[tokio::test]
async fn graph_fails_as_often_as_it_was_told() {
    let fixture = EntraFixture::start().await;
    fixture.control("POST", "/faults", json!({ "status": 429, "times": 2 })).await;
    for expected in [429, 429, 200] {
        assert_eq!(fixture.graph("GET", "/v1.0/subscriptions", None).await.0, expected);
    }
}
