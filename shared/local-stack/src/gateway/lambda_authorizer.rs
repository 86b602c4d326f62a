//! A Lambda authorizer of an HTTP API: REQUEST, payload format 2.0, simple responses.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::header;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::event::RequestHead;
use super::refusal::GatewayRefusal;
use crate::arn::arn;
use crate::runtime::FunctionPool;

/// API Gateway's timeout for an authorizer.
const TIME_LIMIT: Duration = Duration::from_secs(10);

/// The number of decisions in the cache beyond which old ones are removed.
const CACHE_SIZE: usize = 1000;

/// Asks a function whether a request is authorized, and caches its answers by the header
/// `Authorization`. As in API Gateway, an answer is for all routes of the authorizer.
pub(crate) struct LambdaAuthorizer {
    function: Arc<FunctionPool>,
    cache_for: Duration,
    cache: Mutex<HashMap<String, (OffsetDateTime, Decision)>>,
}

/// The function's answer: the context for the route's function, or a refusal.
#[derive(Clone, Debug, PartialEq)]
enum Decision {
    Authorized(Map<String, Value>),
    Refused,
}

/// A simple response.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SimpleResponse {
    is_authorized: bool,
    #[serde(default)]
    context: Option<Map<String, Value>>,
}

impl LambdaAuthorizer {
    /// An authorizer whose answers are reused for `cache_for`.
    pub(crate) fn new(function: Arc<FunctionPool>, cache_for: Duration) -> Self {
        Self { function, cache_for, cache: Mutex::default() }
    }

    /// Authorizes a request. Returns the member `requestContext.authorizer` of the function's
    /// event.
    pub(crate) async fn authorize(&self, head: &RequestHead<'_>) -> Result<Value, GatewayRefusal> {
        let source = head.parts.headers.get(header::AUTHORIZATION);
        let source = source.and_then(|value| value.to_str().ok()).unwrap_or_default();
        if source.is_empty() {
            return Err(GatewayRefusal::Unauthorized("Bearer".to_owned()));
        }
        let decision = match self.cached(source, head.now) {
            Some(decision) => decision,
            None => self.ask(head, source).await?,
        };
        match decision {
            Decision::Authorized(context) => Ok(json!({ "lambda": context })),
            Decision::Refused => Err(GatewayRefusal::Forbidden(None)),
        }
    }

    fn cached(&self, source: &str, now: OffsetDateTime) -> Option<Decision> {
        let cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let (until, decision) = cache.get(source)?;
        (now < *until).then(|| decision.clone())
    }

    /// Invokes the function. Its failure is not cached.
    async fn ask(&self, head: &RequestHead<'_>, source: &str) -> Result<Decision, GatewayRefusal> {
        let mut event = head.event();
        if let Value::Object(members) = &mut event {
            members.insert("type".to_owned(), "REQUEST".into());
            let route = arn("execute-api", "local/$default");
            members.insert("routeArn".to_owned(), route.into());
            members.insert("identitySource".to_owned(), json!([source]));
        }
        let invocation = self.function.invoke(Bytes::from(event.to_string()));
        let payload = tokio::time::timeout(TIME_LIMIT, invocation).await;
        let payload = payload.ok().and_then(Result::ok).ok_or(GatewayRefusal::Internal)?;
        let decision = decision(&payload).ok_or(GatewayRefusal::Internal)?;
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if cache.len() >= CACHE_SIZE {
            cache.retain(|_, (until, _)| head.now < *until);
        }
        cache.insert(source.to_owned(), (head.now + self.cache_for, decision.clone()));
        Ok(decision)
    }
}

/// The decision in a function's response; `None` if the response is invalid.
fn decision(payload: &[u8]) -> Option<Decision> {
    let response: SimpleResponse = serde_json::from_slice(payload).ok()?;
    Some(if response.is_authorized {
        Decision::Authorized(response.context.unwrap_or_default())
    } else {
        Decision::Refused
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_authorizes_refuses_or_is_invalid() {
        for (payload, expected) in [
            (r#"{"isAuthorized":true}"#, Some(Decision::Authorized(Map::new()))),
            (
                r#"{"isAuthorized":true,"context":{"a":[1]}}"#,
                Some(Decision::Authorized(Map::from_iter([("a".to_owned(), json!([1]))]))),
            ),
            (r#"{"isAuthorized":false,"context":{"a":1}}"#, Some(Decision::Refused)),
            (r#"{"isAuthorized":"true"}"#, None),
            (r#"{"context":{}}"#, None),
            ("true", None),
            ("", None),
        ] {
            assert_eq!(decision(payload.as_bytes()), expected, "{payload}");
        }
    }
}
