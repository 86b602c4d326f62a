//! Whether a token lives, and if not, why.

use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::identities::TokenState;
use crate::mri::Mri;
use crate::resource::Resource;
use crate::timestamp::date_time_offset;
use crate::token::NotOurs;

/// `{"active", "reason", "identity", "scopes", "expiresOn"}`. A dead token has a
/// reason; one that this emulator did not sign has nothing else.
pub(crate) fn of(resource: &Resource, token: &str) -> Value {
    let claims = match resource.signer.read(token) {
        Ok(claims) => claims,
        Err(NotOurs::Malformed) => return stranger("malformed"),
        Err(NotOurs::UnknownSignature) => return stranger("unknown-signature"),
    };
    let identity = Mri::from_skype_id(&claims.skypeid);
    let reason = match resource.identities.token_state(&identity, claims.emulator.generation) {
        TokenState::IdentityUnknown => Some("identity-unknown"),
        TokenState::IdentityDeleted => Some("identity-deleted"),
        TokenState::Revoked => Some("revoked"),
        TokenState::Live => {
            (resource.clock.now().unix_timestamp() >= claims.exp).then_some("expired")
        }
    };
    let expires = OffsetDateTime::from_unix_timestamp(claims.exp);
    json!({
        "active": reason.is_none(),
        "reason": reason,
        "identity": identity.as_str(),
        "scopes": claims.acs_scope.split(',').collect::<Vec<_>>(),
        "expiresOn": expires.ok().map(date_time_offset),
    })
}

fn stranger(reason: &str) -> Value {
    json!({"active": false, "reason": reason, "identity": null, "scopes": null, "expiresOn": null})
}
