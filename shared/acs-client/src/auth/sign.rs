//! ACS's signature scheme: HMAC-SHA256 over the verb, the request target, the date, the host and a
//! hash of the body.
//!
//! The request must be sent exactly as it was signed. A signature is valid for about five minutes
//! before and after its date.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use identity_core::secret::Secret;
use sha2::{Digest as _, Sha256};

use super::AccessKey;

/// A request to sign.
#[derive(Clone, Copy)]
pub struct Unsigned<'a> {
    /// The HTTP method, in upper case.
    pub verb: &'a str,
    /// The request target as it is sent: from the first `/`, with the query.
    pub path_and_query: &'a str,
    /// The `Host` header as it is sent: with the port, unless it is the default port of the scheme.
    pub host: &'a str,
    /// The header `x-ms-date`, e.g. `Tue, 05 Mar 2024 07:08:09 GMT`.
    pub date: &'a str,
    /// The body; empty for a request without a body.
    pub body: &'a [u8],
}

/// Omits the body, because that of a Teams exchange contains a token.
impl fmt::Debug for Unsigned<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unsigned")
            .field("verb", &self.verb)
            .field("path_and_query", &self.path_and_query)
            .field("host", &self.host)
            .field("date", &self.date)
            .finish_non_exhaustive()
    }
}

/// The headers of a signed request, besides `x-ms-date` and `Host`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// The header `x-ms-content-sha256`.
    pub content_sha256: String,
    /// The header `Authorization`. Anyone who has it can send this request for some minutes.
    pub authorization: Secret,
}

/// Signs a request.
#[must_use]
pub fn sign(key: &AccessKey, request: Unsigned<'_>) -> Signed {
    let Unsigned { verb, path_and_query, host, date, body } = request;
    let content_sha256 = STANDARD.encode(Sha256::digest(body));
    let text = format!("{verb}\n{path_and_query}\n{date};{host};{content_sha256}");
    let signature = STANDARD.encode(key.hmac(text.as_bytes()));
    let authorization = format!(
        "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature={signature}"
    );
    Signed { content_sha256, authorization: Secret::new(authorization) }
}
