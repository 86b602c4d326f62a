//! Tests of the development issuer: tokens with requested claims, and the OAuth grants.

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::support::{EmulatorFixture, ServiceReply, V2023};

const TENANT: &str = "e0000000-0000-4000-8000-000000000001";
const APP: &str = "e0000000-0000-4000-8000-000000000002";
const USER: &str = "e0000000-0000-4000-8000-000000000003";
const TOKEN: &str = "/e0000000-0000-4000-8000-000000000001/oauth2/v2.0/token";

const CLIENT_GRANT: [(&str, &str); 4] = [
    ("grant_type", "client_credentials"),
    ("client_id", APP),
    ("client_secret", "development-secret"),
    ("scope", "https://communication.azure.com//.default"),
];
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const PASSWORD_GRANT: [(&str, &str); 5] = [
    ("grant_type", "password"),
    ("client_id", APP),
    ("username", "user@emulator.invalid"),
    ("password", "development-password"),
    (
        "scope",
        "https://auth.msft.communication.azure.com/Teams.ManageCalls \
         https://auth.msft.communication.azure.com/Teams.ManageChats openid offline_access profile",
    ),
];

fn decoded(part: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

fn claims(token: &str) -> Value {
    decoded(token.split('.').nth(1).unwrap())
}

/// A grant with one member replaced.
fn with<'a>(form: &[(&'a str, &'a str)], name: &str, value: &'a str) -> Vec<(&'a str, &'a str)> {
    let other =
        |(given, old): &(&'a str, &'a str)| (*given, if *given == name { value } else { *old });
    form.iter().map(other).collect()
}

fn refused(reply: &ServiceReply) -> (u16, String) {
    (reply.status.as_u16(), reply.json()["error"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_token_has_the_requested_claims_and_the_published_key_verifies_it() {
    let fixture = EmulatorFixture::new().await;
    let order = json!({"tenant": "t", "oid": "o", "appid": "a", "aud": "u", "roles": ["r"],
        "scopes": ["x", "y"], "groups": ["g"], "expiresInSeconds": 60});
    let minted = fixture.control("POST", "entra/token", &order).await.json();
    let token = minted["token"].as_str().unwrap();
    let said = claims(token);
    assert_eq!(said, minted["claims"]);
    let now = said["iat"].as_i64().unwrap();
    assert_eq!(
        said,
        json!({"iss": "https://sts.windows.net/t/", "aud": "u", "appid": "a", "oid": "o",
            "tid": "t", "scp": "x y", "roles": ["r"], "groups": ["g"], "ver": "1.0",
            "iat": now, "nbf": now, "exp": now + 60})
    );
    let jwks = fixture.look("entra/jwks").await;
    let key = &jwks["keys"][0];
    assert_eq!(decoded(token.split('.').next().unwrap())["kid"], key["kid"]);
    let member = |name: &str| URL_SAFE_NO_PAD.decode(key[name].as_str().unwrap()).unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    RsaPublicKeyComponents { n: member("n"), e: member("e") }
        .verify(&RSA_PKCS1_2048_8192_SHA256, signed.as_bytes(), &signature)
        .unwrap();
    assert_ne!(key["kid"], fixture.look("jwks").await["keys"][0]["kid"]);
}

#[tokio::test]
async fn a_token_request_can_be_a_form_and_an_error_names_the_member() {
    let fixture = EmulatorFixture::new().await;
    let form = [("tenant", "t"), ("scopes", "x y"), ("expiresInSeconds", "-5")];
    let minted = fixture.post_form("/_emulator/entra/token", &form).await.json();
    let said = &minted["claims"];
    assert_eq!((&said["tid"], &said["scp"]), (&json!("t"), &json!("x y")));
    assert_eq!(said["exp"].as_i64().unwrap(), said["iat"].as_i64().unwrap() - 5);
    let reply = fixture.control("POST", "entra/token", &json!({"scope": "x"})).await;
    assert_eq!(reply.status, 400);
    assert!(reply.text.contains("unknown field `scope`"), "{}", reply.text);
}

#[tokio::test]
async fn a_client_secret_gets_a_bearer_that_the_service_accepts() {
    let fixture = EmulatorFixture::new().await;
    let reply = fixture.post_form(TOKEN, &CLIENT_GRANT).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let (kind, life) = (&reply.json()["token_type"], &reply.json()["expires_in"]);
    assert_eq!((kind, life), (&json!("Bearer"), &json!(3600)));
    let token = reply.json()["access_token"].as_str().unwrap().to_owned();
    let said = claims(&token);
    assert_eq!(said["aud"], "https://communication.azure.com/");
    assert_eq!((&said["appid"], &said["tid"]), (&json!(APP), &json!(TENANT)));
    assert_eq!(said.get("scp"), None);
    let created = fixture.bear(&token, "POST", &format!("/identities{V2023}"), "").await;
    assert_eq!(created.status, 201);
}

#[tokio::test]
async fn a_client_with_the_secret_has_the_required_role() {
    let fixture =
        EmulatorFixture::with(EmulatorFixture::builder().require_entra_role("Contributor")).await;
    let token = fixture.post_form(TOKEN, &CLIENT_GRANT).await.json()["access_token"].clone();
    let target = format!("/identities{V2023}");
    assert_eq!(fixture.bear(token.as_str().unwrap(), "POST", &target, "").await.status, 201);
}

#[tokio::test]
async fn the_token_of_a_trusted_issuer_takes_the_place_of_the_secret() {
    let fixture = EmulatorFixture::new().await;
    let minted = async |aud: &str, life: i64| {
        let order = json!({"aud": aud, "expiresInSeconds": life});
        fixture.control("POST", "entra/token", &order).await.json()["token"].clone()
    };
    let trusted = "api://AzureADTokenExchange";
    for (assertion, kind, expected) in [
        (minted(trusted, 600).await, JWT_BEARER, 200),
        (minted(trusted, -1).await, JWT_BEARER, 401),
        (minted("api://another", 600).await, JWT_BEARER, 401),
        (json!("no.such.token"), JWT_BEARER, 401),
        (minted(trusted, 600).await, "another", 401),
    ] {
        let form = [
            CLIENT_GRANT[0],
            CLIENT_GRANT[1],
            CLIENT_GRANT[3],
            ("client_assertion_type", kind),
            ("client_assertion", assertion.as_str().unwrap()),
        ];
        let reply = fixture.post_form(TOKEN, &form).await;
        assert_eq!(reply.status, expected, "{kind} {}", reply.text);
    }
}

#[tokio::test]
async fn a_password_gets_a_users_token_that_can_be_exchanged() {
    let fixture = EmulatorFixture::new().await;
    // A tenant that is not a GUID is the development tenant: MSAL uses `adfs`.
    let granted = fixture.post_form("/adfs/oauth2/v2.0/token", &PASSWORD_GRANT).await.json();
    let token = granted["access_token"].as_str().unwrap();
    let said = claims(token);
    assert_eq!(said["scp"], "Teams.ManageCalls Teams.ManageChats");
    assert_eq!((&said["oid"], &said["tid"]), (&json!(USER), &json!(TENANT)));
    let about = claims(granted["id_token"].as_str().unwrap());
    assert_eq!((&about["oid"], &about["aud"]), (&json!(USER), &json!(APP)));
    let filed = decoded(granted["client_info"].as_str().unwrap());
    assert_eq!(filed, json!({"uid": USER, "utid": TENANT}));

    let body = json!({"token": token, "appId": APP, "userId": USER}).to_string();
    let target = format!("/teamsUser/:exchangeAccessToken{V2023}");
    assert_eq!(fixture.call("POST", &target, &body).await.status, 200);
}

#[tokio::test]
async fn a_grant_that_is_refused_says_why_as_oauth_does() {
    let fixture = EmulatorFixture::new().await;
    let mixed = "https://communication.azure.com//.default https://graph.microsoft.com/.default";
    for (form, expected) in [
        (with(&CLIENT_GRANT, "client_secret", "wrong"), (401, "invalid_client")),
        (with(&CLIENT_GRANT, "client_id", USER), (401, "invalid_client")),
        (with(&CLIENT_GRANT, "scope", ""), (400, "invalid_scope")),
        (with(&CLIENT_GRANT, "scope", mixed), (400, "invalid_scope")),
        (with(&CLIENT_GRANT, "grant_type", "magic"), (400, "unsupported_grant_type")),
        (with(&PASSWORD_GRANT, "password", "wrong"), (400, "invalid_grant")),
        (with(&PASSWORD_GRANT, "username", "unknown"), (400, "invalid_grant")),
    ] {
        let reply = fixture.post_form(TOKEN, &form).await;
        assert_eq!(refused(&reply), (expected.0, expected.1.to_owned()), "{form:?}");
    }
}

#[tokio::test]
async fn configured_accounts_replace_the_development_accounts() {
    let builder =
        EmulatorFixture::builder().entra_client("app", "s1").entra_user("me", "s2", "my-oid");
    let fixture = EmulatorFixture::with(builder).await;
    assert_eq!(fixture.post_form(TOKEN, &CLIENT_GRANT).await.status, 401);
    assert_eq!(fixture.post_form(TOKEN, &PASSWORD_GRANT).await.status, 400);
    let form = with(&CLIENT_GRANT, "client_id", "app");
    let form = with(&form, "client_secret", "s1");
    assert_eq!(fixture.post_form(TOKEN, &form).await.status, 200);
    let form = with(&PASSWORD_GRANT, "username", "me");
    let granted = fixture.post_form(TOKEN, &with(&form, "password", "s2")).await.json();
    assert_eq!(claims(granted["access_token"].as_str().unwrap())["oid"], "my-oid");
}

#[tokio::test]
async fn discovery_leads_back_to_the_emulator() {
    let fixture = EmulatorFixture::new().await;
    let endpoint = fixture.server.endpoint();
    let get = async |path: &str| -> Value {
        let response = fixture.client.get(format!("{endpoint}{path}")).send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        response.json().await.unwrap()
    };
    for path in ["v2.0/.well-known/openid-configuration", ".well-known/openid-configuration"] {
        let found = get(&format!("/{TENANT}/{path}")).await;
        assert_eq!(found["token_endpoint"], format!("{endpoint}{TOKEN}"));
        assert_eq!(found["issuer"], format!("https://login.microsoftonline.com/{TENANT}/v2.0"));
        let keys = found["jwks_uri"].as_str().unwrap().strip_prefix(&endpoint).unwrap().to_owned();
        assert_eq!(get(&keys).await, fixture.look("entra/jwks").await);
    }
    let asked = format!("{endpoint}/{TENANT}/oauth2/v2.0/authorize");
    let found = get(&format!("/common/discovery/instance?authorization_endpoint={asked}")).await;
    let configuration = format!("{endpoint}/{TENANT}/v2.0/.well-known/openid-configuration");
    assert_eq!(found["tenant_discovery_endpoint"], configuration);
    assert_eq!(get("/common/userrealm/me?api-version=1.0").await["account_type"], "Managed");
}

#[tokio::test]
async fn a_page_of_the_web_gets_no_token() {
    let fixture = EmulatorFixture::new().await;
    for path in [TOKEN, "/_emulator/entra/token"] {
        let url = format!("{}{path}", fixture.server.endpoint());
        let request = fixture.client.post(url).header("origin", "https://example.com");
        assert_eq!(request.send().await.unwrap().status(), 403, "{path}");
    }
}

#[tokio::test]
async fn the_issuers_key_outlives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let start = async || {
        EmulatorFixture::with(acs_emulator::Emulator::builder().data_dir(dir.path())).await
    };
    let first = start().await;
    let order = json!({"aud": "https://communication.azure.com"});
    let token = first.entra_token(order).await;
    first.stop().await;
    let second = start().await;
    let target = format!("/identities{V2023}");
    assert_eq!(second.bear(&token, "POST", &target, "").await.status, 201);
}
