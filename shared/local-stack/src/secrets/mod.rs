//! Secrets Manager's `GetSecretValue` and `PutSecretValue`, in AWS JSON 1.1, for the connection
//! string of ACS, the credentials of transmitters, and the secrets that the template generates.
//!
//! As in the cloud, regenerating a key at ACS makes the secret invalid until a new connection
//! string is put: `aws secretsmanager put-secret-value --endpoint-url …`. `GET /_local/reads`
//! returns how often the connection string was read. A new value is kept until the stack stops.

mod generated;

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
pub(crate) use generated::load_or_create;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::json_response::aws_json;

/// The secret. It has no `Debug`.
struct ServedSecret {
    arn: String,
    current: Mutex<SecretVersion>,
    reads: AtomicU64,
}

struct SecretVersion {
    id: String,
    text: String,
}

/// The secrets that are served.
struct Secrets {
    connection_string: ServedSecret,
    others: Vec<ServedSecret>,
}

/// Serves secrets, each with its ARN and its initial value.
pub(crate) fn router(
    connection_string: (&str, String),
    others: impl IntoIterator<Item = (String, String)>,
) -> Router {
    let (arn, text) = connection_string;
    let secrets = Secrets {
        connection_string: ServedSecret::new(arn.to_owned(), text),
        others: others.into_iter().map(|(arn, text)| ServedSecret::new(arn, text)).collect(),
    };
    Router::new()
        .route("/", post(call))
        .route("/_local/reads", get(reads))
        .with_state(Arc::new(secrets))
}

/// `{"reads": 1}`
async fn reads(State(secrets): State<Arc<Secrets>>) -> Response {
    let reads = json!({ "reads": secrets.connection_string.reads.load(Relaxed) });
    (StatusCode::OK, [(header::CONTENT_TYPE, "application/json")], reads.to_string())
        .into_response()
}

async fn call(State(secrets): State<Arc<Secrets>>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let Some(id) = body.get("SecretId").and_then(Value::as_str) else {
        return error("InvalidParameterException", "SecretId is missing.");
    };
    let Some(secret) = secrets.find(id) else {
        let problem = "Secrets Manager can't find the specified secret.";
        return error("ResourceNotFoundException", problem);
    };
    match target {
        Some("secretsmanager.GetSecretValue") => aws_json(StatusCode::OK, &secret.get()),
        Some("secretsmanager.PutSecretValue") => {
            match body.get("SecretString").and_then(Value::as_str) {
                Some(text) => aws_json(StatusCode::OK, &secret.put(text.to_owned())),
                None => error("InvalidParameterException", "SecretString is missing."),
            }
        }
        _ => error(
            "UnknownOperationException",
            "Supported operations: GetSecretValue and PutSecretValue.",
        ),
    }
}

impl Secrets {
    fn find(&self, arn: &str) -> Option<&ServedSecret> {
        let mut all = std::iter::once(&self.connection_string).chain(&self.others);
        all.find(|secret| secret.arn == arn)
    }
}

impl ServedSecret {
    fn new(arn: String, text: String) -> Self {
        Self { arn, current: Mutex::new(SecretVersion::new(text)), reads: AtomicU64::new(0) }
    }

    fn get(&self) -> Value {
        self.reads.fetch_add(1, Relaxed);
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        self.describe(&current.id, Some(&current.text))
    }

    fn put(&self, text: String) -> Value {
        let new = SecretVersion::new(text);
        let answer = self.describe(&new.id, None);
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = new;
        answer
    }

    fn describe(&self, version: &str, text: Option<&str>) -> Value {
        json!({
            "ARN": self.arn,
            "Name": self.arn.rsplit(':').next(),
            "VersionId": version,
            "VersionStages": ["AWSCURRENT"],
            "SecretString": text,
        })
    }
}

impl SecretVersion {
    fn new(text: String) -> Self {
        Self { id: Uuid::new_v4().to_string(), text }
    }
}

fn error(kind: &str, problem: &str) -> Response {
    aws_json(StatusCode::BAD_REQUEST, &json!({ "__type": kind, "Message": problem }))
}
