use super::*;

#[tokio::test]
async fn each_refusal_has_the_status_the_headers_and_the_body_of_api_gateway() {
    let json = Some("application/json");
    for (refusal, status, content_type, challenge, body) in [
        (GatewayRefusal::NotFound, 404, json, None, r#"{"message":"Not Found"}"#),
        (
            GatewayRefusal::Unauthorized("Bearer".to_owned()),
            401,
            None,
            Some("Bearer"),
            r#"{"message":"Unauthorized"}"#,
        ),
        (GatewayRefusal::Forbidden(None), 403, json, None, r#"{"message":"Forbidden"}"#),
        (
            GatewayRefusal::Forbidden(Some("Bearer x".to_owned())),
            403,
            json,
            Some("Bearer x"),
            r#"{"message":"Forbidden"}"#,
        ),
        (GatewayRefusal::TooLarge, 413, json, None, r#"{"message":"Request Entity Too Large"}"#),
        (GatewayRefusal::TooManyRequests, 429, json, None, r#"{"message":"Too Many Requests"}"#),
        (GatewayRefusal::Internal, 500, json, None, r#"{"message":"Internal Server Error"}"#),
        (GatewayRefusal::Unavailable, 503, json, None, r#"{"message":"Service Unavailable"}"#),
    ] {
        let response = refusal.into_response();
        assert_eq!(response.status(), status);
        let header =
            |name| response.headers().get(name).map(|value: &HeaderValue| value.to_str().unwrap());
        assert_eq!(header("content-type"), content_type, "{status}");
        assert_eq!(header("www-authenticate"), challenge, "{status}");
        let sent = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        assert_eq!(sent, body, "{status}");
    }
}
