use std::fmt;
use std::time::SystemTime;

/// A user as a provider provisioned them. Other attributes are not stored, because nothing here
/// needs them.
#[derive(Clone, PartialEq, Eq)]
pub struct ScimUser {
    /// The ID that this service gave the user.
    pub id: String,
    /// The name of the user at the provider; unique, without regard to case.
    pub user_name: String,
    /// The provider's ID for the user.
    pub external_id: Option<String>,
    /// The name that people read.
    pub display_name: Option<String>,
    /// Whether the user can sign in.
    pub active: bool,
    /// When the user was created.
    pub created_at: SystemTime,
    /// When the user was changed, in whole milliseconds. Each change is later than the one before.
    pub modified_at: SystemTime,
    /// The number of changes; the first version is 1.
    pub version: u64,
}

impl ScimUser {
    /// Whether the store can have this text in a key: 1 to 512 bytes without control characters. Keys
    /// have at most 1,024 bytes, and contain separators.
    #[must_use]
    pub fn is_key(text: &str) -> bool {
        (1..=512).contains(&text.len()) && !text.contains(char::is_control)
    }

    /// The longest display name, in characters. The rest is cut off.
    pub(crate) const MAX_DISPLAY_NAME: usize = 256;

    /// The name in a form for comparison: RFC 7643 §4.1.1 defines it without regard to case.
    #[must_use]
    pub fn name_key(user_name: &str) -> String {
        user_name.to_lowercase()
    }
}

/// Prints only the ID of this service: the other IDs and names are personal data.
impl fmt::Debug for ScimUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScimUser")
            .field("id", &self.id)
            .field("active", &self.active)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}
