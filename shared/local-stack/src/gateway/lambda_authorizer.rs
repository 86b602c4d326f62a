//! A Lambda authorizer of an HTTP API: REQUEST, payload format 2.0, simple responses.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::HeaderMap;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::authorizer::authorization;
use super::event::RequestHead;
use super::refusal::GatewayRefusal;
use crate::arn::arn;
use crate::runtime::FunctionPool;

/// API Gateway's timeout for an authorizer.
const TIME_LIMIT: Duration = Duration::from_secs(10);

/// The largest number of decisions in the cache.
const CACHE_SIZE: usize = 1000;

/// Asks a function whether a request is authorized, and caches its answers by the header
/// `Authorization`. As in API Gateway, an answer is for all routes of the authorizer.
pub(crate) struct LambdaAuthorizer {
    function: Arc<FunctionPool>,
    cache: Mutex<DecisionCache>,
}

/// The decisions by identity source, each with the time at which it ends.
struct DecisionCache {
    cache_for: Duration,
    decisions: HashMap<String, (OffsetDateTime, Decision)>,
}

impl DecisionCache {
    fn new(cache_for: Duration) -> Self {
        Self { cache_for, decisions: HashMap::new() }
    }

    fn find(&self, source: &str, now: OffsetDateTime) -> Option<Decision> {
        let (until, decision) = self.decisions.get(source)?;
        (now < *until).then(|| decision.clone())
    }

    fn insert(&mut self, source: &str, now: OffsetDateTime, decision: Decision) {
        if self.cache_for.is_zero() {
            return;
        }
        if self.decisions.len() >= CACHE_SIZE {
            self.decisions.retain(|_, (until, _)| now < *until);
        }
        // The function can be asked again, so the cache need not choose which decisions it keeps.
        if self.decisions.len() >= CACHE_SIZE {
            self.decisions.clear();
        }
        self.decisions.insert(source.to_owned(), (now + self.cache_for, decision));
    }
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
        Self { function, cache: Mutex::new(DecisionCache::new(cache_for)) }
    }

    /// Authorizes a request. Returns the member `requestContext.authorizer` of the function's
    /// event.
    pub(crate) async fn authorize(&self, head: &RequestHead<'_>) -> Result<Value, GatewayRefusal> {
        let source = identity_source(&head.parts.headers)?;
        let cached = self.cache().find(&source, head.now);
        let decision = match cached {
            Some(decision) => decision,
            None => self.ask(head, &source).await?,
        };
        match decision {
            Decision::Authorized(context) => Ok(json!({ "lambda": context })),
            Decision::Refused => Err(GatewayRefusal::Forbidden(None)),
        }
    }

    fn cache(&self) -> MutexGuard<'_, DecisionCache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
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
        self.cache().insert(source, head.now, decision.clone());
        Ok(decision)
    }
}

/// The value of `$request.header.Authorization`, which must not be empty.
fn identity_source(headers: &HeaderMap) -> Result<String, GatewayRefusal> {
    Some(authorization(headers))
        .filter(|source| !source.is_empty())
        .ok_or_else(|| GatewayRefusal::Unauthorized("Bearer".to_owned()))
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
    use axum::http::header::AUTHORIZATION;

    use super::*;

    #[test]
    fn repeated_authorization_headers_are_joined_as_in_every_event() {
        let mut headers = HeaderMap::new();
        assert!(identity_source(&headers).is_err());
        headers.append(AUTHORIZATION, "Bearer a".parse().unwrap());
        assert_eq!(identity_source(&headers).ok().as_deref(), Some("Bearer a"));
        headers.append(AUTHORIZATION, "Bearer b".parse().unwrap());
        assert_eq!(identity_source(&headers).ok().as_deref(), Some("Bearer a,Bearer b"));
    }

    #[test]
    fn a_decision_is_reused_until_its_time_has_passed() {
        let mut cache = DecisionCache::new(Duration::from_mins(1));
        let now = OffsetDateTime::UNIX_EPOCH;
        cache.insert("a", now, Decision::Refused);
        assert_eq!(cache.find("a", now + Duration::from_secs(59)), Some(Decision::Refused));
        assert_eq!(cache.find("a", now + Duration::from_mins(1)), None);
        assert_eq!(cache.find("b", now), None);
    }

    #[test]
    fn the_cache_keeps_nothing_without_a_time_and_never_more_than_its_size() {
        let now = OffsetDateTime::UNIX_EPOCH;
        let mut off = DecisionCache::new(Duration::ZERO);
        off.insert("a", now, Decision::Refused);
        assert_eq!(off.decisions.len(), 0);

        let mut cache = DecisionCache::new(Duration::from_mins(1));
        cache.insert("early", now, Decision::Refused);
        let later = now + Duration::from_secs(30);
        for index in 1..CACHE_SIZE {
            cache.insert(&index.to_string(), later, Decision::Refused);
        }
        // Only the first one has ended.
        cache.insert("new", now + Duration::from_mins(1), Decision::Refused);
        assert_eq!(cache.decisions.len(), CACHE_SIZE);
        assert!(cache.find("1", later).is_some() && !cache.decisions.contains_key("early"));
        cache.insert("newer", now + Duration::from_mins(1), Decision::Refused);
        assert_eq!(cache.decisions.len(), 1, "none has ended");
    }

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
