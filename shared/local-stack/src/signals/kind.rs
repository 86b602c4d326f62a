//! The kinds of transmitters that are simulated.

use serde_json::{Value, json};

/// What a simulated transmitter speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SimulatedKind {
    /// `OpenID` Shared Signals Framework 1.0, delivered by push (RFC 8935).
    SsfPush,
    /// The same, fetched by the receiver (RFC 8936).
    SsfPoll,
    /// `OpenID` Connect Back-Channel Logout 1.0.
    BackChannelLogout,
    /// Global Token Revocation, which Okta calls Universal Logout.
    GlobalTokenRevocation,
    /// Notifications of Sign in with Apple.
    Apple,
    /// Google's Cross-Account Protection (RISC).
    Google,
}

impl SimulatedKind {
    /// The value of `kind` in the parameter `Transmitters`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::SsfPush | Self::SsfPoll => "ssf",
            Self::BackChannelLogout => "back-channel-logout",
            Self::GlobalTokenRevocation => "global-token-revocation",
            Self::Apple => "apple",
            Self::Google => "google",
        }
    }

    /// Whether it has streams.
    pub(crate) fn is_ssf(self) -> bool {
        matches!(self, Self::SsfPush | Self::SsfPoll)
    }

    /// `typ` in the header of its messages. Apple and Google send none.
    pub(super) fn token_type(self) -> Option<&'static str> {
        match self {
            Self::SsfPush | Self::SsfPoll => Some("secevent+jwt"),
            Self::BackChannelLogout => Some("logout+jwt"),
            Self::GlobalTokenRevocation => Some("global-token-revocation+jwt"),
            Self::Apple | Self::Google => None,
        }
    }

    /// The event that is sent if the request names none.
    pub(super) fn default_event(self) -> &'static str {
        match self {
            Self::SsfPush | Self::SsfPoll => "session-revoked",
            Self::BackChannelLogout | Self::GlobalTokenRevocation => "logout",
            Self::Apple => "consent-revoked",
            Self::Google => "sessions-revoked",
        }
    }

    /// The subject of `sub` in the form of this kind. Google keeps the names of an early draft.
    pub(super) fn subject(self, issuer: &str, sub: &str) -> Value {
        let format = if self == Self::Google { "subject_type" } else { "format" };
        let value = if self == Self::Google { "iss-sub" } else { "iss_sub" };
        json!({ format: value, "iss": issuer, "sub": sub })
    }
}
