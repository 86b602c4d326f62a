use api_types::ProblemType;
use lambda_http::Request;
use lambda_http::http::{
    HeaderMap,
    header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName},
};
use serde::de::DeserializeOwned;
use serde_json::Deserializer;

use super::event::UnreadableBody;
use super::object::Object;
use super::read_error::{describe_body, pointer};
use crate::Problem;

/// No valid request is larger. API Gateway would accept 10 MB.
const MAX_BODY: usize = 16 * 1024;

/// A handle, a device and a PIN have less than 200 bytes.
const MAX_OPEN_BODY: usize = 2 * 1024;

/// Reads a JSON body; without a body, returns the default.
pub fn json<T: DeserializeOwned + Default>(request: &Request) -> Result<T, Problem> {
    if body_of(request)?.len() > MAX_BODY {
        return Err(ProblemType::BODY_TOO_LARGE.into());
    }
    read(request)
}

/// Reads a JSON body of a route without authorizer, whose bodies are shorter.
pub fn short_json<T: DeserializeOwned + Default>(request: &Request) -> Result<T, Problem> {
    if body_of(request)?.len() > MAX_OPEN_BODY {
        let detail = "The maximum size of a request body is 2 KiB on this route.";
        return Err(Problem::new(ProblemType::BODY_TOO_LARGE, detail));
    }
    read(request)
}

fn body_of(request: &Request) -> Result<&[u8], Problem> {
    if request.extensions().get::<UnreadableBody>().is_some() {
        return Err(Problem::new(ProblemType::INVALID_BODY, NOT_BASE64));
    }
    Ok(request.body())
}

fn read<T: DeserializeOwned + Default>(request: &Request) -> Result<T, Problem> {
    let body = body_of(request)?;
    if body.is_empty() {
        return Ok(T::default());
    }
    let headers = request.headers();
    if text(headers, CONTENT_ENCODING).is_some_and(|value| !value.eq_ignore_ascii_case("identity"))
    {
        return Err(Problem::new(ProblemType::UNSUPPORTED_MEDIA_TYPE, COMPRESSED));
    }
    let media_type = text(headers, CONTENT_TYPE).and_then(|value| value.split(';').next());
    if !media_type.is_some_and(|value| value.trim().eq_ignore_ascii_case("application/json")) {
        return Err(ProblemType::UNSUPPORTED_MEDIA_TYPE.into());
    }
    parse(body).map_err(|detail| Problem::new(ProblemType::INVALID_BODY, detail))
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    let mut json = Deserializer::from_slice(body);
    let Object(value) = serde_path_to_error::deserialize(&mut json)
        .map_err(|error| describe_body(&pointer(error.path()), error.inner()))?;
    json.end().map_err(|error| describe_body("", &error))?;
    Ok(value)
}

/// The value of a header. A value that is not text counts as empty.
fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).map(|value| value.to_str().unwrap_or_default().trim())
}

/// A body is never decompressed, so it cannot grow beyond its limit.
const COMPRESSED: &str = "The header `Content-Encoding` is not supported: send the request body \
                          without compression.";

const NOT_BASE64: &str = "The request body is not valid base64, but the event says that it is \
                          (`isBase64Encoded`).";
