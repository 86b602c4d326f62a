//! What identity providers report, from its arrival to its effect at ACS.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests may panic")]
#![expect(clippy::panic, reason = "tests may panic")]

mod applied;
mod entra;
mod outside;
mod races;
mod routes;
mod rules;
mod scim;
mod signals;

use std::sync::Arc;
use std::time::{Duration, Instant};

use e2e::ServiceStack;
use serde_json::Value;

/// Every token of a caller, who requests tokens until they are refused with this problem.
async fn call_until_refused(
    stack: Arc<ServiceStack>,
    bearer: String,
    refusal: &'static str,
) -> Vec<Value> {
    let mut tokens = Vec::new();
    let deadline = Instant::now() + Duration::from_mins(1);
    while Instant::now() < deadline {
        let reply = stack.call("POST /v1/token", &bearer, Value::Null).await;
        match (reply.status, reply.problem()) {
            (200, _) => tokens.push(reply.body["token"].clone()),
            (401 | 403, problem) if problem == refusal => return tokens,
            // No caller waits forever for a held response.
            (409, "busy") | (503, "unavailable") => {}
            _ => panic!("{reply:?}"),
        }
    }
    panic!("the user was not cut off")
}
