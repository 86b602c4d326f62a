//! The pages of the console, their files, and the data that they read.

use std::collections::BTreeSet;

use reqwest::Response;
use serde_json::{Value, json};

use crate::fixture::{StackFixture, until};

impl StackFixture {
    async fn open(&self, path: &str) -> Response {
        self.client.get(format!("{}{path}", self.stack.console())).send().await.unwrap()
    }
}

/// The paths that a text names after one of these beginnings.
fn named(text: &str, beginnings: &[&str]) -> BTreeSet<String> {
    let found = beginnings.iter().flat_map(|begin| text.split(begin).skip(1));
    found.filter_map(|rest| rest.split('"').next()).map(str::to_owned).collect()
}

#[tokio::test]
async fn a_page_loads_only_files_of_the_console_and_calls_only_the_stack() {
    let fixture = StackFixture::start().await;
    for path in ["/", "/try", "/try/signed-in"] {
        let page = fixture.open(path).await;
        let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
        let (gateway, issuer, acs) =
            (fixture.stack.gateway(), fixture.stack.issuer(), fixture.stack.acs());
        assert_eq!(
            policy,
            format!(
                "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; script-src 'self'; \
                 style-src 'self'; img-src data:; form-action 'none'; \
                 connect-src 'self' {gateway} {issuer} {acs}"
            )
        );
        let html = page.text().await.unwrap();
        let mut files = named(&html, &["href=\"", "src=\""]);
        files.retain(|file| file != "data:," && !file.starts_with('#'));
        let mut open: Vec<_> = files.into_iter().collect();
        let mut seen = BTreeSet::new();
        while let Some(file) = open.pop() {
            let response = fixture.open(&file).await;
            assert_eq!(response.status(), 200, "{path}: {file}");
            if seen.insert(file) {
                open.extend(named(&response.text().await.unwrap(), &["from \""]));
            }
        }
        assert!(seen.len() >= 2, "{seen:?}");
    }
    assert_eq!(fixture.open("/assets/nothing.js").await.status(), 404);
    fixture.stack.stop().await;
}

#[tokio::test]
async fn the_pages_can_call_gateway_and_issuer_and_read_every_response() {
    let fixture = StackFixture::start().await;
    let console = fixture.stack.console();
    let local = console.replace("127.0.0.1", "localhost");
    let call = async |origin: &str, url: String| {
        let response = fixture.client.get(url).header("origin", origin).send().await.unwrap();
        let allowed = response.headers().get("access-control-allow-origin");
        (response.status().as_u16(), allowed.map(|origin| origin.to_str().unwrap().to_owned()))
    };
    for origin in [console, &local] {
        let allowed = Some(origin.to_owned());
        let keys = format!("{}/jwks", fixture.stack.issuer());
        assert_eq!(call(origin, keys).await, (200, allowed.clone()));
        let echo = format!("{}/echo", fixture.stack.gateway());
        assert_eq!(call(origin, echo).await, (401, allowed));
    }
    let other = "http://127.0.0.1:1";
    assert_eq!(call(other, format!("{}/echo", fixture.stack.gateway())).await, (401, None));
    fixture.stack.stop().await;
}

#[tokio::test]
async fn an_empty_stack_has_no_identities_and_refuses_unknown_parameters() {
    let fixture = StackFixture::start().await;
    let empty = json!({ "total": 0, "offset": 0, "identities": [] });
    assert_eq!(fixture.told("identities?search=a&state=&limit=5").await, empty);
    let overview = fixture.told("overview").await;
    assert_eq!((&overview["total"], &overview["liveTokens"]), (&json!(0), &json!(0)));
    assert_eq!(fixture.open("/_local/identities?size=5").await.status(), 400);
    let stack = fixture.told("stack").await;
    assert!(stack["profiles"].as_array().unwrap().contains(&json!("okta")));
    assert_eq!(stack["acs"].get("accessKey"), None);
    fixture.stack.stop().await;
}

#[tokio::test]
async fn events_are_shown_with_what_became_of_them() {
    let fixture = StackFixture::delivering().await;
    let event = |source: &str| json!({ "source": source, "detail-type": "t", "detail": { "to": "work", "sub": "alice" } });
    let (_, sent) = fixture.control("events", &event("nothing")).await;
    assert_eq!(sent["events"][0]["rules"], json!([]));
    let latest = async || fixture.told("events").await["events"][0].clone();
    let ignored = latest().await;
    assert_eq!((&ignored["outcome"], &ignored["user"]), (&json!("no-rule"), &json!("alice")));

    let (_, sent) = fixture.control("events", &event("test.single")).await;
    assert_ne!(sent["events"][0]["rules"], json!([]), "a rule of the template matches");
    until("the event was applied", async || latest().await["outcome"] == "done").await;
    let applied: Value = latest().await;
    assert_eq!((&applied["source"], &applied["receives"]), (&json!("test.single"), &json!(1)));
    fixture.stack.stop().await;
}

#[tokio::test]
async fn the_runs_of_a_schedule_are_kept_with_their_results() {
    let fixture = StackFixture::delivering().await;
    let schedules = fixture.told("schedules").await;
    let name = schedules["schedules"][0]["name"].as_str().unwrap().to_owned();
    for _ in 0..2 {
        assert_eq!(fixture.control(&format!("schedules/{name}/run"), &json!({})).await.0, 200);
    }
    let schedules = fixture.told("schedules").await;
    let runs = schedules["schedules"][0]["runs"].as_array().unwrap().clone();
    assert_eq!((runs.len(), &runs[0]), (2, &schedules["schedules"][0]["last"]));
    assert!(runs[0].get("result").is_some());
    fixture.stack.stop().await;
}
