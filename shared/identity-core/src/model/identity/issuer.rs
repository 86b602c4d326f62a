use crate::model::identity::ExternalId;

/// The configured issuer of the callers' tokens.
///
/// Other spellings may add or omit one slash at the end, or use capitals in the scheme and the
/// host. They mean the same issuer, and its users are stored under the configured spelling, which
/// is the spelling in the tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer(String);

/// The ID belongs to a user of a different issuer than the configured one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the issuer is not the one whose tokens this deployment accepts")]
pub struct AnotherIssuer;

impl Issuer {
    /// Accepts any non-empty text.
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        (!raw.is_empty()).then(|| Self(raw.to_owned()))
    }

    /// The configured spelling.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `spelled` is a spelling of this issuer.
    #[must_use]
    pub fn is(&self, spelled: &str) -> bool {
        comparable(spelled) == comparable(&self.0)
    }

    /// The user's ID as it is stored. An ID that begins with an issuer's URL must begin with the
    /// URL of this issuer. Any other ID was chosen by an administrator and stays unchanged.
    pub fn resolve(&self, user: ExternalId) -> Result<ExternalId, AnotherIssuer> {
        Self::resolve_among(std::slice::from_ref(self), user)
    }

    /// The same for a deployment that accepts the tokens of several issuers. Without any, each ID
    /// that begins with an issuer's URL is of another issuer.
    pub fn resolve_among(issuers: &[Self], user: ExternalId) -> Result<ExternalId, AnotherIssuer> {
        let Some((spelled, subject)) = user.as_str().split_once('|') else { return Ok(user) };
        let lower = spelled.to_ascii_lowercase();
        if !lower.starts_with("https://") && !lower.starts_with("http://") {
            return Ok(user);
        }
        // Two issuers can differ in the slash at the end only.
        let exact = issuers.iter().find(|one| one.0 == spelled);
        let similar = || issuers.iter().find(|one| one.is(spelled));
        let Self(issuer) = exact.or_else(similar).ok_or(AnotherIssuer)?;
        ExternalId::parse(&format!("{issuer}|{subject}")).ok_or(AnotherIssuer)
    }
}

/// The issuer in a form for comparison: the scheme and the host are case-insensitive (RFC 3986
/// §6.2.2.1), and one slash at the end is ignored. This form is never stored.
fn comparable(issuer: &str) -> String {
    let issuer = issuer.strip_suffix('/').unwrap_or(issuer);
    let path = issuer.find("://").map_or(0, |at| at + 3);
    let host_ends = issuer.get(path..).and_then(|rest| rest.find('/')).map(|at| path + at);
    let (origin, path) = issuer.split_at(host_ends.unwrap_or(issuer.len()));
    origin.to_ascii_lowercase() + path
}
