//! The sign-in at the development issuer: authorization code and PKCE, as a browser and an app send
//! the requests.

use reqwest::{Client, Response, StatusCode, Url, redirect};
use serde_json::Value;

use crate::fixture::StackFixture;

const CALLBACK: &str = "http://127.0.0.1:5173/callback?from=issuer";

/// The example of RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

type Parameters<'a> = Vec<(&'a str, &'a str)>;

/// An app that sends its user to the issuer, and the user's browser.
struct SignIn<'a> {
    fixture: &'a StackFixture,
    browser: Client,
}

impl<'a> SignIn<'a> {
    fn new(fixture: &'a StackFixture) -> Self {
        let browser = Client::builder().no_proxy().redirect(redirect::Policy::none());
        Self { fixture, browser: browser.build().unwrap() }
    }

    /// The parameters of a request, with changes: an empty value removes a parameter.
    fn request<'b>(changes: &[(&'b str, &'b str)]) -> Parameters<'b> {
        let mut parameters = vec![
            ("client_id", "app"),
            ("redirect_uri", CALLBACK),
            ("response_type", "code"),
            ("scope", "openid offline_access guestpass.token"),
            ("state", "s&t=1"),
            ("nonce", "n-1"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        for (name, value) in changes {
            parameters.retain(|(known, _)| known != name);
            parameters.push((name, value));
        }
        parameters.retain(|(_, value)| !value.is_empty());
        parameters
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.fixture.stack.issuer())
    }

    async fn page(&self, parameters: &Parameters<'_>) -> Response {
        let url = Url::parse_with_params(&self.url("/authorize"), parameters).unwrap();
        self.browser.get(url).send().await.unwrap()
    }

    async fn submit(&self, parameters: &Parameters<'_>, choices: &[(&str, &str)]) -> Response {
        let issuer = self.fixture.stack.issuer();
        let form: Vec<_> = parameters.iter().chain(choices).collect();
        let request = self.browser.post(self.url("/authorize")).header("origin", issuer);
        let body = Url::parse_with_params("http://x", form).unwrap().query().unwrap().to_owned();
        request.body(body).send().await.unwrap()
    }

    /// The code of alice.
    async fn code(&self) -> String {
        let response = self.submit(&Self::request(&[]), &[("user", "alice")]).await;
        assert_eq!(response.status(), StatusCode::SEE_OTHER);
        query(&location(&response), "code").unwrap()
    }

    async fn token(&self, form: &[(&str, &str)]) -> (u16, Value) {
        let body = Url::parse_with_params("http://x", form).unwrap().query().unwrap().to_owned();
        let response = self.browser.post(self.url("/token")).body(body).send().await.unwrap();
        assert_eq!(response.headers()["cache-control"], "no-store");
        (response.status().as_u16(), response.json().await.unwrap())
    }

    async fn exchange(&self, code: &str, changes: &[(&str, &str)]) -> (u16, Value) {
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("client_id", "app"),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
            ("code", code),
        ];
        for (name, value) in changes {
            form.retain(|(known, _)| known != name);
            form.push((name, value));
        }
        form.retain(|(_, value)| !value.is_empty());
        self.token(&form).await
    }
}

fn location(response: &Response) -> Url {
    response.headers()["location"].to_str().unwrap().parse().unwrap()
}

fn query(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

fn claims(token: &Value) -> Value {
    use base64::Engine as _;
    let payload = token.as_str().unwrap().split('.').nth(1).unwrap();
    let json = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).unwrap();
    serde_json::from_slice(&json).unwrap()
}

#[tokio::test]
async fn an_app_gets_a_bearer_of_the_user_who_signs_in() {
    let fixture = StackFixture::start().await;
    let app = SignIn::new(&fixture);
    let page = app.page(&SignIn::request(&[("login_hint", "bob"), ("profile", "okta")])).await;
    assert_eq!(page.status(), 200);
    let page = page.text().await.unwrap();
    assert!(page.contains(r#"value="bob""#) && page.contains(r#"value="okta" selected"#), "{page}");

    let choices = [("user", "alice"), ("sign_in_profile", "okta")];
    let response = app.submit(&SignIn::request(&[]), &choices).await;
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    let back = location(&response);
    assert!(back.as_str().starts_with(&format!("{CALLBACK}&code=")), "{back}");
    assert_eq!(query(&back, "state").as_deref(), Some("s&t=1"));
    assert_eq!(query(&back, "iss").as_deref(), Some(fixture.stack.issuer()));

    let (status, tokens) = app.exchange(&query(&back, "code").unwrap(), &[]).await;
    assert_eq!((status, &tokens["token_type"]), (200, &"Bearer".into()), "{tokens}");
    let bearer = claims(&tokens["access_token"]);
    assert_eq!((&bearer["sub"], &bearer["ver"]), (&"alice".into(), &1.into()), "of okta");
    let echoed = fixture.client.get(format!("{}/echo", fixture.stack.gateway()));
    let echoed = echoed.bearer_auth(tokens["access_token"].as_str().unwrap());
    assert_eq!(echoed.send().await.unwrap().status(), 200);
    let id = claims(&tokens["id_token"]);
    assert_eq!((&id["aud"], &id["nonce"]), (&"app".into(), &"n-1".into()));
    assert_eq!((&id["sub"], &id["iss"]), (&bearer["sub"], &bearer["iss"]));
    fixture.stack.stop().await;
}

#[tokio::test]
async fn a_refresh_token_is_used_once_and_the_bearer_is_of_the_same_user() {
    let fixture = StackFixture::start().await;
    let app = SignIn::new(&fixture);
    let (_, tokens) = app.exchange(&app.code().await, &[]).await;
    let token = tokens["refresh_token"].as_str().unwrap();
    let refresh = async |client| {
        let form =
            [("grant_type", "refresh_token"), ("client_id", client), ("refresh_token", token)];
        app.token(&form).await
    };
    let (status, other) = refresh("other").await;
    assert_eq!((status, &other["error"]), (400, &"invalid_grant".into()));
    let (status, refreshed) = refresh("app").await;
    assert_eq!((status, &claims(&refreshed["access_token"])["sub"]), (200, &"alice".into()));
    assert_eq!(claims(&refreshed["id_token"]).get("nonce"), None);
    assert_ne!(refreshed["refresh_token"], tokens["refresh_token"]);
    assert_eq!(refresh("app").await.1["error"], "invalid_grant");
    let online = SignIn::request(&[("scope", "guestpass.token")]);
    let code = app.submit(&online, &[("user", "alice")]).await;
    let (_, tokens) = app.exchange(&query(&location(&code), "code").unwrap(), &[]).await;
    assert_eq!((tokens.get("refresh_token"), tokens.get("id_token")), (None, None));
    fixture.stack.stop().await;
}

#[tokio::test]
async fn a_code_is_for_one_use_of_the_app_that_requested_it_within_a_minute() {
    let fixture = StackFixture::start().await;
    let app = SignIn::new(&fixture);
    let other = "http://127.0.0.1:5173/other";
    for (name, value, error, word) in [
        ("code_verifier", "x", "invalid_grant", "code_verifier"),
        ("redirect_uri", other, "invalid_grant", "redirect_uri"),
        ("client_id", "other", "invalid_grant", "client_id"),
        ("code", "x", "invalid_grant", "unknown"),
        ("code_verifier", "", "invalid_request", "`code_verifier`"),
        ("code", "", "invalid_request", "`code`"),
    ] {
        let (status, refusal) = app.exchange(&app.code().await, &[(name, value)]).await;
        assert_eq!((status, refusal["error"].as_str()), (400, Some(error)), "{name}={value}");
        assert!(refusal["error_description"].as_str().unwrap().contains(word), "{refusal}");
    }
    let code = app.code().await;
    assert_eq!(app.exchange(&code, &[("code_verifier", "x")]).await.0, 400);
    assert_eq!(app.exchange(&code, &[]).await.0, 400, "a failed use is a use");

    let code = app.code().await;
    let (_, tokens) = app.exchange(&code, &[]).await;
    assert_eq!(app.exchange(&code, &[]).await.1["error"], "invalid_grant");
    let token = tokens["refresh_token"].as_str().unwrap();
    let form = [("grant_type", "refresh_token"), ("client_id", "app"), ("refresh_token", token)];
    assert_eq!(app.token(&form).await.0, 400, "the second use ends what the first one gave");

    let code = app.code().await;
    fixture.advance(60).await;
    assert_eq!(app.exchange(&code, &[]).await.1["error"], "invalid_grant");
    fixture.stack.stop().await;
}

#[tokio::test]
async fn an_app_is_told_what_is_wrong_with_its_request() {
    let fixture = StackFixture::start().await;
    let app = SignIn::new(&fixture);
    for (name, value, error) in [
        ("response_type", "token", "unsupported_response_type"),
        ("response_type", "", "invalid_request"),
        ("response_mode", "fragment", "invalid_request"),
        ("code_challenge", "", "invalid_request"),
        ("code_challenge", "short", "invalid_request"),
        ("code_challenge_method", "plain", "invalid_request"),
        ("code_challenge_method", "", "invalid_request"),
        ("request", "x", "request_not_supported"),
        ("request_uri", "x", "request_uri_not_supported"),
        ("prompt", "none", "login_required"),
    ] {
        let request = SignIn::request(&[(name, value)]);
        for response in [app.page(&request).await, app.submit(&request, &[("user", "a")]).await] {
            assert_eq!(response.status(), StatusCode::SEE_OTHER, "{name}={value}");
            let back = location(&response);
            assert!(back.as_str().starts_with(CALLBACK), "{back}");
            assert_eq!(query(&back, "error").as_deref(), Some(error), "{name}={value}");
            assert_eq!(query(&back, "state").as_deref(), Some("s&t=1"));
            assert_eq!(query(&back, "code"), None);
        }
    }
    let mut twice = SignIn::request(&[]);
    twice.push(("scope", "admin"));
    assert_eq!(query(&location(&app.page(&twice).await), "error").unwrap(), "invalid_request");
    let cancelled = app.submit(&SignIn::request(&[]), &[("choice", "cancel")]).await;
    assert_eq!(query(&location(&cancelled), "error").unwrap(), "access_denied");
    fixture.stack.stop().await;
}

#[tokio::test]
async fn a_user_is_not_sent_to_an_address_that_could_be_of_anyone() {
    let fixture = StackFixture::with(|options| {
        let origin = "https://app.example.com".to_owned();
        options.parameters.insert("AllowedOrigins".to_owned(), origin);
    })
    .await;
    let app = SignIn::new(&fixture);
    for (name, value, word) in [
        ("redirect_uri", "https://evil.example/", "redirect_uri"),
        ("redirect_uri", "https://app.example.com.evil.example/", "redirect_uri"),
        ("redirect_uri", "", "redirect_uri"),
        ("client_id", "", "client_id"),
    ] {
        let request = SignIn::request(&[(name, value)]);
        for response in [app.page(&request).await, app.submit(&request, &[("user", "a")]).await] {
            assert_eq!(response.status(), 400, "{name}={value}");
            assert_eq!(response.headers().get("location"), None);
            assert!(response.text().await.unwrap().contains(word));
        }
    }
    let allowed = SignIn::request(&[("redirect_uri", "https://app.example.com/back")]);
    assert_eq!(app.page(&allowed).await.status(), 200);
    fixture.stack.stop().await;
}

#[tokio::test]
async fn the_page_runs_no_script_and_shows_text_of_the_app_as_text() {
    let fixture = StackFixture::start().await;
    let app = SignIn::new(&fixture);
    let text = r#""><script>alert(1)</script>{{user}}"#;
    let request = SignIn::request(&[
        ("client_id", text),
        ("scope", text),
        ("state", text),
        ("login_hint", text),
        ("profile", text),
    ]);
    let response = app.page(&request).await;
    let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(
        header("content-security-policy"),
        "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; style-src 'self'; \
         img-src data:; form-action 'self' http://127.0.0.1:5173"
    );
    assert_eq!(
        (header("cache-control"), header("x-frame-options")),
        ("no-store".into(), "DENY".into())
    );
    let page = response.text().await.unwrap();
    assert!(!page.contains("<script") && !page.contains(r#"value=""><"#), "{page}");
    assert_eq!(page.matches("{{user}}").count(), 8, "a placeholder of the app is text: {page}");

    let refused = app.submit(&request, &[("user", ""), ("sign_in_profile", "")]).await;
    assert_eq!(refused.status(), 400);
    assert!(refused.text().await.unwrap().contains("Enter a user"));
    let unknown = app.submit(&request, &[("user", "a"), ("sign_in_profile", "<b>")]).await;
    assert!(unknown.text().await.unwrap().contains("invalid value `&lt;b&gt;`"));
    fixture.stack.stop().await;
}

#[tokio::test]
async fn the_discovery_document_names_the_endpoints_and_what_they_require() {
    let fixture = StackFixture::start().await;
    let app = SignIn::new(&fixture);
    let url = app.url("/.well-known/openid-configuration");
    let document: Value = app.browser.get(url).send().await.unwrap().json().await.unwrap();
    assert_eq!(document["authorization_endpoint"], app.url("/authorize"));
    assert_eq!(document["token_endpoint"], app.url("/token"));
    assert_eq!(document["response_types_supported"], serde_json::json!(["code"]));
    assert_eq!(document["code_challenge_methods_supported"], serde_json::json!(["S256"]));
    fixture.stack.stop().await;
}
