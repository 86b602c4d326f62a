//! A position in the list, which the client sends back from page to page: base64url of JSON. A
//! client that changes it only gets other pages of a list that it may read anyway.

use std::time::{Duration, SystemTime};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use identity_core::guest::InvitationId;
use identity_core::list_invitations::InvitationCursor;
use identity_core::ports::InvitationPosition;
use serde::{Deserialize, Serialize};

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Place {
    shard: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<(u64, String)>,
}

/// Encodes a cursor.
pub(crate) fn encode(cursor: &InvitationCursor) -> String {
    let milliseconds = |time: SystemTime| {
        let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or_default()
    };
    let after =
        cursor.after.as_ref().map(|after| (milliseconds(after.at), after.id.as_str().to_owned()));
    let place = Place { shard: cursor.shard, after };
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(&place).unwrap_or_default())
}

/// Decodes a cursor.
pub(crate) fn decode(raw: &str) -> Option<InvitationCursor> {
    let place: Place = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(raw).ok()?).ok()?;
    let after = match place.after {
        None => None,
        Some((milliseconds, id)) => Some(InvitationPosition {
            at: SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(milliseconds))?,
            id: InvitationId::parse(&id)?,
        }),
    };
    Some(InvitationCursor { shard: place.shard, after })
}
