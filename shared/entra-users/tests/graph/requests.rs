use std::time::Duration;

use entra_users::GraphError;
use identity_core::ports::Clock as _;

use crate::server::{GivenSecret, GraphFixture, Prepared, SECRET, USER, ok, refusal, user};

const ENABLED: &str = r#"{"accountEnabled": true}"#;

#[tokio::test]
async fn a_token_is_used_for_all_requests_until_shortly_before_it_expires() {
    let graph = GraphFixture::answering([ok(ENABLED), ok(ENABLED), ok(ENABLED)]).await;
    for expected in ["Bearer token-1", "Bearer token-1", "Bearer token-2"] {
        graph.client.user_status(&user(), graph.until()).await.unwrap();
        assert_eq!(graph.last().authorization, expected);
        graph.clock.0.advance(Duration::from_mins(30));
    }
}

#[tokio::test]
async fn concurrent_requests_share_one_token() {
    let graph = GraphFixture::answering([ok(ENABLED), ok(ENABLED)]).await;
    let (user, until) = (user(), graph.until());
    let (one, other) = tokio::join!(
        graph.client.user_status(&user, until),
        graph.client.user_status(&user, until)
    );
    assert!(one.is_ok() && other.is_ok());
    assert_eq!(graph.lines().iter().filter(|line| line.starts_with("POST")).count(), 1);
}

#[tokio::test]
async fn the_token_is_requested_with_the_client_secret_for_graph() {
    let graph = GraphFixture::answering([ok(ENABLED)]).await;
    graph.client.user_status(&user(), graph.until()).await.unwrap();
    let request = graph.script.arrived.lock().unwrap().first().unwrap().clone();
    let scope = format!("{}/.default", graph.server.url()).replace(':', "%3A").replace('/', "%2F");
    assert_eq!(
        request.body,
        format!(
            "grant_type=client_credentials&client_id=aaaaaaaa-0000-0000-0000-000000000001\
             &client_secret={SECRET}&scope={scope}"
        )
    );
}

#[tokio::test]
async fn a_token_that_graph_refuses_is_replaced_once() {
    let answers = [refusal(401, "InvalidAuthenticationToken"), ok(ENABLED)];
    let graph = GraphFixture::answering(answers).await;
    graph.client.user_status(&user(), graph.until()).await.unwrap();
    assert_eq!(graph.last().authorization, "Bearer token-2");

    let refused = || refusal(401, "InvalidAuthenticationToken");
    let graph = GraphFixture::answering([refused(), refused(), ok(ENABLED)]).await;
    let error = graph.client.user_status(&user(), graph.until()).await.unwrap_err();
    assert!(matches!(error, GraphError::Refused(_)), "{error}");
}

#[tokio::test]
async fn a_pause_that_graph_asks_for_is_kept_if_time_allows() {
    for status in [429, 503] {
        let pause = |seconds| Prepared(status, Some(seconds), String::new());
        let graph = GraphFixture::answering([pause(2), pause(0), ok(ENABLED)]).await;
        graph.client.user_status(&user(), graph.until()).await.unwrap();
        assert_eq!(graph.clock.0.elapsed(), Duration::from_millis(2100));
    }
    // A pause of nine seconds leaves one second, which is enough; ten seconds leave none.
    for (seconds, fits) in [(9, true), (10, false)] {
        let graph =
            GraphFixture::answering([Prepared(429, Some(seconds), String::new()), ok(ENABLED)])
                .await;
        let result = graph.client.user_status(&user(), graph.until()).await;
        match result {
            Ok(_) => assert!(fits),
            Err(GraphError::Throttled(pause)) => {
                assert!(!fits && pause == Duration::from_secs(seconds));
                assert_eq!(graph.clock.0.elapsed(), Duration::ZERO);
            }
            Err(other) => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn without_the_length_of_the_pause_the_request_is_not_repeated() {
    let graph = GraphFixture::answering([Prepared(429, None, String::new()), ok(ENABLED)]).await;
    let error = graph.client.user_status(&user(), graph.until()).await.unwrap_err();
    assert!(matches!(error, GraphError::Throttled(_)), "{error}");
}

#[tokio::test]
async fn an_outage_is_temporary_and_named() {
    let graph = GraphFixture::answering([Prepared(502, None, String::new())]).await;
    let error = graph.client.user_status(&user(), graph.until()).await.unwrap_err();
    assert_eq!(error.to_string(), "Microsoft Graph is unavailable: Graph answered 502");

    let graph = GraphFixture::answering([]).await;
    let until = graph.clock.now();
    let error = graph.client.user_status(&user(), until).await.unwrap_err();
    assert!(error.to_string().contains("no time is left"), "{error}");
    assert!(graph.lines().is_empty());
}

#[tokio::test]
async fn r51_an_error_of_the_connection_has_no_url() {
    let graph = GraphFixture::answering([ok(ENABLED)]).await;
    graph.client.user_status(&user(), graph.until()).await.unwrap();
    drop(graph.server);
    let until = graph.clock.now() + Duration::from_secs(10);
    // The first request may still find the open connection.
    let mut result = graph.client.user_status(&user(), until).await;
    if result.is_ok() {
        result = graph.client.user_status(&user(), until).await;
    }
    let text = format!("{:?}", result.unwrap_err());
    assert!(!text.contains(USER) && !text.contains("http://"), "{text}");
}

#[tokio::test]
async fn a_refused_app_and_a_missing_secret_are_told_apart() {
    // 601 is 401 of the token endpoint.
    let refused = Prepared(601, None, r#"{"error_codes": [7000215]}"#.to_owned());
    let graph = GraphFixture::answering([refused]).await;
    let error = graph.client.user_status(&user(), graph.until()).await.unwrap_err();
    assert!(matches!(&error, GraphError::AppRefused(why) if why == "401 AADSTS7000215"), "{error}");
    assert!(error.to_string().contains("clientSecret"));

    let graph = GraphFixture::with_secret([], GivenSecret(None)).await;
    let error = graph.client.user_status(&user(), graph.until()).await.unwrap_err();
    assert!(matches!(error, GraphError::NoSecret(_)), "{error}");
    assert!(graph.lines().is_empty());
}
