//! `POST /teamsUser/:exchangeAccessToken`: one test per recorded refusal,
//! named after its trigger, and the order in which they come.

use acs_emulator::Emulator;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use crate::errors::assert_refused;
use crate::support::{EmulatorFixture, ServiceReply, V2023};

const APP: &str = "aaaaaaaa-1111-4111-8111-111111111111";
const USER: &str = "bbbbbbbb-2222-4222-8222-222222222222";
const STRANGER: &str = "cccccccc-3333-4333-8333-333333333333";

type Refused = (u16, &'static str, &'static str, Option<&'static str>);
const INVALID_TOKEN: Refused =
    (401, "InvalidAccessToken", "Provided access token is not valid.", None);

async fn exchange(fixture: &EmulatorFixture, token: &str, app: &str, user: &str) -> ServiceReply {
    let body = json!({"token": token, "appId": app, "userId": user}).to_string();
    fixture.call("POST", &format!("/teamsUser/:exchangeAccessToken{V2023}"), &body).await
}

async fn teams_token(fixture: &EmulatorFixture) -> String {
    fixture.entra_token(json!({"appid": APP, "oid": USER})).await
}

/// The result of the exchange for a token with these claims, if the rest of the request is valid.
async fn exchange_order(fixture: &EmulatorFixture, mut order: Value) -> ServiceReply {
    let members = order.as_object_mut().unwrap();
    members.entry("appid").or_insert(json!(APP));
    members.entry("oid").or_insert(json!(USER));
    let token = fixture.entra_token(order).await;
    exchange(fixture, &token, APP, USER).await
}

#[tokio::test]
async fn a_good_token_gives_one_for_the_teams_user_that_expires_with_it() {
    let fixture = EmulatorFixture::new().await;
    let order = json!({"appid": APP, "oid": USER, "expiresInSeconds": 4321});
    let minted = fixture.control("POST", "entra/token", &order).await.json();
    let reply = exchange(&fixture, minted["token"].as_str().unwrap(), APP, USER).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(reply.json()["expiresOn"], minted["expiresOn"]);
    assert_eq!(reply.header("content-type"), Some("application/json; charset=utf-8"));
    let token = reply.json()["token"].as_str().unwrap().to_owned();
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!(claims["skypeid"], format!("orgid:{USER}"));
    assert_eq!(claims["exp"], minted["claims"]["exp"]);
    assert_eq!(claims["resourceId"], fixture.emulator.resource_id());
    let state = fixture.introspect(&token).await;
    assert_eq!(state["active"], true);
    assert_eq!(state["identity"], format!("8:orgid:{USER}"));
    assert_eq!(fixture.count("exchangeTeamsUserAccessToken").await, 1);
    // A Teams user is not an identity of the resource.
    assert_eq!(fixture.look("identities").await["identities"], json!([]));
}

#[tokio::test]
async fn the_token_ends_when_its_time_is_over_and_at_a_reset() {
    let fixture = EmulatorFixture::new().await;
    let exchanged = || async {
        let reply = exchange(&fixture, &teams_token(&fixture).await, APP, USER).await;
        reply.json()["token"].as_str().unwrap().to_owned()
    };
    let first = exchanged().await;
    fixture.emulator.clock().advance(3601);
    assert_eq!(fixture.introspect(&first).await["reason"], "expired");
    let second = exchanged().await;
    fixture.control("POST", "reset", &json!({})).await;
    assert_eq!(fixture.introspect(&second).await["reason"], "identity-unknown");
}

#[tokio::test]
async fn token_empty_garbage_or_expired() {
    let fixture = EmulatorFixture::new().await;
    let expired = json!({"appid": APP, "oid": USER, "expiresInSeconds": -1});
    let expired = fixture.entra_token(expired).await;
    for token in ["", "garbage", "a.b.c", &expired] {
        assert_refused(&exchange(&fixture, token, APP, USER).await, INVALID_TOKEN, false);
    }
}

#[tokio::test]
async fn token_for_another_audience() {
    let fixture = EmulatorFixture::new().await;
    for aud in ["https://graph.microsoft.com", "https://communication.azure.com/"] {
        let reply = exchange_order(&fixture, json!({"aud": aud, "scp": "Teams.ManageCalls"})).await;
        assert_refused(&reply, INVALID_TOKEN, false);
    }
    let both = "Teams.ManageCalls Teams.ManageChats";
    for aud in [
        "https://auth.msft.communication.azure.com",
        "https://auth.msft.communication.azure.com/",
        "1fd5118e-2576-4263-8130-9503064c837a",
    ] {
        let reply = exchange_order(&fixture, json!({"aud": aud, "scp": both})).await;
        assert_eq!(reply.status, 200, "{aud}");
    }
}

#[tokio::test]
async fn token_without_one_or_both_of_the_permissions() {
    let fixture = EmulatorFixture::new().await;
    for scp in ["", "Teams.ManageCalls", "Teams.ManageChats", "Teams.ManageCallsTeams.ManageChats"]
    {
        let reply = exchange_order(&fixture, json!({ "scp": scp })).await;
        assert_refused(&reply, INVALID_TOKEN, false);
    }
}

#[tokio::test]
async fn token_of_another_issuer_or_with_a_claim_changed() {
    let (fixture, other) =
        (EmulatorFixture::new().await, EmulatorFixture::with(Emulator::builder()).await);
    let foreign = other.entra_token(json!({"appid": APP, "oid": USER})).await;
    assert_refused(&exchange(&fixture, &foreign, APP, USER).await, INVALID_TOKEN, false);
    let iss = json!({"iss": "https://sts.windows.net/another-tenant/"});
    assert_refused(&exchange_order(&fixture, iss).await, INVALID_TOKEN, false);

    let token = teams_token(&fixture).await;
    let parts: Vec<&str> = token.split('.').collect();
    let claims = String::from_utf8(URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
    let changed = URL_SAFE_NO_PAD.encode(claims.replace(USER, STRANGER));
    let forged = format!("{}.{changed}.{}", parts[0], parts[2]);
    assert_refused(&exchange(&fixture, &forged, APP, STRANGER).await, INVALID_TOKEN, false);
    let unsigned = format!("{}.{changed}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#));
    assert_refused(&exchange(&fixture, &unsigned, APP, STRANGER).await, INVALID_TOKEN, false);
}

#[tokio::test]
async fn a_token_of_ours_is_none_of_entra() {
    let fixture = EmulatorFixture::new().await;
    let ours = fixture.issue(&fixture.create().await).await;
    assert_refused(&exchange(&fixture, &ours, APP, USER).await, INVALID_TOKEN, false);
}

#[tokio::test]
async fn valid_token_empty_app_id() {
    let fixture = EmulatorFixture::new().await;
    let token = teams_token(&fixture).await;
    let message = "AppId: The AppId field is required.";
    let expected = (400, "ValidationError", message, Some("AppId"));
    assert_refused(&exchange(&fixture, &token, "", USER).await, expected, false);
}

#[tokio::test]
async fn valid_token_empty_user_id() {
    let fixture = EmulatorFixture::new().await;
    let token = teams_token(&fixture).await;
    let message = "UserId: The UserId field is required.";
    let expected = (400, "ValidationError", message, Some("UserId"));
    assert_refused(&exchange(&fixture, &token, APP, "").await, expected, false);
}

#[tokio::test]
async fn valid_token_app_id_not_a_guid() {
    let fixture = EmulatorFixture::new().await;
    let token = teams_token(&fixture).await;
    let message = "Provided AppId has invalid format.";
    let expected = (400, "ValidationError", message, Some("appId"));
    assert_refused(&exchange(&fixture, &token, "invalid", USER).await, expected, true);
}

#[tokio::test]
async fn valid_token_user_id_not_a_guid() {
    let fixture = EmulatorFixture::new().await;
    let token = teams_token(&fixture).await;
    let message = "Provided UserId has invalid format.";
    let expected = (400, "ValidationError", message, Some("userId"));
    assert_refused(&exchange(&fixture, &token, APP, "invalid").await, expected, true);
}

#[tokio::test]
async fn valid_token_app_id_differs_from_the_tokens() {
    let fixture = EmulatorFixture::new().await;
    let token = teams_token(&fixture).await;
    let message = "AAD application is not the expected one.";
    let expected = (400, "ValidationError", message, Some("appId"));
    assert_refused(&exchange(&fixture, &token, STRANGER, USER).await, expected, true);
}

#[tokio::test]
async fn valid_token_user_id_differs_from_the_tokens() {
    let fixture = EmulatorFixture::new().await;
    let token = teams_token(&fixture).await;
    let message = "Provided AAD token issued for unexpected user.";
    let expected = (400, "ValidationError", message, Some("userId"));
    assert_refused(&exchange(&fixture, &token, APP, STRANGER).await, expected, true);
}

#[tokio::test]
async fn the_checks_come_in_the_order_caller_token_presence_format_match() {
    let fixture = EmulatorFixture::new().await;
    let token = teams_token(&fixture).await;
    // Each body is also invalid for the later checks.
    let mut stranger =
        fixture.draft("POST", &format!("/teamsUser/:exchangeAccessToken{V2023}"), "{}");
    stranger.date = OffsetDateTime::UNIX_EPOCH + Duration::days(1);
    let replies = [
        (fixture.send(stranger).await, "Denied"),
        (exchange(&fixture, "", APP, "").await, "InvalidAccessToken"),
        (exchange(&fixture, &token, "invalid", "").await, "UserId: The UserId field is required."),
        (
            exchange(&fixture, &token, STRANGER, "invalid").await,
            "Provided UserId has invalid format.",
        ),
        (
            exchange(&fixture, &token, STRANGER, STRANGER).await,
            "AAD application is not the expected one.",
        ),
    ];
    for (reply, expected) in replies {
        assert!(reply.text.contains(expected), "{} is not {expected}", reply.text);
    }
}

#[tokio::test]
async fn app_and_user_may_be_written_in_any_case_and_version_2_tokens_name_the_app_as_azp() {
    let fixture = EmulatorFixture::new().await;
    let token = fixture.entra_token(json!({"appid": APP, "oid": USER, "ver": "2.0"})).await;
    let reply = exchange(&fixture, &token, &APP.to_uppercase(), &USER.to_uppercase()).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
}
