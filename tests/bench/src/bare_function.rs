//! The least a function on this runtime can be: one route, one constant answer. What it
//! needs is the price of Rust, `tokio` and `lambda_http`, and no service can be below it.

use lambda_http::{Error, Request, Response, http::header::CONTENT_TYPE, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(answer)).await
}

async fn answer(_: Request) -> Result<Response<String>, Error> {
    let answer = Response::builder().header(CONTENT_TYPE, "application/json");
    Ok(answer.body(r#"{"message":"Hello, world!"}"#.to_owned())?)
}
