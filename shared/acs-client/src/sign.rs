//! ACS's signature scheme: HMAC-SHA256 over the verb, the request target, the
//! date, the host and a hash of the body.
//!
//! Pure: what is signed must be what is sent, byte for byte. A signature is good
//! for about five minutes around its date.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};

use crate::AccessKey;

/// A request that wants a signature.
#[derive(Clone, Copy, Debug)]
pub struct Unsigned<'a> {
    /// In upper case.
    pub verb: &'a str,
    /// The request target as sent: from the first `/`, with the query.
    pub path_and_query: &'a str,
    /// The `Host` header as sent: with the port, unless it is the scheme's own.
    pub host: &'a str,
    /// The header `x-ms-date`, e.g. `Tue, 05 Mar 2024 07:08:09 GMT`.
    pub date: &'a str,
    /// The body; empty if there is none.
    pub body: &'a [u8],
}

/// The headers that make a request a signed one, beside `x-ms-date` and `Host`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// The header `x-ms-content-sha256`.
    pub content_sha256: String,
    /// The header `Authorization`. Whoever has it can send this one request for
    /// some minutes: not for logs.
    pub authorization: String,
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
    Signed { content_sha256, authorization }
}
