//! The complete event that API Gateway sends for `POST /v1/token`: parsing it is a part of a call's
//! cost.

use serde_json::{Value, json};

/// The event, which is the same for every call.
pub(crate) fn post_token() -> Value {
    post_token_of("4f1c0a52-6f0e-4c57-9a3a-3d2f9f0f6f11")
}

/// The same of another user.
pub(crate) fn post_token_of(sub: &str) -> Value {
    json!({
        "version": "2.0",
        "routeKey": "POST /v1/token",
        "rawPath": "/v1/token",
        "rawQueryString": "",
        "headers": {
            "accept": "*/*",
            "accept-encoding": "gzip, deflate, br",
            "content-length": "44",
            "content-type": "application/json",
            "host": "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com",
            "user-agent": "bench/1",
            "x-amzn-trace-id": "Root=1-65f0a1b2-0123456789abcdef01234567",
            "x-forwarded-for": "192.0.2.1",
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
        },
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "a1b2c3d4e5",
            "authorizer": {
                "jwt": {
                    "claims": {
                        "aud": "bench",
                        "exp": "4102444800",
                        "iat": "1700000000",
                        "iss": "https://idp.example",
                        "scope": "openid guestpass.token",
                        "sub": sub,
                        "token_use": "access",
                    },
                    "scopes": ["guestpass.token"],
                },
            },
            "domainName": "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com",
            "domainPrefix": "a1b2c3d4e5",
            "http": {
                "method": "POST",
                "path": "/v1/token",
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "bench/1",
            },
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": "POST /v1/token",
            "stage": "$default",
            "time": "12/Mar/2024:19:03:58 +0000",
            "timeEpoch": 1_710_270_238_390_u64,
        },
        "body": r#"{"scopes":["chat","voip"],"expiresInMinutes":60}"#,
        "isBase64Encoded": false,
    })
}
