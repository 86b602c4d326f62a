//! One test per recorded refusal, named after its trigger.

use crate::support::{EmulatorFixture, ServiceReply, V2023, refusal};

const NIL: &str = "8:acs:00000000-0000-0000-0000-000000000000_00000000-0000-0000-0000-000000000000";

pub(crate) fn assert_refused(
    reply: &ServiceReply,
    expected: (u16, &str, &str, Option<&str>),
    names_versions: bool,
) {
    let (status, code, message, target) = expected;
    let expected = (status, code.to_owned(), message.to_owned(), target.map(str::to_owned));
    assert_eq!(refusal(reply), expected);
    assert_eq!(reply.header("api-supported-versions").is_some(), names_versions, "{reply:?}");
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(reply.header("transfer-encoding"), Some("chunked"));
    assert_eq!(reply.header("content-length"), None);
}

#[tokio::test]
async fn expires_in_minutes_outside_60_to_1440() {
    let fixture = EmulatorFixture::new().await;
    let id = fixture.create().await;
    for minutes in [59, 1441] {
        let message = format!(
            "ExpiresInMinutes value {minutes} is invalid. Value must be within the [60, 1440] interval."
        );
        let expected = (400, "ValidationError", message.as_str(), Some("ExpiresInMinutes"));
        let body = format!(r#"{{"scopes":["chat"],"expiresInMinutes":{minutes}}}"#);
        assert_refused(&fixture.issue_with(&id, &body).await, expected, true);
        let body = format!(r#"{{"createTokenWithScopes":["chat"],"expiresInMinutes":{minutes}}}"#);
        let reply = fixture.call("POST", &format!("/identities{V2023}"), &body).await;
        assert_refused(&reply, expected, true);
    }
    // The refused requests created nothing.
    assert_eq!(fixture.look("identities").await["identities"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn issue_with_an_empty_list_of_scopes() {
    let fixture = EmulatorFixture::new().await;
    let id = fixture.create().await;
    let message = "Invalid scopes - Scopes field is required.";
    let expected = (400, "ValidationError", message, Some("scopes"));
    assert_refused(&fixture.issue_with(&id, r#"{"scopes":[]}"#).await, expected, true);
}

#[tokio::test]
async fn issue_without_scopes_or_with_null() {
    let fixture = EmulatorFixture::new().await;
    let id = fixture.create().await;
    for body in ["{}", r#"{"scopes":null}"#, ""] {
        let message = "Scopes: The Scopes field is required.";
        let expected = (400, "ValidationError", message, Some("Scopes"));
        assert_refused(&fixture.issue_with(&id, body).await, expected, false);
    }
}

#[tokio::test]
async fn issue_revoke_and_delete_with_an_identity_of_another_resource() {
    let fixture = EmulatorFixture::new().await;
    let message = "Provided identity doesn't belong to the resource.";
    let expected = (401, "IdentityNotOwned", message, None);
    assert_refused(&fixture.issue_with(NIL, r#"{"scopes":["chat"]}"#).await, expected, true);
    assert_refused(&fixture.revoke(NIL).await, expected, true);
    assert_refused(&fixture.delete(NIL).await, expected, true);
}

#[tokio::test]
async fn an_unsupported_api_version() {
    let fixture = EmulatorFixture::new().await;
    let reply = fixture.call("POST", "/identities?api-version=2020-01-15-preview3", "").await;
    let message = "The HTTP resource that matches the request URI 'https://10.0.0.4/identities' \
                   does not support the API version '2020-01-15-preview3'.";
    assert_refused(&reply, (400, "UnsupportedApiVersion", message, None), false);
    assert!(reply.text.ends_with(r#","innerError":null}}"#), "{}", reply.text);
}

#[tokio::test]
async fn no_api_version() {
    let fixture = EmulatorFixture::new().await;
    let message = "An API version is required, but was not specified.";
    let expected = (400, "ApiVersionUnspecified", message, None);
    assert_refused(&fixture.call("POST", "/identities", "").await, expected, false);
}

#[tokio::test]
async fn an_unknown_scope() {
    let fixture = EmulatorFixture::new().await;
    let id = fixture.create().await;
    let message = "Invalid scopes - Scope 'pstn' is not supported.";
    let expected = (400, "ValidationError", message, Some("scopes"));
    assert_refused(&fixture.issue_with(&id, r#"{"scopes":["chat","pstn"]}"#).await, expected, true);
}

#[tokio::test]
async fn a_join_scope_before_2023_10_01() {
    let fixture = EmulatorFixture::new().await;
    let id = fixture.create().await;
    for scope in ["chat.join", "chat.join.limited", "voip.join"] {
        let body = format!(r#"{{"scopes":["{scope}"]}}"#);
        let target = |version| format!("/identities/{id}/:issueAccessToken?api-version={version}");
        let old = fixture.call("POST", &target("2022-10-01"), &body).await;
        assert_eq!(refusal(&old).1, "ValidationError");
        let new = fixture.call("POST", &target("2023-10-01"), &body).await;
        assert_eq!(new.status, 200);
    }
}

#[tokio::test]
async fn a_deleted_identity_and_one_that_never_was() {
    let fixture = EmulatorFixture::new().await;
    let id = fixture.create().await;
    assert_eq!(fixture.delete(&id).await.status, 204);
    let stranger = format!("8:acs:{}_never-created", fixture.emulator.resource_id());
    for id in [&id, &stranger] {
        let expected = (404, "IdentityNotFound", "Provided identity doesn't exist.", None);
        assert_refused(&fixture.issue_with(id, r#"{"scopes":["chat"]}"#).await, expected, true);
        assert_eq!(fixture.revoke(id).await.status, 204);
        assert_eq!(fixture.delete(id).await.status, 204);
    }
}

#[tokio::test]
async fn a_body_that_is_not_json_or_has_the_wrong_types() {
    let fixture = EmulatorFixture::new().await;
    let id = fixture.create().await;
    for body in
        ["{", "[]", r#"{"scopes":"chat"}"#, r#"{"scopes":["chat"],"expiresInMinutes":"60"}"#]
    {
        let (status, code, ..) = refusal(&fixture.issue_with(&id, body).await);
        assert_eq!((status, code.as_str()), (400, "ValidationError"), "{body}");
    }
}

#[tokio::test]
async fn a_body_larger_than_any_operation_takes() {
    let fixture = EmulatorFixture::new().await;
    let body = " ".repeat(2 * 1024 * 1024);
    // The server may close the connection before all is sent; it must not create an identity.
    if let Ok(reply) =
        fixture.try_send(fixture.draft("POST", &format!("/identities{V2023}"), &body)).await
    {
        assert_eq!(reply.status, 413);
    }
    assert_eq!(fixture.look("identities").await["identities"].as_array().unwrap().len(), 0);
}

#[tokio::test]
async fn a_path_or_a_method_that_is_not_served() {
    let fixture = EmulatorFixture::new().await;
    let unknown = fixture.call("POST", &format!("/rooms{V2023}"), "").await;
    assert_eq!((unknown.status.as_u16(), unknown.text.as_str()), (404, ""));
    let wrong = fixture.call("GET", &format!("/identities{V2023}"), "").await;
    assert_eq!((wrong.status.as_u16(), wrong.text.as_str()), (405, ""));
    assert_eq!(fixture.count("badRoute").await, 2);
}
