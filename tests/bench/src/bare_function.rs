//! The smallest possible function on this runtime: one route, one constant answer. Its cost is that
//! of Rust, `tokio` and `lambda_http`, which every function of the service has too.

use lambda_http::{Error, Request, Response, http::header::CONTENT_TYPE, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(answer)).await
}

async fn answer(_: Request) -> Result<Response<String>, Error> {
    let answer = Response::builder().header(CONTENT_TYPE, "application/json");
    Ok(answer.body(r#"{"message":"Hello, world!"}"#.to_owned())?)
}
