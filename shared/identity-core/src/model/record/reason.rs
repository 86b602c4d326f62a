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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_has_1_to_256_characters_and_no_control_character() {
        let (longest, too_long) = ("é".repeat(256), "é".repeat(257));
        let parsed = |raw: &str| Reason::parse(raw).map(|reason| reason.as_str().to_owned());
        let shortened = |raw: &str| Reason::shortened(raw).map(|reason| reason.as_str().to_owned());
        for (raw, if_parsed, if_shortened) in [
            (" left ", Some("left"), Some("left")),
            (&*longest, Some(&*longest), Some(&*longest)),
            (&*too_long, None, Some(&*longest)),
            ("a\nb", None, Some("ab")),
            ("", None, None),
            (" ", None, None),
            ("\n", None, None),
        ] {
            assert_eq!(parsed(raw).as_deref(), if_parsed, "{raw:?}");
            assert_eq!(shortened(raw).as_deref(), if_shortened, "{raw:?}");
        }
    }
}
