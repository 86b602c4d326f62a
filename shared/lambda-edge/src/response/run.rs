use std::convert::Infallible;

use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpResponse;
use lambda_http::lambda_runtime::{self, service_fn};
use lambda_http::{Body, Error, LambdaEvent, Request, Response};

use crate::GatewayEvent;

/// Runs a function behind API Gateway: `handler` gets every event, whatever it contains.
///
/// `lambda_http::run` would panic on some of them, see [`GatewayEvent`].
pub async fn run<F>(handler: impl Fn(Request) -> F) -> Result<(), Error>
where
    F: Future<Output = Result<Response<Body>, Infallible>>,
{
    lambda_runtime::run(service_fn(async |event: LambdaEvent<GatewayEvent>| {
        handler(event.payload.into_request(event.context)).await.map(gateway_response)
    }))
    .await
}

/// The response as API Gateway expects it.
fn gateway_response(response: Response<Body>) -> ApiGatewayV2httpResponse {
    let (parts, body) = response.into_parts();
    let mut response = ApiGatewayV2httpResponse::default();
    response.status_code = parts.status.as_u16().into();
    response.headers = parts.headers;
    response.is_base64_encoded = matches!(body, Body::Binary(_));
    response.body = Some(body).filter(|body| !body.is_empty());
    response
}
