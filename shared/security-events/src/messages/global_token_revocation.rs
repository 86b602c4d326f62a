//! Global Token Revocation (draft-parecki-oauth-global-token-revocation-06), which Okta calls
//! Universal Logout. The token authenticates the request; its body names the user.

use std::time::SystemTime;

use bearer_verifier::{MAX_TOKEN_BYTES, TokenProfile};
use identity_core::event::EventKind;
use identity_core::identity::ExternalId;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::MessageRefusal;
use super::claims::MessageClaims;
use crate::GlobalTokenRevocationSettings;
use crate::signal::UserSignal;
use crate::signal_time::SignalTime;

/// The `typ` of the bearer of a request.
pub const REVOCATION_PROFILE: TokenProfile =
    TokenProfile::typed(&["global-token-revocation+jwt"], MAX_TOKEN_BYTES);

/// The proof that a request is authentic: the claims of its bearer were checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationProof {
    issued: SignalTime,
    event_id: String,
}

/// The body of a request: one subject identifier (RFC 9493), and no other member.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RevocationBody {
    sub_id: RevokedSubject,
}

/// The formats of subject identifiers that can name a user here (RFC 9493 §3.2).
#[derive(Deserialize)]
#[serde(tag = "format", rename_all = "snake_case", deny_unknown_fields)]
enum RevokedSubject {
    IssSub { iss: String, sub: String },
    Email { email: String },
    Opaque { id: String },
}

impl GlobalTokenRevocationSettings {
    /// Checks the verified claims of the bearer of a request.
    ///
    /// # Errors
    /// The first check that failed. [`MessageRefusal::Client`] means that the bearer is genuine,
    /// but its client may not revoke tokens.
    pub fn authenticate(
        &self,
        claims: &Map<String, Value>,
        now: SystemTime,
    ) -> Result<RevocationProof, MessageRefusal> {
        let claims = MessageClaims(claims);
        claims.check_parties(&self.issuer)?;
        claims.require_expiry()?;
        claims.time("nbf")?;
        let issued = claims.check_times(now)?;
        let event_id = claims.text("jti")?.to_owned();
        let client = claims.text("sub")?;
        if !self.client_ids.iter().any(|id| id == client) {
            return Err(MessageRefusal::Client);
        }
        Ok(RevocationProof { issued, event_id })
    }

    /// Reads the body of an authenticated request: one signal for each spelling of the user that a
    /// record may have.
    ///
    /// # Errors
    /// Each error has its own status.
    pub fn read(
        &self,
        body: &[u8],
        proof: &RevocationProof,
    ) -> Result<Vec<UserSignal>, RevocationRequestError> {
        let RevocationBody { sub_id } = parse(body).ok_or(RevocationRequestError::Malformed)?;
        let users = self.users(sub_id)?;
        if users.is_empty() {
            return Err(RevocationRequestError::Unprocessable);
        }
        let signal = |user| UserSignal {
            user,
            kind: EventKind::SignedOut,
            occurred_at: proof.issued.at,
            resolution: proof.issued.resolution,
            event_id: proof.event_id.clone(),
            reason: None,
        };
        Ok(users.into_iter().map(signal).collect())
    }

    fn users(&self, subject: RevokedSubject) -> Result<Vec<ExternalId>, RevocationRequestError> {
        let issuer = &self.issuer;
        match subject {
            RevokedSubject::IssSub { iss, .. } if !issuer.covers(&iss) => {
                Err(RevocationRequestError::ForeignUser)
            }
            RevokedSubject::IssSub { iss, sub } => {
                Ok(issuer.user_of(&iss, &sub).into_iter().collect())
            }
            RevokedSubject::Email { email } if issuer.email_names_users => {
                Ok(issuer.users_of_email(&email))
            }
            RevokedSubject::Opaque { id } if self.opaque_names_users => {
                Ok(issuer.user_of(&issuer.issuer, &id).into_iter().collect())
            }
            RevokedSubject::Email { .. } | RevokedSubject::Opaque { .. } => {
                Err(RevocationRequestError::UnsupportedFormat)
            }
        }
    }
}

/// Parses twice: serde also reads the members of an object from an array.
fn parse(body: &[u8]) -> Option<RevocationBody> {
    let value: Value = serde_json::from_slice(body).ok()?;
    value.get("sub_id")?.is_object().then(|| serde_json::from_slice(body).ok()).flatten()
}

/// Why an authenticated request is refused. It quotes no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RevocationRequestError {
    /// The body is not `{"sub_id": …}` with a subject identifier of a known format. Status 400.
    #[error(
        "invalid body: must be a JSON object with only `sub_id`, a subject identifier with the \
         format `iss_sub`, `email` or `opaque`"
    )]
    Malformed,
    /// This deployment does not name its users like that. Status 400.
    #[error(
        "unsupported `format` of `sub_id`: use `iss_sub`, or configure `emailIsSubject` or \
         `opaqueIsSubject`"
    )]
    UnsupportedFormat,
    /// The user belongs to another issuer. Status 403.
    #[error("`iss` of `sub_id` is not an issuer whose users this transmitter may sign out")]
    ForeignUser,
    /// No user can have this name. Status 422.
    #[error("`sub_id` cannot name a user: it is empty or too long")]
    Unprocessable,
}
