mod overload;
mod run;
mod service_edge;

use std::{convert::Infallible, pin::Pin, time::Duration};

use api_types::ProblemType;
use identity_core::identity::{AcsId, Scopes};
use identity_core::ports::Clock;
use lambda_http::http::{
    HeaderValue, StatusCode,
    header::{
        CACHE_CONTROL, CONTENT_TYPE, HeaderName, RETRY_AFTER, USER_AGENT, WWW_AUTHENTICATE,
        X_CONTENT_TYPE_OPTIONS,
    },
};
use lambda_http::{Body, Request, RequestExt, Response};
use serde::Serialize;
use tracing::{Instrument, error, info_span};

use crate::telemetry::{self, RequestLine};
use crate::{Problem, deadline};

pub use run::run;
pub use service_edge::ServiceEdge;

/// A successful response, and the fields of its log line. The body may hold a token, so the type
/// does not implement `Debug`:
///
/// ```compile_fail,E0277
/// fn print(response: &lambda_edge::ApiResponse) {
///     println!("{response:?}");
/// }
/// ```
pub struct ApiResponse {
    status: StatusCode,
    body: Vec<u8>,
    identity: Option<AcsId>,
    scopes: Option<Scopes>,
}

impl ApiResponse {
    /// A response with a status and no body.
    #[must_use]
    pub fn empty() -> Self {
        Self { status: StatusCode::NO_CONTENT, body: Vec::new(), identity: None, scopes: None }
    }

    /// A response with a status and a JSON body.
    pub fn json(status: StatusCode, body: &impl Serialize) -> Result<Self, Problem> {
        let body = serde_json::to_vec(body).map_err(|_| ProblemType::INTERNAL)?;
        Ok(Self { status, body, ..Self::empty() })
    }

    /// Sets the identity that the request was about.
    #[must_use]
    pub fn about(self, identity: Option<&AcsId>) -> Self {
        Self { identity: identity.cloned(), ..self }
    }

    /// Sets the scopes that were granted.
    #[must_use]
    pub fn granting(self, scopes: Scopes) -> Self {
        Self { scopes: Some(scopes), ..self }
    }
}

/// Runs a handler, writes the log line of the request, and returns the response. It is
/// infallible, because a Lambda error would reach the client as API Gateway's own 500.
///
/// `operation` is the name that Azure Monitor gives the same operation: `CreateToken` …
pub fn serve(
    operation: &'static str,
    clock: &impl Clock,
    edge: &ServiceEdge,
    request: &Request,
    handler: impl Future<Output = Result<ApiResponse, Problem>>,
) -> impl Future<Output = Result<Response<Body>, Infallible>> {
    // On the heap: a handler has 13 KB, and each future around it would have room for it twice. With
    // them, init and each call would use 100 KB more of the stack.
    served(operation, clock, edge, request, Box::pin(handler))
}

async fn served(
    operation: &'static str,
    clock: &impl Clock,
    edge: &ServiceEdge,
    request: &Request,
    handler: Pin<Box<impl Future<Output = Result<ApiResponse, Problem>>>>,
) -> Result<Response<Body>, Infallible> {
    let correlation_id = correlation_id(request);
    let request_id = lambda_request_id(request);
    let span = info_span!("request", CorrelationId = %correlation_id, RequestId = %request_id);
    let began = clock.now();
    let result = in_time(clock, request, handler).instrument(span).await;
    let mut line = RequestLine {
        operation,
        correlation_id: &correlation_id,
        request_id: &request_id,
        at: clock.now(),
        duration: clock.now().duration_since(began).unwrap_or_default(),
        status: StatusCode::OK,
        problem: None,
        identity: None,
        scopes: None,
        // Refusals also name the caller: an operator asks first who attempts what is not
        // permitted.
        caller: edge.callers.of_request(request),
        user_agent: user_agent(request),
    };
    let mut response = match result {
        Ok(success) => {
            line.status = success.status;
            line.identity = success.identity.as_ref().map(AcsId::as_str).map(ToOwned::to_owned);
            line.scopes = success.scopes;
            edge.overload.end_outage();
            success_response(success.status, success.body)
        }
        Err(problem) => {
            line.status = status_of(&problem);
            line.problem = Some(problem.kind().name);
            problem_response(&problem, edge.overload.retry_after(&problem, line.at))
        }
    };
    telemetry::write(&line);
    let headers = response.headers_mut();
    // RFC 6749 §5.1: no cache may store a token. The same holds for every other response.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Ok(id) = HeaderValue::from_str(&correlation_id) {
        headers.insert(HeaderName::from_static(X_REQUEST_ID), id);
    }
    Ok(response)
}

/// Returns the handler's result if it is ready before the caller stops waiting or Lambda ends
/// the function. Unfinished work is left as a crash would leave it, and a later request or job
/// finishes it; the caller gets a response with a `Retry-After`.
async fn in_time(
    clock: &impl Clock,
    request: &Request,
    handler: impl Future<Output = Result<ApiResponse, Problem>>,
) -> Result<ApiResponse, Problem> {
    let limit = request.lambda_context_ref().map_or(PATIENCE, |context| {
        let now = clock.now();
        let killed_at = deadline(context, now, PATIENCE + LAST_WORDS);
        let left = killed_at.duration_since(now).unwrap_or_default();
        left.saturating_sub(LAST_WORDS).min(PATIENCE)
    });
    tokio::select! {
        biased;
        result = handler => result,
        () = clock.sleep(limit) => {
            error!("request timed out");
            Err(Problem::unavailable())
        }
    }
}

/// The caller gets a response within 8 s.
const PATIENCE: Duration = Duration::from_millis(7_500);

/// The time that the response needs before Lambda ends the function.
const LAST_WORDS: Duration = Duration::from_millis(300);

fn success_response(status: StatusCode, body: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(text(body));
    *response.status_mut() = status;
    if status != StatusCode::NO_CONTENT {
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(CONTENT_TYPE, json);
    }
    response
}

fn problem_response(problem: &Problem, retry_after: Option<Duration>) -> Response<Body> {
    let document = problem.kind().document(problem.detail());
    let text = serde_json::to_string(&document).unwrap_or_default();
    let mut response = Response::new(Body::Text(text));
    *response.status_mut() = status_of(problem);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if let Some(wait) = retry_after {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if status_of(problem) == StatusCode::UNAUTHORIZED {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

fn status_of(problem: &Problem) -> StatusCode {
    StatusCode::from_u16(problem.kind().status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// JSON is text. Sent as text, it needs no base64 encoding on its way through Lambda.
fn text(body: Vec<u8>) -> Body {
    match String::from_utf8(body) {
        Ok(body) if body.is_empty() => Body::Empty,
        Ok(body) => Body::Text(body),
        Err(error) => Body::Binary(error.into_bytes()),
    }
}

/// The client's request id, if it sent one that can be logged; otherwise Lambda's. It is the
/// `CorrelationId` of the log line and the header `x-request-id` of the response.
#[must_use]
pub fn correlation_id(request: &Request) -> String {
    let sent = request.headers().get(X_REQUEST_ID).and_then(|value| value.to_str().ok());
    let usable = |id: &&str| {
        (1..=128).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte))
    };
    sent.filter(usable).map_or_else(|| lambda_request_id(request), ToOwned::to_owned)
}

/// The caller's user agent, shortened for the log.
fn user_agent(request: &Request) -> Option<String> {
    let said = request.headers().get(USER_AGENT)?.to_str().ok()?;
    Some(said.chars().take(LONGEST_USER_AGENT).collect()).filter(|said: &String| !said.is_empty())
}

/// Lambda's name for the invocation. Receipts and leases are named after it.
fn lambda_request_id(request: &Request) -> String {
    request.lambda_context_ref().map(|context| context.request_id.clone()).unwrap_or_default()
}

const X_REQUEST_ID: &str = "x-request-id";

/// In characters: enough for a name and a version.
const LONGEST_USER_AGENT: usize = 128;

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use identity_core::{Error, identity::SubjectClaims, testing::ManualClock};
    use lambda_http::Context;
    use serde_json::{Value, json};

    use super::*;

    fn nameless() -> ServiceEdge {
        ServiceEdge::new(None, &SubjectClaims::default())
    }

    async fn refuse(problem: Problem) -> Response<Body> {
        let request = Request::new(Body::Empty);
        let refusal = async { Err(problem) };
        serve("Test", &ManualClock::default(), &nameless(), &request, refusal).await.unwrap()
    }

    // R40. The caller gets a response, whatever the handler waits for and however early Lambda
    // would end the function.
    #[tokio::test]
    async fn the_caller_hears_within_eight_seconds_and_before_lambda_ends_the_function() {
        let ends_in = |seconds| {
            let end = ManualClock::default().now() + Duration::from_secs(seconds);
            let end = end.duration_since(SystemTime::UNIX_EPOCH).unwrap();
            let mut context = Context::default();
            context.deadline = end.as_millis().try_into().unwrap();
            Request::new(Body::Empty).with_lambda_context(context)
        };
        // The emulator of cargo-lambda gives no deadline.
        let endless = Request::new(Body::Empty).with_lambda_context(Context::default());
        for (request, expected) in [
            (Request::new(Body::Empty), 7_500),
            (endless, 7_500),
            (ends_in(10), 7_500),
            (ends_in(2), 1_700),
        ] {
            let clock = ManualClock::default();
            let response =
                serve("Test", &clock, &nameless(), &request, std::future::pending()).await.unwrap();
            assert_eq!(clock.elapsed(), Duration::from_millis(expected));
            assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert!(response.headers().contains_key(RETRY_AFTER));
        }
    }

    #[tokio::test]
    async fn the_cause_is_logged_but_never_sent() {
        let cause = "connect 10.0.0.7: refused, key=hunter2".into();
        let error = Error::AcsUnavailable { maybe_applied: false, source: cause };
        let response = refuse(Problem::from(error)).await;
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        let body: Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(
            body,
            json!({
                "type": "/problems/unavailable",
                "title": "Service temporarily unavailable",
                "status": 503,
                "detail": "ACS or the identity store did not respond. Retry after the time in `Retry-After`.",
                "retry": "later",
            })
        );
    }

    #[tokio::test]
    async fn r56_every_response_says_no_store_and_nosniff_and_its_own_media_type() {
        let request = Request::new(Body::Empty);
        let clock = ManualClock::default();
        let response = async { ApiResponse::json(StatusCode::OK, &json!({})) };
        let good = serve("Test", &clock, &nameless(), &request, response).await.unwrap();
        let none = serve("Test", &clock, &nameless(), &request, async { Ok(ApiResponse::empty()) })
            .await
            .unwrap();
        let mut responses = vec![(good, Some("application/json")), (none, None)];
        for problem in ProblemType::ALL {
            responses.push((refuse((*problem).into()).await, Some("application/problem+json")));
        }
        for (response, media_type) in responses {
            let headers = response.headers();
            assert_eq!(headers["cache-control"], "no-store");
            assert_eq!(headers["x-content-type-options"], "nosniff");
            let content_type = headers.get("content-type").map(|value| value.to_str().unwrap());
            assert_eq!(content_type, media_type);
        }
    }
}
