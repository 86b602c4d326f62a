//! The Lambda authorizer of the API: verifies the bearer of a request, and gives its claims to the
//! function behind the route.
//!
//! It is deployed if the template's parameter `Authorizer` is `lambda`. API Gateway's own
//! authorizer verifies RSA signatures of one issuer only. This one verifies the bearers of several
//! issuers, also with EC and Ed25519 signatures, and passes the claims as JSON.
//!
//! It decides who the caller is. Whether the caller may have a token is decided by the function
//! behind the route, for each request: API Gateway caches this function's answer.

mod authorizer;
mod config;
mod event;

use std::time::Instant;

use authorizer::Authorizer;
use config::AuthorizerConfig;
use event::AuthorizerEvent;
use lambda_edge::{config::process_env, system_clock, telemetry};
use lambda_http::lambda_runtime::{run, service_fn};
use lambda_http::{Error, LambdaEvent};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let config = AuthorizerConfig::from_env(&process_env)?;
    let authorizer = Authorizer::new(config.issuers)?;
    // During init, Lambda gives the function more CPU than later, and no caller waits.
    authorizer.prefetch_keys(Instant::now()).await;
    run(service_fn(async |event: LambdaEvent<AuthorizerEvent>| {
        let response = authorizer.authorize(event.payload, &system_clock(), Instant::now()).await;
        response.map_err(Error::from)
    }))
    .await
}

#[cfg(test)]
mod tests;
