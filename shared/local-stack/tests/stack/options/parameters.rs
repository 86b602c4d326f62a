//! Tests of the template's parameters, and of the issuer that they name.

use axum::Router;
use axum::routing::get;
use local_stack::{LocalStack, StackOptions};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::fixture::{StackFixture, client, options, token};

fn set(options: &mut StackOptions, parameters: &[(&str, &str)]) {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    options.parameters = parameters.iter().map(owned).collect();
}

/// Why a stack with these parameters does not start.
async fn start_error(parameters: &[(&str, &str)]) -> String {
    let directory = tempfile::tempdir().unwrap();
    let mut options = options(directory.path());
    set(&mut options, parameters);
    LocalStack::start(options).await.unwrap_err().to_string()
}

#[tokio::test]
async fn invalid_parameters_are_reported_together() {
    let report = start_error(&[("Foo", "bar"), ("extra", "x"), ("TokenScope", "a b")]).await;
    let (path, problems) = report.split_once(": ").unwrap();
    assert!(path.starts_with("cannot run the template "), "{report}");
    assert_eq!(
        problems,
        "3 invalid parameters:\n  \
         Foo: unknown parameter; the template does not declare it\n  \
         extra: unknown parameter; did you mean `Extra`?\n  \
         TokenScope: invalid value `a b`: must be one scope"
    );
}

#[tokio::test]
async fn the_gateway_accepts_the_tokens_of_a_real_issuer_and_no_others() {
    let provider = StackFixture::start().await;
    let issuer = provider.stack.issuer().to_owned();
    let fixture = StackFixture::with(|options| {
        set(options, &[("Issuer", &issuer), ("Audience", "guestpass-local")]);
    })
    .await;
    let get = async |issuer: &str| {
        let token = token(&fixture.client, issuer, "guestpass.token").await;
        let url = format!("{}/echo", fixture.stack.gateway());
        fixture.client.get(url).bearer_auth(token).send().await.unwrap()
    };
    let response = get(&issuer).await;
    assert_eq!(response.status(), 200);
    let answer: Value = response.json().await.unwrap();
    assert_eq!(answer["context"]["authorizer"]["jwt"]["claims"]["iss"], issuer.as_str());
    assert_eq!(answer["adminCondition"], "", "the template's default");
    assert_eq!(get(fixture.stack.issuer()).await.status(), 401);
    let shown = fixture.told("stack").await;
    assert_eq!(shown["apiIssuer"], issuer.as_str());
    let shown = shown.to_string();
    assert!(shown.contains(&format!("paste an access token of {issuer}")), "{shown}");
    let administrator = format!("paste an administrator's access token of {issuer}");
    assert!(shown.contains(&administrator) && !shown.contains("role=guestpass-admin"), "{shown}");
    fixture.stack.stop().await;
    provider.stack.stop().await;
}

/// An issuer whose discovery document leads to the keys of another one, which can be changed.
struct ChangingIssuer {
    url: String,
    keys_of: watch::Sender<String>,
}

impl ChangingIssuer {
    async fn start(keys_of: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (issuer, (keys_of, current)) = (url.clone(), watch::channel(keys_of.to_owned()));
        let metadata = async move || {
            json!({ "issuer": issuer, "jwks_uri": format!("{issuer}/jwks") }).to_string()
        };
        let keys = async move || {
            let url = format!("{}/jwks", current.borrow().clone());
            client().get(url).send().await.unwrap().text().await.unwrap()
        };
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(metadata))
            .route("/jwks", get(keys));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, keys_of }
    }
}

#[tokio::test]
async fn the_gateway_accepts_a_key_that_a_real_issuer_adds_after_the_start() {
    let (first, second) = (StackFixture::start().await, StackFixture::start().await);
    let issuer = ChangingIssuer::start(first.stack.issuer()).await;
    let fixture = StackFixture::with(|options| {
        set(options, &[("Issuer", &issuer.url), ("Audience", "guestpass-local")]);
    })
    .await;
    issuer.keys_of.send_replace(second.stack.issuer().to_owned());
    let scope = format!("guestpass.token&iss={}", issuer.url);
    let token = token(&fixture.client, second.stack.issuer(), &scope).await;
    let url = format!("{}/echo", fixture.stack.gateway());
    assert_eq!(fixture.client.get(url).bearer_auth(token).send().await.unwrap().status(), 200);
    for fixture in [fixture, first, second] {
        fixture.stack.stop().await;
    }
}

#[tokio::test]
async fn a_real_issuer_needs_an_audience_and_a_discovery_document() {
    let report = start_error(&[("Issuer", "http://127.0.0.1:1/")]).await;
    let missing = "Audience: missing value; set it with --parameter Audience=…";
    assert!(report.contains(missing), "{report}");
    let problem = start_error(&[("Issuer", "http://127.0.0.1:1/"), ("Audience", "a")]).await;
    let url = "http://127.0.0.1:1/.well-known/openid-configuration";
    assert!(problem.starts_with(&format!("issuer discovery failed: {url}: ")), "{problem}");
    assert!(problem.contains("Check the parameter Issuer"), "{problem}");
}

#[tokio::test]
async fn the_development_issuer_follows_the_audience_and_the_scope() {
    let fixture = StackFixture::with(|options| {
        set(options, &[("Audience", "first, second"), ("TokenScope", "meet")]);
    })
    .await;
    let url = format!("{}/token", fixture.stack.issuer());
    let answer = fixture.client.post(url).body("sub=alice").send().await.unwrap();
    let answer: Value = answer.json().await.unwrap();
    let echo = fixture.client.get(format!("{}/echo", fixture.stack.gateway()));
    let echo = echo.bearer_auth(answer["access_token"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(echo.status(), 200);
    let answer: Value = echo.json().await.unwrap();
    let claims = &answer["context"]["authorizer"]["jwt"]["claims"];
    assert_eq!((claims["aud"].as_str(), claims["scope"].as_str()), (Some("first"), Some("meet")));
    fixture.stack.stop().await;
}

#[tokio::test]
async fn the_connection_string_is_in_the_secret_that_the_parameter_names() {
    let arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:mine";
    let fixture = StackFixture::with(|options| set(options, &[("AcsSecretArn", arn)])).await;
    let file = std::fs::read(fixture.directory.path().join("stack.json")).unwrap();
    let file: Value = serde_json::from_slice(&file).unwrap();
    assert_eq!(file["acsSecretArn"], arn);
    let request = fixture.client.post(file["secretsManager"].as_str().unwrap());
    let request = request.header("x-amz-target", "secretsmanager.GetSecretValue");
    let answer = request.body(format!(r#"{{"SecretId": "{arn}"}}"#)).send().await.unwrap();
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["SecretString"], file["acs"]["connectionString"]);
    fixture.stack.stop().await;
}
