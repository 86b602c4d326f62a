//! SQS's `SendMessage` for the functions, in AWS JSON 1.0.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::post;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Queues;
use crate::json_response::aws_json;

/// The path below the listener of the event bus.
pub(crate) const SQS_PATH: &str = "/sqs";

/// SQS accepts messages of 1 MiB. A body may have up to six characters for one of its message.
const BODY_LIMIT: usize = 6 * 1024 * 1024;

/// Handles a `SendMessage` request.
pub(crate) fn router(queues: Arc<Queues>) -> Router {
    Router::new()
        .route(SQS_PATH, post(call))
        .route(&format!("{SQS_PATH}/"), post(call))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(queues)
}

async fn call(State(queues): State<Arc<Queues>>, headers: HeaderMap, body: Bytes) -> Response {
    if headers.get("x-amz-target").is_none_or(|target| target != "AmazonSQS.SendMessage") {
        let problem = "the only supported operation is AmazonSQS.SendMessage";
        return error("com.amazonaws.sqs#UnsupportedOperation", problem);
    }
    let request: Value = serde_json::from_slice(&body).unwrap_or_default();
    let text = |name: &str| request.get(name).and_then(Value::as_str).filter(|s| !s.is_empty());
    let (Some(url), Some(message)) = (text("QueueUrl"), text("MessageBody")) else {
        let problem = "QueueUrl and MessageBody must not be empty";
        return error("com.amazon.coral.service#MissingParameter", problem);
    };
    let queue = url.rsplit('/').next().unwrap_or_default();
    if queues.messages(queue).is_none() {
        return error("com.amazonaws.sqs#QueueDoesNotExist", "The specified queue does not exist.");
    }
    match queues.send(queue, message.to_owned()) {
        // The SDK compares the digest with that of what it sent.
        Ok(()) => aws_json(
            StatusCode::OK,
            &json!({
                "MessageId": Uuid::new_v4().to_string(),
                "MD5OfMessageBody": format!("{:x}", md5::compute(message)),
            }),
        ),
        Err(problem) => aws_json(
            StatusCode::INTERNAL_SERVER_ERROR,
            &json!({ "__type": "InternalError", "message": problem.to_string() }),
        ),
    }
}

fn error(kind: &str, problem: &str) -> Response {
    aws_json(StatusCode::BAD_REQUEST, &json!({ "__type": kind, "message": problem }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::StackClock;
    use crate::template::QueueSpec;

    async fn answer(queues: &Arc<Queues>, target: &str, body: &Value) -> (StatusCode, Value) {
        let headers =
            HeaderMap::from_iter([("x-amz-target".parse().unwrap(), target.parse().unwrap())]);
        let response =
            call(State(Arc::clone(queues)), headers, Bytes::from(body.to_string())).await;
        let status = response.status();
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    }

    #[tokio::test]
    async fn a_message_goes_into_the_queue_of_the_url_and_no_other() {
        let settings = QueueSpec {
            name: "Events".to_owned(),
            visibility: std::time::Duration::ZERO,
            retention: std::time::Duration::from_hours(1),
            delay: std::time::Duration::ZERO,
            redrive: None,
        };
        let queues = Queues::open(vec![settings], None, StackClock::system()).unwrap();
        let send = "AmazonSQS.SendMessage";
        let url = |name: &str| format!("https://sqs.us-east-1.amazonaws.com/000000000000/{name}");
        let good = json!({ "QueueUrl": url("Events"), "MessageBody": "hello" });
        let (status, answered) = answer(&queues, send, &good).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(answered["MD5OfMessageBody"], "5d41402abc4b2a76b9719d911017c592");
        assert_eq!(queues.messages("Events").unwrap().len(), 1);
        for (target, body, kind) in [
            (send, json!({ "QueueUrl": url("Other"), "MessageBody": "x" }), "QueueDoesNotExist"),
            (send, json!({ "QueueUrl": url("Events") }), "MissingParameter"),
            (send, json!({ "QueueUrl": url("Events"), "MessageBody": "" }), "MissingParameter"),
            ("AmazonSQS.ReceiveMessage", good, "UnsupportedOperation"),
        ] {
            let (status, answered) = answer(&queues, target, &body).await;
            assert_eq!(status, StatusCode::BAD_REQUEST);
            assert!(answered["__type"].as_str().unwrap().ends_with(kind), "{answered}");
        }
        assert_eq!(queues.messages("Events").unwrap().len(), 1);
    }
}
