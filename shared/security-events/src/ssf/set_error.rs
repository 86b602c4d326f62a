use std::fmt;

use bearer_verifier::TokenRefusal;

/// The error codes of RFC 8935 §2.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetErrorCode {
    /// The request or the SET is malformed.
    InvalidRequest,
    /// No key of the issuer can verify the SET.
    InvalidKey,
    /// The issuer is not the one of the stream.
    InvalidIssuer,
    /// The SET is for another receiver.
    InvalidAudience,
    /// The transmitter or the signature could not be authenticated.
    AuthenticationFailed,
}

impl SetErrorCode {
    /// The code as in the member `err`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidKey => "invalid_key",
            Self::InvalidIssuer => "invalid_issuer",
            Self::InvalidAudience => "invalid_audience",
            Self::AuthenticationFailed => "authentication_failed",
        }
    }
}

/// Why a SET is refused. A transmitter does not repeat it. The description quotes nothing of the
/// SET.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetError {
    /// The code.
    pub code: SetErrorCode,
    /// What is wrong, for the transmitter's operator.
    pub description: &'static str,
}

impl SetError {
    /// The request or the SET is malformed.
    #[must_use]
    pub const fn request(description: &'static str) -> Self {
        Self { code: SetErrorCode::InvalidRequest, description }
    }

    /// `iss` is not the configured issuer.
    #[must_use]
    pub const fn issuer() -> Self {
        let description = "`iss` is not the issuer of this stream";
        Self { code: SetErrorCode::InvalidIssuer, description }
    }

    /// `aud` does not name this receiver.
    #[must_use]
    pub const fn audience() -> Self {
        let description = "`aud` does not name this receiver";
        Self { code: SetErrorCode::InvalidAudience, description }
    }
}

impl From<TokenRefusal> for SetError {
    fn from(refusal: TokenRefusal) -> Self {
        let (code, description) = match refusal {
            TokenRefusal::TooLong => (SetErrorCode::InvalidRequest, "the SET is too long"),
            TokenRefusal::TokenType => {
                (SetErrorCode::InvalidRequest, "the header `typ` must be `secevent+jwt`")
            }
            TokenRefusal::CriticalExtension => {
                (SetErrorCode::InvalidRequest, "the header `crit` is not supported")
            }
            TokenRefusal::UnsupportedAlgorithm => {
                (SetErrorCode::AuthenticationFailed, "the header `alg` is not supported")
            }
            TokenRefusal::UnknownKey => {
                (SetErrorCode::InvalidKey, "the issuer has no key with this `kid` and `alg`")
            }
            TokenRefusal::Signature => {
                (SetErrorCode::AuthenticationFailed, "the signature is not valid")
            }
            TokenRefusal::UnknownIssuer => return Self::issuer(),
            TokenRefusal::Audience => return Self::audience(),
            _ => (SetErrorCode::InvalidRequest, "expected a signed JWT of three base64url parts"),
        };
        Self { code, description }
    }
}

impl fmt::Display for SetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.description)
    }
}

impl std::error::Error for SetError {}
