//! Tests of the features of each api-version, and of the versions that each route names.

use serde_json::json;

use crate::support::{EmulatorFixture, refusal};

const GUID: &str = "aaaaaaaa-1111-4111-8111-111111111111";
/// The versions of issuing only.
const OF_ISSUING: &str = "2025-03-31-preview";
const ALL: [&str; 11] = [
    "2021-03-07",
    "2021-03-31-preview1",
    "2021-10-31-preview",
    "2021-11-01",
    "2022-06-01",
    "2022-10-01",
    "2023-08-01",
    "2023-10-01",
    OF_ISSUING,
    "2025-06-30",
    "2026-09-23",
];

/// The versions that have all operations but one.
fn general() -> Vec<&'static str> {
    ALL.into_iter().filter(|version| *version != OF_ISSUING).collect()
}

/// The versions that have an operation, derived from the responses of all versions.
async fn versions_of(fixture: &EmulatorFixture, method: &str, path: &str) -> Vec<&'static str> {
    let mut having = Vec::new();
    for version in ALL {
        let reply = fixture.call(method, &format!("{path}?api-version={version}"), "").await;
        if reply.status == 400 && refusal(&reply).1 == "UnsupportedApiVersion" {
            assert_eq!(reply.header("api-supported-versions"), None);
        } else {
            having.push(version);
        }
    }
    having
}

#[tokio::test]
async fn issuing_is_in_every_version_and_the_other_identity_operations_in_all_but_one() {
    let fixture = EmulatorFixture::new().await;
    let id = fixture.create().await;
    let issuing = format!("/identities/{id}/:issueAccessToken");
    assert_eq!(versions_of(&fixture, "POST", &issuing).await, ALL);
    for (method, path) in [
        ("POST", "/identities".to_owned()),
        ("POST", format!("/identities/{id}/:revokeAccessTokens")),
        ("DELETE", format!("/identities/{id}")),
    ] {
        assert_eq!(versions_of(&fixture, method, &path).await, general(), "{method} {path}");
    }
}

#[tokio::test]
async fn the_teams_exchange_is_in_2022_06_01_and_later_and_in_two_previews_with_the_token_alone() {
    let fixture = EmulatorFixture::new().await;
    let path = "/teamsUser/:exchangeAccessToken";
    let mut having = general();
    having.retain(|version| !["2021-03-07", "2021-11-01"].contains(version));
    assert_eq!(versions_of(&fixture, "POST", path).await, having);
    let body = json!({"token": fixture.entra_token(json!({})).await}).to_string();
    for preview in ["2021-03-31-preview1", "2021-10-31-preview"] {
        let target = format!("{path}?api-version={preview}");
        assert_eq!(fixture.call("POST", &target, &body).await.status, 200, "{preview}");
    }
    let stable = format!("{path}?api-version=2022-06-01");
    assert_eq!(refusal(&fixture.call("POST", &stable, &body).await).3.as_deref(), Some("AppId"));
}

#[tokio::test]
async fn custom_expiry_is_in_2022_10_01_and_later_and_ignored_before() {
    let fixture = EmulatorFixture::new().await;
    let body = r#"{"createTokenWithScopes":["voip"],"expiresInMinutes":1}"#;
    for version in general() {
        let target = format!("/identities?api-version={version}");
        let status = if version < "2022-10-01" { 201 } else { 400 };
        assert_eq!(fixture.call("POST", &target, body).await.status, status, "{version}");
    }
}

#[tokio::test]
async fn join_scopes_are_in_2023_08_01_and_later() {
    let fixture = EmulatorFixture::new().await;
    let body = r#"{"createTokenWithScopes":["chat.join","chat.join.limited","voip.join"]}"#;
    for version in general() {
        let target = format!("/identities?api-version={version}");
        let status = if version < "2023-08-01" { 400 } else { 201 };
        assert_eq!(fixture.call("POST", &target, body).await.status, status, "{version}");
    }
}

#[tokio::test]
async fn issuing_has_custom_expiry_and_join_scopes_in_the_preview_of_its_own() {
    let fixture = EmulatorFixture::new().await;
    let target = format!(
        "/identities/{}/:issueAccessToken?api-version={OF_ISSUING}",
        fixture.create().await
    );
    let issue = async |body| fixture.call("POST", &target, body).await.status;
    assert_eq!(issue(r#"{"scopes":["voip.join"],"expiresInMinutes":60}"#).await, 200);
    assert_eq!(issue(r#"{"scopes":["voip.join"],"expiresInMinutes":1}"#).await, 400);
}

#[tokio::test]
async fn teams_phone_is_in_2025_06_30_and_later() {
    let fixture = EmulatorFixture::new().await;
    let path = format!("/access/teamsExtension/tenants/{GUID}/assignments/{GUID}");
    let having = ["2025-06-30", "2026-09-23"];
    for method in ["GET", "PUT", "DELETE"] {
        assert_eq!(versions_of(&fixture, method, &path).await, having, "{method}");
    }
    let order = json!({"scp": "TeamsExtension.ManageCalls"});
    let token = fixture.entra_token(order).await;
    for version in ALL {
        let path = format!("/access/teamsExtension/:exchangeAccessToken?api-version={version}");
        let reply = fixture.bear(&token, "POST", &path, "{}").await;
        let code = if having.contains(&version) { "Denied" } else { "UnsupportedApiVersion" };
        assert_eq!(refusal(&reply).1, code, "{version}");
    }
}

#[tokio::test]
async fn what_only_the_withdrawn_preview_had_is_refused() {
    let fixture = EmulatorFixture::new().await;
    let id = fixture.create().await;
    let preview = format!("/identities/{id}?api-version=2025-03-02-preview");
    assert_eq!(refusal(&fixture.call("DELETE", &preview, "").await).1, "UnsupportedApiVersion");
    let current = format!("/identities/{id}?api-version=2026-09-23");
    assert_eq!(fixture.call("GET", &current, "").await.status, 405);
}

#[tokio::test]
async fn each_route_names_versions_of_its_own() {
    let fixture = EmulatorFixture::new().await;
    let id = fixture.create().await;
    let identities = "2020-07-20-preview2, 2021-03-07, 2021-10-31-preview, 2021-11-01, 2022-06-01, \
                      2022-10-01, 2023-10-01, 2025-03-02-preview, 2025-06-30, 2026-09-23";
    let issue = identities.replace("2025-06-30", "2025-03-31-preview, 2025-06-30");
    let teams = "2021-10-31-preview, 2022-06-01, 2022-10-01, 2023-10-01, 2025-03-02-preview, \
                 2025-06-30, 2026-09-23";
    let body = json!({"token": fixture.entra_token(json!({})).await, "appId": "x", "userId": "x",
        "scopes": ["chat"]});
    for (method, path, versions) in [
        ("POST", "/identities".to_owned(), identities),
        ("POST", format!("/identities/{id}/:issueAccessToken"), issue.as_str()),
        ("POST", format!("/identities/{id}/:revokeAccessTokens"), identities),
        ("POST", "/teamsUser/:exchangeAccessToken".to_owned(), teams),
        (
            "GET",
            format!("/access/teamsExtension/tenants/{GUID}/assignments/{GUID}"),
            "2025-03-02-preview, 2025-06-30, 2026-09-23",
        ),
    ] {
        let target = format!("{path}?api-version=2025-06-30");
        let reply = fixture.call(method, &target, &body.to_string()).await;
        assert_eq!(reply.header("api-supported-versions"), Some(versions), "{method} {path}");
    }
}
