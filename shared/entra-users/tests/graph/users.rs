use std::time::{Duration, SystemTime};

use entra_users::{GraphError, UserStatus};

use crate::server::{GraphFixture, TENANT, USER, ok, refusal, user};

async fn status_of(body: &str) -> Result<UserStatus, GraphError> {
    let graph = GraphFixture::answering([ok(body)]).await;
    graph.client.user_status(&user(), graph.until()).await
}

#[tokio::test]
async fn a_user_is_looked_up_by_their_object_id_in_their_tenant() {
    let body =
        r#"{"accountEnabled": false, "signInSessionsValidFromDateTime": "2026-10-05T09:12:33Z"}"#;
    let graph = GraphFixture::answering([ok(body)]).await;
    let found = graph.client.user_status(&user(), graph.until()).await.unwrap();
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_791_191_553);
    assert_eq!(found, UserStatus::Present { is_enabled: false, sessions_valid_from: Some(at) });
    let query = "$select=accountEnabled,signInSessionsValidFromDateTime";
    assert_eq!(
        graph.lines(),
        [format!("POST /{TENANT}/oauth2/v2.0/token"), format!("GET /v1.0/users/{USER}?{query}")]
    );
}

#[tokio::test]
async fn a_time_can_have_seven_digits_or_be_missing() {
    let body = r#"{"accountEnabled": true, "signInSessionsValidFromDateTime": "2026-10-05T09:12:33.3062901Z"}"#;
    let UserStatus::Present { is_enabled: true, sessions_valid_from: Some(at) } =
        status_of(body).await.unwrap()
    else {
        panic!("the user is enabled")
    };
    assert_eq!(at.duration_since(SystemTime::UNIX_EPOCH).unwrap().subsec_nanos(), 306_290_100);
    let body = r#"{"accountEnabled": true, "signInSessionsValidFromDateTime": null}"#;
    let expected = UserStatus::Present { is_enabled: true, sessions_valid_from: None };
    assert_eq!(status_of(body).await.unwrap(), expected);
}

#[tokio::test]
async fn a_status_that_is_missing_or_invalid_is_an_error() {
    for body in [
        "{}",
        r#"{"accountEnabled": null}"#,
        r#"{"accountEnabled": "false"}"#,
        r#"{"accountEnabled": true, "signInSessionsValidFromDateTime": "yesterday"}"#,
        "<html>",
    ] {
        let error = status_of(body).await.unwrap_err();
        assert!(matches!(error, GraphError::Invalid(_)), "{body}: {error}");
    }
}

#[tokio::test]
async fn only_graph_itself_says_that_a_user_is_missing() {
    let missing = refusal(404, "Request_ResourceNotFound");
    let graph = GraphFixture::answering([missing, refusal(404, "NotFound")]).await;
    let found = graph.client.user_status(&user(), graph.until()).await.unwrap();
    assert_eq!(found, UserStatus::Missing);
    let other = graph.client.user_status(&user(), graph.until()).await.unwrap_err();
    assert!(matches!(&other, GraphError::Refused(why) if why == "404 NotFound"), "{other}");
}

#[tokio::test]
async fn r51_an_error_names_no_user() {
    let answers = [refusal(403, "Authorization_RequestDenied"), refusal(400, "a b")];
    let graph = GraphFixture::answering(answers).await;
    for expected in ["403 Authorization_RequestDenied;", "400;"] {
        let error = graph.client.user_status(&user(), graph.until()).await.unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(text.contains(expected) && !text.contains(USER), "{text}");
    }
}
