//! Reads the parts of a request that every kind of transmitter needs.

use lambda_http::http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName};
use lambda_http::http::{HeaderMap, StatusCode};
use lambda_http::{Request, RequestExt};

use crate::answer::SignalAnswer;

/// The largest body. A signed message has a few hundred bytes; API Gateway would accept 10 MB.
const MAX_BODY: usize = 64 * 1024;

/// Why a body is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyRefusal {
    TooLarge,
    /// The body has another media type, is compressed, or is not text.
    MediaType,
}

impl BodyRefusal {
    /// The answer without a body.
    pub(crate) fn answer(self) -> SignalAnswer {
        match self {
            Self::TooLarge => SignalAnswer::refused(StatusCode::PAYLOAD_TOO_LARGE, "too-large"),
            Self::MediaType => SignalAnswer::refused(StatusCode::BAD_REQUEST, "media-type"),
        }
    }
}

/// The text of a body of this media type. It is never decompressed.
pub(crate) fn text_body<'a>(
    request: &'a Request,
    media_type: &str,
) -> Result<&'a str, BodyRefusal> {
    let body: &[u8] = request.body();
    if body.len() > MAX_BODY {
        return Err(BodyRefusal::TooLarge);
    }
    let headers = request.headers();
    let encoding = header(headers, CONTENT_ENCODING);
    let declared = header(headers, CONTENT_TYPE).and_then(|value| value.split(';').next());
    let is_plain = encoding.is_none_or(|value| value.eq_ignore_ascii_case("identity"));
    let is_expected = declared.is_some_and(|value| value.trim().eq_ignore_ascii_case(media_type));
    if !is_plain || !is_expected {
        return Err(BodyRefusal::MediaType);
    }
    str::from_utf8(body).map_err(|_| BodyRefusal::MediaType)
}

/// The value of a header. A value that is not text counts as empty.
pub(crate) fn header(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).map(|value| value.to_str().unwrap_or_default().trim())
}

/// The last part of the path.
pub(crate) fn transmitter_name(request: &Request) -> String {
    let parameters = request.path_parameters_ref();
    let name = parameters.and_then(|parameters| parameters.first("transmitter"));
    name.unwrap_or_default().to_owned()
}

/// Lambda's name for the invocation, after which a look-up is named.
pub(crate) fn request_id(request: &Request) -> String {
    request.lambda_context_ref().map(|context| context.request_id.clone()).unwrap_or_default()
}
