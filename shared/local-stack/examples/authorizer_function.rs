//! A Lambda authorizer for tests: refuses the bearer `no`, fails for `fail`, gives an invalid
//! response for `odd`, and accepts all others with a context that has the number of its invocation
//! and its event.

use std::cell::Cell;

use lambda_http::{
    Error, LambdaEvent,
    lambda_runtime::{run, service_fn},
};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let count = Cell::new(0);
    run(service_fn(async |event: LambdaEvent<Value>| {
        count.set(count.get() + 1);
        match event.payload.pointer("/identitySource/0").and_then(Value::as_str) {
            Some("Bearer no") => Ok(json!({ "isAuthorized": false })),
            Some("Bearer fail") => Err(Error::from("asked to fail")),
            Some("Bearer odd") => Ok(json!({ "isAuthorized": "yes" })),
            _ => {
                let context = json!({ "count": count.get(), "event": event.payload });
                Ok(json!({ "isAuthorized": true, "context": context }))
            }
        }
    }))
    .await
}
