//! The operations of SQS that the functions and the operator's tool call, in AWS JSON 1.0.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::post;
use serde_json::{Value, json};

use super::{QueueMessage, Queues};
use crate::json_response::aws_json;

/// The path below the listener of the event bus.
pub(crate) const SQS_PATH: &str = "/sqs";

/// SQS accepts messages of 1 MiB. A body may have up to six characters for one of its message.
const BODY_LIMIT: usize = 6 * 1024 * 1024;

/// Handles the requests.
pub(crate) fn router(queues: Arc<Queues>) -> Router {
    Router::new()
        .route(SQS_PATH, post(call))
        .route(&format!("{SQS_PATH}/"), post(call))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(queues)
}

async fn call(State(queues): State<Arc<Queues>>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    let operation = target.and_then(|target| target.strip_prefix("AmazonSQS."));
    let request: Value = serde_json::from_slice(&body).unwrap_or_default();
    answer(&queues, operation.unwrap_or_default(), &request)
        .map_or_else(SqsRefusal::response, |body| aws_json(StatusCode::OK, &body))
}

fn answer(queues: &Queues, operation: &str, request: &Value) -> Result<Value, SqsRefusal> {
    let run = match operation {
        "SendMessage" => send,
        "ReceiveMessage" => receive,
        "DeleteMessage" => delete,
        "ChangeMessageVisibilityBatch" => change_visibility,
        _ => {
            let problem = "the supported operations are SendMessage, ReceiveMessage, \
                           DeleteMessage and ChangeMessageVisibilityBatch of AmazonSQS";
            return Err(SqsRefusal::new("com.amazonaws.sqs#UnsupportedOperation", problem));
        }
    };
    let url = required(request, "QueueUrl")?;
    let queue = url.rsplit('/').next().unwrap_or_default();
    if queues.settings(queue).is_none() {
        let problem = "The specified queue does not exist.";
        return Err(SqsRefusal::new("com.amazonaws.sqs#QueueDoesNotExist", problem));
    }
    run(queues, queue, request)
}

fn send(queues: &Queues, queue: &str, request: &Value) -> Result<Value, SqsRefusal> {
    let body = required(request, "MessageBody")?;
    let id = queues
        .send(queue, body.to_owned())
        .map_err(|problem| SqsRefusal::new(INTERNAL, problem.to_string()))?;
    // The SDK compares the digest with that of what it sent.
    Ok(json!({ "MessageId": id, "MD5OfMessageBody": format!("{:x}", md5::compute(body)) }))
}

/// Answers at once: a wait finds nothing more in a queue of one process.
fn receive(queues: &Queues, queue: &str, request: &Value) -> Result<Value, SqsRefusal> {
    let number = |name: &str| request.get(name).and_then(Value::as_u64);
    let most = number("MaxNumberOfMessages").unwrap_or(1);
    let most =
        usize::try_from(most).ok().filter(|most| (1..=10).contains(most)).ok_or_else(|| {
            SqsRefusal::new(
                "com.amazonaws.sqs#InvalidParameterValue",
                "MaxNumberOfMessages must be 1 to 10",
            )
        })?;
    let hidden = number("VisibilityTimeout").map(Duration::from_secs);
    let messages = queues.take(queue, most, hidden);
    let messages: Vec<Value> = messages.iter().map(QueueMessage::received).collect();
    Ok(json!({ "Messages": messages }))
}

fn delete(queues: &Queues, queue: &str, request: &Value) -> Result<Value, SqsRefusal> {
    queues.delete(queue, &[required(request, "ReceiptHandle")?.to_owned()]);
    Ok(json!({}))
}

fn change_visibility(queues: &Queues, queue: &str, request: &Value) -> Result<Value, SqsRefusal> {
    let entries = request.get("Entries").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut changed = Vec::new();
    for entry in &entries {
        let hidden = entry.get("VisibilityTimeout").and_then(Value::as_u64).unwrap_or_default();
        let receipt = required(entry, "ReceiptHandle")?.to_owned();
        queues.hide(queue, &[receipt], Duration::from_secs(hidden));
        changed.push(json!({ "Id": entry.get("Id") }));
    }
    Ok(json!({ "Successful": changed, "Failed": [] }))
}

fn required<'a>(request: &'a Value, name: &str) -> Result<&'a str, SqsRefusal> {
    let text = request.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    text.ok_or_else(|| {
        let problem = format!("{name} must not be empty");
        SqsRefusal::new("com.amazon.coral.service#MissingParameter", problem)
    })
}

/// A refused request: the type of the error, and the reason.
struct SqsRefusal {
    kind: &'static str,
    problem: String,
}

impl SqsRefusal {
    fn new(kind: &'static str, problem: impl Into<String>) -> Self {
        Self { kind, problem: problem.into() }
    }

    fn response(self) -> Response {
        let status = match self.kind {
            INTERNAL => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        };
        aws_json(status, &json!({ "__type": self.kind, "message": self.problem }))
    }
}

const INTERNAL: &str = "InternalError";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::StackClock;
    use crate::template::QueueSpec;

    fn queues() -> Arc<Queues> {
        let settings = QueueSpec {
            name: "Events".to_owned(),
            visibility: Duration::from_mins(1),
            retention: Duration::from_hours(1),
            delay: Duration::ZERO,
            redrive: None,
        };
        Queues::open(vec![settings], None, StackClock::system()).unwrap()
    }

    /// The request with the URL of the queue `Events`, unless it has another one.
    async fn ask(queues: &Arc<Queues>, operation: &str, body: &Value) -> (StatusCode, Value) {
        let url = "https://sqs.us-east-1.amazonaws.com/000000000000/Events";
        let mut request = json!({ "QueueUrl": url });
        request.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        let target = format!("AmazonSQS.{operation}");
        let headers =
            HeaderMap::from_iter([("x-amz-target".parse().unwrap(), target.parse().unwrap())]);
        let response =
            call(State(Arc::clone(queues)), headers, Bytes::from(request.to_string())).await;
        let status = response.status();
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    }

    async fn receive(queues: &Arc<Queues>, body: &Value) -> Vec<Value> {
        let (_, answered) = ask(queues, "ReceiveMessage", body).await;
        answered["Messages"].as_array().unwrap().clone()
    }

    #[tokio::test]
    async fn a_message_goes_into_the_queue_of_the_url_and_no_other() {
        let queues = queues();
        let send = "SendMessage";
        let (status, answered) = ask(&queues, send, &json!({ "MessageBody": "hello" })).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(answered["MD5OfMessageBody"], "5d41402abc4b2a76b9719d911017c592");
        let stored = queues.messages("Events").unwrap();
        assert_eq!((stored.len(), &stored[0]["messageId"]), (1, &answered["MessageId"]));
        let other = "https://sqs.us-east-1.amazonaws.com/000000000000/Other";
        for (operation, body, kind) in [
            (send, json!({ "QueueUrl": other, "MessageBody": "x" }), "QueueDoesNotExist"),
            (send, json!({ "QueueUrl": "", "MessageBody": "x" }), "MissingParameter"),
            (send, json!({}), "MissingParameter"),
            (send, json!({ "MessageBody": "" }), "MissingParameter"),
            ("DeleteMessage", json!({}), "MissingParameter"),
            ("ChangeMessageVisibilityBatch", json!({ "Entries": [{}] }), "MissingParameter"),
            ("ReceiveMessage", json!({ "MaxNumberOfMessages": 0 }), "InvalidParameterValue"),
            ("ReceiveMessage", json!({ "MaxNumberOfMessages": 11 }), "InvalidParameterValue"),
            ("PurgeQueue", json!({}), "UnsupportedOperation"),
        ] {
            let (status, answered) = ask(&queues, operation, &body).await;
            assert_eq!(status, StatusCode::BAD_REQUEST);
            assert!(answered["__type"].as_str().unwrap().ends_with(kind), "{answered}");
        }
        assert_eq!(queues.messages("Events").unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_received_message_is_hidden_until_it_is_released_or_deleted() {
        let queues = queues();
        for body in ["a", "b"] {
            queues.send("Events", body.to_owned()).unwrap();
        }
        assert_eq!(receive(&queues, &json!({})).await.len(), 1, "the default is one message");
        let hidden = json!({ "MaxNumberOfMessages": 10, "VisibilityTimeout": 5 });
        let [second] = receive(&queues, &hidden).await.try_into().unwrap();
        assert_eq!(second["Body"], "b");
        assert_eq!(second["Attributes"]["ApproximateReceiveCount"], "1");
        assert!(receive(&queues, &hidden).await.is_empty());
        // The first message is hidden for as long as the queue says.
        queues.clock.advance(6).unwrap();
        let [second] = receive(&queues, &hidden).await.try_into().unwrap();
        assert_eq!(second["Body"], "b");
        let entry =
            json!({ "Id": "0", "ReceiptHandle": second["ReceiptHandle"], "VisibilityTimeout": 0 });
        let release = json!({ "Entries": [entry] });
        let (_, answered) = ask(&queues, "ChangeMessageVisibilityBatch", &release).await;
        assert_eq!(answered["Successful"], json!([{ "Id": "0" }]));
        let [second] = receive(&queues, &hidden).await.try_into().unwrap();
        let handle = json!({ "ReceiptHandle": second["ReceiptHandle"] });
        ask(&queues, "DeleteMessage", &handle).await;
        let [first] = queues.messages("Events").unwrap().try_into().unwrap();
        assert_eq!(first["body"], "a");
    }
}
