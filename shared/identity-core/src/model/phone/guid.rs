use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A GUID, e.g. `11111111-2222-3333-4444-555555555555`. It is stored in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(try_from = "String")]
pub struct Guid(String);

/// The text is not a GUID. The error does not quote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid GUID: must be 8-4-4-4-12 hexadecimal digits, without braces")]
pub struct GuidError;

impl Guid {
    /// The GUID in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Guid {
    type Err = GuidError;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        let ok = raw.len() == 36
            && raw.bytes().enumerate().all(|(place, byte)| match place {
                8 | 13 | 18 | 23 => byte == b'-',
                _ => byte.is_ascii_hexdigit(),
            });
        ok.then(|| Self(raw.to_ascii_lowercase())).ok_or(GuidError)
    }
}

impl TryFrom<String> for Guid {
    type Error = GuidError;

    fn try_from(raw: String) -> Result<Self, Self::Error> {
        raw.parse()
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guid_is_parsed_only_with_hyphens_and_without_braces() {
        let guid: Guid = "AAAAAAAA-2222-3333-4444-555555555555".parse().unwrap();
        assert_eq!(guid.as_str(), "aaaaaaaa-2222-3333-4444-555555555555");
        for bad in [
            "",
            "{aaaaaaaa-2222-3333-4444-555555555555}",
            "aaaaaaaa222233334444555555555555",
            "aaaaaaaa-2222-3333-4444-55555555555",
            "gaaaaaaa-2222-3333-4444-555555555555",
            "aaaaaaaa/2222-3333-4444-555555555555",
            "aaaaaaaa-2222-3333-4444-55555555555é",
        ] {
            assert_eq!(bad.parse::<Guid>(), Err(GuidError), "{bad}");
        }
    }
}
