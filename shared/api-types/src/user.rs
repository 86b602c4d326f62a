use identity_core::identity::AcsId;
use serde::Serialize;

/// The user, as Microsoft's clients read it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UserOutput {
    /// The ACS identity.
    pub communication_user_id: AcsId,
}

impl From<&AcsId> for UserOutput {
    fn from(acs_id: &AcsId) -> Self {
        Self { communication_user_id: acs_id.clone() }
    }
}
