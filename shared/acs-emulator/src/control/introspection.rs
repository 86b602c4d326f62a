//! Whether a token is valid, and if not, the reason.

use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::api::{Mri, date_time_offset};
use crate::resource::Resource;
use crate::state::{EmulatorClaim, NotOurs, TokenState};

/// `{"active", "reason", "identity", "scopes", "expiresOn"}`. An invalid token has a reason; a
/// token that this emulator did not sign has nothing else. A token that was revoked, or deleted
/// with its identity, also has `revokedAt` and `effectiveAt`, even while it is still valid.
pub(crate) fn of(resource: &Resource, token: &str) -> Value {
    let claims = match resource.signer.read(token) {
        Ok(claims) => claims,
        Err(NotOurs::Malformed) => return stranger("malformed"),
        Err(NotOurs::UnknownSignature) => return stranger("unknown-signature"),
    };
    let identity = Mri::from_skype_id(&claims.skypeid);
    let now = resource.clock.now();
    let time = |seconds| OffsetDateTime::from_unix_timestamp(seconds).ok();
    let issued = time(claims.iat).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let EmulatorClaim { generation, key, .. } = claims.emulator;
    let state = resource.identities.token_state(&identity, generation, issued, now);
    let reason = match state {
        TokenState::IdentityUnknown => Some("identity-unknown"),
        TokenState::Ended { pending: false, deleted: true, .. } => Some("identity-deleted"),
        TokenState::Ended { pending: false, .. } => Some("revoked"),
        TokenState::Live | TokenState::Ended { pending: true, .. } => {
            if !resource.keys.now().honours(key) {
                Some("key-regenerated")
            } else if now.unix_timestamp() >= claims.exp {
                Some("expired")
            } else {
                None
            }
        }
    };
    let mut told = json!({
        "active": reason.is_none(),
        "reason": reason,
        "identity": identity.as_str(),
        "scopes": claims.acs_scope.split(',').collect::<Vec<_>>(),
        "expiresOn": time(claims.exp).map(date_time_offset),
    });
    if let (TokenState::Ended { at, effective, .. }, Some(members)) = (state, told.as_object_mut())
    {
        members.insert("revokedAt".to_owned(), date_time_offset(at).into());
        members.insert("effectiveAt".to_owned(), date_time_offset(effective).into());
    }
    told
}

fn stranger(reason: &str) -> Value {
    json!({"active": false, "reason": reason, "identity": null, "scopes": null, "expiresOn": null})
}
