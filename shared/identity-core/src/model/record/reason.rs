use serde::{Deserialize, Serialize};

/// A free-text reason, stored with the receipt.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Reason(String);

impl Reason {
    /// The maximum length in characters.
    pub const MAX_LENGTH: usize = 256;

    /// Accepts up to 256 characters, none of them a control character.
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        let fits = raw.chars().count() <= Self::MAX_LENGTH && !raw.chars().any(char::is_control);
        (fits && !raw.trim().is_empty()).then(|| Self(raw.trim().to_owned()))
    }

    /// Removes control characters and shortens the text to the maximum length.
    #[must_use]
    pub fn shortened(raw: &str) -> Option<Self> {
        let kept = raw.chars().filter(|c| !c.is_control()).take(Self::MAX_LENGTH);
        Self::parse(&kept.collect::<String>())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
