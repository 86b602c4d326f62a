//! Requests as API Gateway sends them to a function, and its responses.

use serde_json::{Value, json};

use crate::fixture::SweepRun;

/// A request as API Gateway sends it to the function of its route.
pub(crate) fn request(route: &str, context: Value, parameters: &Value, body: &Value) -> Value {
    let (method, path) = route.split_once(' ').unwrap();
    let mut context = context;
    context["http"] = json!({ "method": method, "path": path });
    json!({
        "version": "2.0",
        "routeKey": route,
        "rawPath": path,
        "rawQueryString": "",
        "headers": { "content-type": "application/json" },
        "requestContext": context,
        "pathParameters": parameters,
        "body": body.to_string(),
        "isBase64Encoded": false,
    })
}

/// The context of a request whose bearer has these claims.
pub(crate) fn authorized(claims: &Value) -> Value {
    json!({ "authorizer": { "jwt": { "claims": claims, "scopes": [] } } })
}

/// The status and the body of a response; `null` for an empty body.
pub(crate) fn response(run: &SweepRun, context: &str) -> (u64, Value) {
    let SweepRun::Completed(response) = run else { panic!("{context}: killed") };
    let body = response["body"].as_str().unwrap_or_default();
    let json = serde_json::from_str(body).unwrap_or_default();
    (response["statusCode"].as_u64().unwrap(), json)
}
