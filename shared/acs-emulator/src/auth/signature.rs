//! Verification of a request signed with HMAC-SHA256.
//!
//! The string to sign has three lines: the verb; the raw request target; and the values of the
//! signed headers, joined by semicolons. The `Authorization` header says which headers are signed
//! and in which order: older clients sign `date` where newer ones sign `x-ms-date`.
//!
//! A signature may be used again, because clients retry with the request they signed.

use aws_lc_rs::{constant_time, digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use time::macros::format_description;
use time::{Duration, OffsetDateTime, PrimitiveDateTime};

use crate::api::{ApiError, HttpRequest};
use crate::options::EmulatorOptions;
use crate::state::{KeyMark, KeyRing, ResourceKey};

/// The settings of a verifier.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SignatureRules {
    /// The maximum difference between a request's date and the system's time, either way.
    pub skew: Duration,
    /// Whether a host signed with a trailing slash is accepted. The real service refuses it.
    pub allow_host_with_slash: bool,
}

impl From<EmulatorOptions> for SignatureRules {
    fn from(options: EmulatorOptions) -> Self {
        let skew = options.skew.try_into().unwrap_or(Duration::MAX);
        Self { skew, allow_host_with_slash: options.allow_host_with_slash }
    }
}

/// Why a request is refused. One variant per cause, for the log; the caller gets less detail, by
/// [`SignatureRefusal::api_error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SignatureRefusal {
    #[error("missing header: Authorization")]
    NoAuthorization,
    #[error("invalid Authorization header: expected HMAC-SHA256 SignedHeaders=…&Signature=…")]
    Malformed,
    #[error(
        "invalid Authorization header: SignedHeaders must have x-ms-date or date, host, and x-ms-content-sha256"
    )]
    TooFewSignedHeaders,
    #[error("missing header: a header of SignedHeaders was not sent")]
    SignedHeaderMissing,
    #[error("invalid x-ms-content-sha256: not the hash of the received body")]
    BodyHash,
    #[error("invalid date: expected RFC 1123, for example Tue, 05 Mar 2024 07:08:09 GMT")]
    DateUnreadable,
    #[error("invalid date: too far from this machine's clock")]
    DateOutsideWindow { skew_seconds: i64 },
    #[error(
        "invalid signature: signed with a wrong key, or for another method, target, host or date"
    )]
    Mismatch,
    #[error("invalid signature: signed with an access key that was regenerated")]
    KeyRegenerated,
    #[error("invalid signature: the host was signed with a trailing slash, which ACS refuses")]
    HostWithSlash,
}

impl SignatureRefusal {
    /// The response of the service to the caller.
    pub(crate) fn api_error(self) -> ApiError {
        match self {
            Self::Malformed | Self::TooFewSignedHeaders => {
                ApiError::denied("Given value does not match HMAC header structure")
            }
            Self::BodyHash => ApiError::denied(
                "Request 'x-ms-content-sha256' differs from generated content hash.",
            ),
            Self::DateOutsideWindow { skew_seconds } => {
                let margin = match skew_seconds {
                    300 => "5 minutes".to_owned(),
                    seconds => format!("{seconds} seconds"),
                };
                ApiError::denied(format!(
                    "The given request could not be resolved. Its date must be within {margin} of the service's time."
                ))
            }
            Self::NoAuthorization
            | Self::SignedHeaderMissing
            | Self::DateUnreadable
            | Self::Mismatch
            | Self::KeyRegenerated
            | Self::HostWithSlash => ApiError::denied("Denied by the resource provider."),
        }
    }
}

/// Accepts `request` if a key of `ring` signed it, near the time `now`, and returns the key.
pub(crate) fn verify_with_ring(
    request: &HttpRequest,
    ring: &KeyRing,
    now: OffsetDateTime,
    rules: SignatureRules,
) -> Result<KeyMark, SignatureRefusal> {
    match verify(request, &ring.keys, now, rules) {
        Err(SignatureRefusal::Mismatch) if verify(request, &ring.retired, now, rules).is_ok() => {
            Err(SignatureRefusal::KeyRegenerated)
        }
        verified => verified,
    }
}

/// Accepts `request` if one of `keys` signed it, near the time `now`.
fn verify(
    request: &HttpRequest,
    keys: &[ResourceKey],
    now: OffsetDateTime,
    rules: SignatureRules,
) -> Result<KeyMark, SignatureRefusal> {
    let authorization = Authorization::of(request)?;
    verify_body(request)?;
    verify_date(request, &authorization, now, rules.skew)?;

    let host = request.header("host").ok_or(SignatureRefusal::SignedHeaderMissing)?;
    let signed_with = |host: &str| -> Result<Option<KeyMark>, SignatureRefusal> {
        let text = authorization.string_to_sign(request, host)?;
        let mut keys = keys.iter();
        let key = keys.find(|key| {
            hmac::verify(&key.for_hmac(), text.as_bytes(), &authorization.signature).is_ok()
        });
        Ok(key.map(ResourceKey::mark))
    };
    for candidate in host_candidates(host) {
        if let Some(key) = signed_with(&candidate)? {
            return Ok(key);
        }
    }
    match signed_with(&format!("{host}/"))? {
        Some(key) if rules.allow_host_with_slash => Ok(key),
        Some(_) => Err(SignatureRefusal::HostWithSlash),
        None => Err(SignatureRefusal::Mismatch),
    }
}

/// The parts of `HMAC-SHA256 SignedHeaders=a;b;c&Signature=…`.
struct Authorization<'a> {
    signed_headers: Vec<&'a str>,
    signature: Vec<u8>,
}

impl<'a> Authorization<'a> {
    fn of(request: &'a HttpRequest) -> Result<Self, SignatureRefusal> {
        let value =
            request.headers.get("authorization").ok_or(SignatureRefusal::NoAuthorization)?;
        let value = value.to_str().map_err(|_| SignatureRefusal::Malformed)?;
        let (names, signature) = value
            .strip_prefix("HMAC-SHA256 SignedHeaders=")
            .and_then(|rest| rest.split_once("&Signature="))
            .ok_or(SignatureRefusal::Malformed)?;
        let signature = STANDARD.decode(signature).map_err(|_| SignatureRefusal::Malformed)?;
        let signed_headers: Vec<&str> = names.split(';').collect();
        let signs = |name: &str| signed_headers.iter().any(|it| it.eq_ignore_ascii_case(name));
        let dated = signs("x-ms-date") || signs("date");
        if !(dated && signs("host") && signs("x-ms-content-sha256")) {
            return Err(SignatureRefusal::TooFewSignedHeaders);
        }
        Ok(Self { signed_headers, signature })
    }

    fn string_to_sign(
        &self,
        request: &HttpRequest,
        host: &str,
    ) -> Result<String, SignatureRefusal> {
        let values = self
            .signed_headers
            .iter()
            .map(|name| {
                if name.eq_ignore_ascii_case("host") {
                    return Ok(host);
                }
                request.header(name).ok_or(SignatureRefusal::SignedHeaderMissing)
            })
            .collect::<Result<Vec<_>, _>>()?;
        // Path and query exactly as sent, with their escapes.
        let target = request.uri.path_and_query().map_or("/", |target| target.as_str());
        Ok(format!("{}\n{target}\n{}", request.method, values.join(";")))
    }

    /// The signed date, which is the one that is checked.
    fn date_header(&self) -> &'static str {
        let new = self.signed_headers.iter().any(|name| name.eq_ignore_ascii_case("x-ms-date"));
        if new { "x-ms-date" } else { "date" }
    }
}

fn verify_body(request: &HttpRequest) -> Result<(), SignatureRefusal> {
    let announced =
        request.header("x-ms-content-sha256").ok_or(SignatureRefusal::SignedHeaderMissing)?;
    let announced = STANDARD.decode(announced).map_err(|_| SignatureRefusal::BodyHash)?;
    let actual = digest::digest(&digest::SHA256, &request.body);
    constant_time::verify_slices_are_equal(&announced, actual.as_ref())
        .map_err(|_| SignatureRefusal::BodyHash)
}

fn verify_date(
    request: &HttpRequest,
    authorization: &Authorization<'_>,
    now: OffsetDateTime,
    skew: Duration,
) -> Result<(), SignatureRefusal> {
    let date =
        request.header(authorization.date_header()).ok_or(SignatureRefusal::SignedHeaderMissing)?;
    let format = format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    let date =
        PrimitiveDateTime::parse(date, format).map_err(|_| SignatureRefusal::DateUnreadable)?;
    if (now - date.assume_utc()).abs() > skew {
        return Err(SignatureRefusal::DateOutsideWindow { skew_seconds: skew.whole_seconds() });
    }
    Ok(())
}

/// The hosts that a correct client may have signed for the `Host` it sent: as sent; without the
/// port (Java); with the port twice (JS's communication-common up to 2.4.0 on a non-default port).
fn host_candidates(host: &str) -> Vec<String> {
    let mut candidates = vec![host.to_owned()];
    if let Some((name, port)) = host.rsplit_once(':')
        && !port.is_empty()
        && port.bytes().all(|byte| byte.is_ascii_digit())
    {
        candidates.push(name.to_owned());
        candidates.push(format!("{host}:{port}"));
    }
    candidates
}

#[cfg(test)]
mod tests;
