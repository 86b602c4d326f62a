use std::collections::HashMap;
use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use lambda_http::aws_lambda_events::{
    apigw::{
        ApiGatewayRequestAuthorizer, ApiGatewayRequestAuthorizerJwtDescription,
        ApiGatewayV2httpRequestContext,
    },
    query_map::QueryMap,
};
use lambda_http::http::{HeaderMap, HeaderName, HeaderValue, Method};
use lambda_http::request::RequestContext;
use lambda_http::{Body, Context, Request, RequestExt as _};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::{Value, value::RawValue};

/// An event of API Gateway (payload format 2.0).
///
/// Any JSON value can be read as one. `lambda_http` would build a URL from the raw query and the
/// `Host` header, which the client chooses, and panic if the URL is invalid; the client would get
/// API Gateway's own 500. A member that is not what API Gateway sends counts as missing.
pub struct GatewayEvent(Members);

impl fmt::Debug for GatewayEvent {
    /// An event has the bearer of the caller, and the claims.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GatewayEvent(…)")
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Members {
    raw_query_string: Lenient<String>,
    headers: Lenient<HashMap<String, Lenient<String>>>,
    path_parameters: Lenient<HashMap<String, String>>,
    request_context: Lenient<ContextMembers>,
    body: Lenient<String>,
    is_base64_encoded: Lenient<bool>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ContextMembers {
    authorizer: Lenient<AuthorizerMembers>,
    http: Lenient<HttpMembers>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct AuthorizerMembers {
    jwt: Lenient<JwtMembers>,
    /// The context of a Lambda authorizer.
    lambda: Lenient<HashMap<String, Value>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct JwtMembers {
    claims: Lenient<HashMap<String, Claim>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct HttpMembers {
    method: Lenient<String>,
}

impl<'de> Deserialize<'de> for GatewayEvent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Ok(Self(serde_json::from_str(raw.get()).unwrap_or_default()))
    }
}

impl GatewayEvent {
    /// The event as a request. Its URI is always `/`, because no function reads it.
    #[must_use]
    pub fn into_request(self, context: Context) -> Request {
        let Members { raw_query_string, headers, path_parameters, request_context, .. } = self.0;
        let ContextMembers { authorizer, http } = request_context.or_default();
        let (body, is_base64) = (self.0.body.or_default(), self.0.is_base64_encoded.or_default());
        let query: QueryMap = raw_query_string.or_default().parse().unwrap_or_default();
        let method = http.or_default().method.or_default();
        let body = read_body(body, is_base64);
        let is_unreadable = body.is_none();
        let mut request = Request::new(body.unwrap_or(Body::Empty));
        if is_unreadable {
            request.extensions_mut().insert(UnreadableBody);
        }
        *request.method_mut() = Method::from_bytes(method.as_bytes()).unwrap_or_default();
        *request.headers_mut() = header_map(headers.or_default());
        request
            .with_query_string_parameters(query)
            .with_path_parameters(path_parameters.or_default())
            .with_request_context(RequestContext::ApiGatewayV2(request_context_of(authorizer)))
            .with_lambda_context(context)
    }
}

/// Marks a request whose body is not the base64 that the event says it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct UnreadableBody;

/// The body; `None` if it is not the base64 that the event says it is.
fn read_body(text: String, is_base64: bool) -> Option<Body> {
    if text.is_empty() {
        Some(Body::Empty)
    } else if is_base64 {
        STANDARD.decode(text).ok().map(Body::Binary)
    } else {
        Some(Body::Text(text))
    }
}

/// The headers. One that HTTP does not allow is left out.
fn header_map(headers: HashMap<String, Lenient<String>>) -> HeaderMap {
    let header = |(name, value): (String, Lenient<String>)| {
        let value = HeaderValue::from_bytes(value.0?.as_bytes()).ok()?;
        Some((HeaderName::from_bytes(name.as_bytes()).ok()?, value))
    };
    headers.into_iter().filter_map(header).collect()
}

fn request_context_of(authorizer: Lenient<AuthorizerMembers>) -> ApiGatewayV2httpRequestContext {
    let mut context = ApiGatewayV2httpRequestContext::default();
    context.authorizer = authorizer.0.map(|AuthorizerMembers { jwt, lambda }| {
        let mut authorizer = ApiGatewayRequestAuthorizer::default();
        authorizer.fields = lambda.or_default();
        authorizer.jwt = jwt.0.map(|JwtMembers { claims }| {
            let claims = claims.or_default().into_iter();
            let mut jwt = ApiGatewayRequestAuthorizerJwtDescription::default();
            jwt.claims = claims.filter_map(|(name, Claim(value))| Some((name, value?))).collect();
            jwt
        });
        authorizer
    });
    context
}

/// A member of an event; `None` if it has another type than expected.
struct Lenient<T>(Option<T>);

impl<T> Default for Lenient<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Default> Lenient<T> {
    fn or_default(self) -> T {
        self.0.unwrap_or_default()
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Lenient<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?;
        Ok(Self(serde_json::from_str(raw.get()).ok()))
    }
}

/// A claim as text. API Gateway writes every claim as a string, but in June 2020 it wrote numbers
/// as JSON numbers for some days (aws/aws-lambda-go#294). A claim that is `null` is absent.
struct Claim(Option<String>);

impl<'de> Deserialize<'de> for Claim {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let text = raw.get();
        Ok(Self(match text.as_bytes().first() {
            Some(b'"') => serde_json::from_str(text).ok(),
            Some(b'n') => None,
            _ => Some(text.to_owned()),
        }))
    }
}
