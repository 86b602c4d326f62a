//! The basic types: users, identities, scopes, tokens, invocations.

use std::{
    fmt::{self, Write},
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize};

use crate::model::secret::Secret;

/// Our ID for a user, and the key of the user's record.
///
/// For a user who signed in, it is `<issuer>|<subject>`, because a subject is unique only within
/// its issuer. An administrator may choose any other ID.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExternalId(String);

impl ExternalId {
    /// `DynamoDB` accepts keys of up to 2,048 bytes; an OIDC subject has at most 255 characters.
    const MAX_LENGTH: usize = 1024;

    /// Accepts 1 to 1,024 visible ASCII characters.
    ///
    /// An ID that begins with `8:` is refused, because it would look like an ACS ID.
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        let visible = raw.bytes().all(|byte| byte.is_ascii_graphic());
        let length = (1..=Self::MAX_LENGTH).contains(&raw.len());
        (visible && length && !raw.starts_with(AcsId::PREFIX)).then(|| Self(raw.to_owned()))
    }

    /// The ID of the user with the given `subject` at `issuer`. Characters of the subject that an
    /// ID may not contain are percent-encoded, because providers are not limited to visible
    /// ASCII.
    #[must_use]
    pub fn of_subject(issuer: &str, subject: &str) -> Option<Self> {
        // An issuer is a URL (OpenID Connect Core §2) and contains no `|`, so two different pairs
        // never give the same ID.
        if issuer.is_empty() || subject.is_empty() || issuer.contains('|') {
            return None;
        }
        let mut name = format!("{issuer}|");
        for byte in subject.bytes() {
            if byte.is_ascii_graphic() && byte != b'%' {
                name.push(char::from(byte));
            } else {
                // Writing to a string cannot fail.
                let _ = write!(name, "%{byte:02X}");
            }
        }
        Self::parse(&name)
    }

    /// The ID as text. It can contain an e-mail address and must not be logged.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ExternalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExternalId(…)")
    }
}

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
        let Some((issuer, subject)) = user.as_str().split_once('|') else { return Ok(user) };
        let lower = issuer.to_ascii_lowercase();
        if !lower.starts_with("https://") && !lower.starts_with("http://") {
            return Ok(user);
        }
        if !self.is(issuer) {
            return Err(AnotherIssuer);
        }
        ExternalId::parse(&format!("{}|{subject}", self.0)).ok_or(AnotherIssuer)
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

/// The ID that ACS gave an identity, for example `8:acs:<resource>_<guid>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct AcsId(String);

impl AcsId {
    const PREFIX: &str = "8:";

    /// Accepts a raw communication identifier of a user: `8:` and up to 254 more visible ASCII
    /// characters that, except for the colon, need no escape in a path.
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b":_-.".contains(&byte);
        let ok = raw.starts_with(Self::PREFIX)
            && (3..=256).contains(&raw.len())
            && raw.bytes().all(plain);
        ok.then(|| Self(raw.to_owned()))
    }

    /// The ID in the spelling of ACS.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AcsId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A reference to an identity by one of its two IDs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdentityRef {
    /// By our ID for its user.
    External(ExternalId),
    /// By its ID in ACS.
    Acs(AcsId),
}

impl IdentityRef {
    /// Parses either ID: an ID that begins with `8:` is an ACS ID.
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        AcsId::parse(raw).map(Self::Acs).or_else(|| ExternalId::parse(raw).map(Self::External))
    }
}

/// The permissions of a token, spelled as ACS spells them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
pub enum Scope {
    /// All operations of Chat.
    #[serde(rename = "chat")]
    Chat,
    /// Chat without creating, changing or deleting threads.
    #[serde(rename = "chat.join")]
    ChatJoin,
    /// Like `chat.join`, without adding or removing people; meant for guests.
    #[serde(rename = "chat.join.limited")]
    ChatJoinLimited,
    /// All operations of Calling.
    #[serde(rename = "voip")]
    Voip,
    /// Joining calls, but not starting them.
    #[serde(rename = "voip.join")]
    VoipJoin,
}

impl Scope {
    /// Every scope that ACS supports.
    pub const ALL: [Self; 5] =
        [Self::Chat, Self::ChatJoin, Self::ChatJoinLimited, Self::Voip, Self::VoipJoin];

    /// The name in the spelling of ACS.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::ChatJoin => "chat.join",
            Self::ChatJoinLimited => "chat.join.limited",
            Self::Voip => "voip",
            Self::VoipJoin => "voip.join",
        }
    }

    /// Whether `self` permits everything that `other` permits.
    #[must_use]
    pub fn includes(self, other: Self) -> bool {
        match self {
            Self::Chat => matches!(other, Self::Chat | Self::ChatJoin | Self::ChatJoinLimited),
            Self::ChatJoin => matches!(other, Self::ChatJoin | Self::ChatJoinLimited),
            Self::Voip => matches!(other, Self::Voip | Self::VoipJoin),
            Self::ChatJoinLimited | Self::VoipJoin => self == other,
        }
    }

    /// Parses the spelling of ACS.
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == raw)
    }
}

/// One or more scopes without duplicates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Scopes(Vec<Scope>);

impl Scopes {
    /// Accepts scopes as ACS spells them: at least one, without duplicates or unknown values.
    #[must_use]
    pub fn parse<'a>(raw: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let scopes: Option<Vec<Scope>> = raw.into_iter().map(Scope::parse).collect();
        scopes.and_then(Self::of)
    }

    /// Accepts at least one scope, without duplicates.
    #[must_use]
    pub fn of(mut scopes: Vec<Scope>) -> Option<Self> {
        let asked = scopes.len();
        scopes.sort_unstable();
        scopes.dedup();
        (asked > 0 && scopes.len() == asked).then_some(Self(scopes))
    }

    /// Chat and calling, for meetings with chat and calls.
    #[must_use]
    pub fn chat_and_voip() -> Self {
        Self(vec![Scope::Chat, Scope::Voip])
    }

    /// Every scope.
    #[must_use]
    pub fn all() -> Self {
        Self(Scope::ALL.to_vec())
    }

    /// The scopes, in a fixed order.
    #[must_use]
    pub fn as_slice(&self) -> &[Scope] {
        &self.0
    }

    /// Whether `self` permits nothing beyond `other`.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        self.0.iter().all(|scope| other.0.iter().any(|had| had.includes(*scope)))
    }
}

/// The lifetime of a token. ACS accepts one hour to one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lifetime {
    minutes: u16,
}

impl Lifetime {
    /// The shortest lifetime that ACS allows.
    pub const HOUR: Self = Self { minutes: 60 };
    /// The longest lifetime that ACS allows.
    pub const DAY: Self = Self { minutes: 1440 };

    /// Accepts 60 to 1,440 minutes.
    #[must_use]
    pub fn from_minutes(minutes: u64) -> Option<Self> {
        let minutes = u16::try_from(minutes).ok()?;
        (Self::HOUR.minutes..=Self::DAY.minutes).contains(&minutes).then_some(Self { minutes })
    }

    /// The lifetime in minutes, the unit that ACS uses.
    #[must_use]
    pub fn minutes(self) -> u16 {
        self.minutes
    }
}

/// The properties of a requested token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRequest {
    /// The scopes of the token.
    pub scopes: Scopes,
    /// The lifetime of the token.
    pub lifetime: Lifetime,
}

/// A token that ACS issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessToken {
    /// The bearer token.
    pub token: Secret,
    /// When the token expires.
    pub expires_on: SystemTime,
}

/// The invocation that serves the current request: its ID and its time limits.
///
/// It is passed through every operation, so that time and unique IDs are arguments.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// Unique to this invocation: Lambda's request ID. Leases and receipts use it as their ID.
    pub id: String,
    /// When Lambda kills the function. A lease ends a little later.
    pub deadline: SystemTime,
    /// The deadline for calls to ACS. The write that commits the result and the response need the
    /// remaining time.
    pub acs_until: SystemTime,
    /// How long to wait for another request that is creating the same identity.
    pub patience: Duration,
}

impl Invocation {
    /// How long a second caller waits for the first one's identity: ACS needs about 100 ms to
    /// create one, rarely a second.
    pub const PATIENCE: Duration = Duration::from_secs(2);

    /// How long after [`deadline`](Self::deadline) another invocation may take over the work of
    /// this one. Lambda has killed this one by then; a takeover from a live owner is possible
    /// only if the clocks differ by this much.
    pub const LEASE_MARGIN: Duration = Duration::from_secs(5);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_one_or_more_each_once_and_known() {
        let scopes = Scopes::parse(["voip", "chat"]).unwrap();
        assert_eq!(scopes.as_slice(), [Scope::Chat, Scope::Voip]);
        for bad in [&[][..], &["chat", "chat"], &["root"], &["chat", ""], &["Chat"]] {
            assert_eq!(Scopes::parse(bad.iter().copied()), None, "{bad:?}");
        }
        for scope in Scope::ALL {
            assert_eq!(Scope::parse(scope.as_str()), Some(scope));
        }
    }

    #[test]
    fn a_lifetime_is_an_hour_to_a_day() {
        for (minutes, ok) in [(59, false), (60, true), (1440, true), (1441, false), (65596, false)]
        {
            assert_eq!(Lifetime::from_minutes(minutes).is_some(), ok, "{minutes}");
        }
    }

    #[test]
    fn the_same_subject_at_two_issuers_is_two_users() {
        let a = ExternalId::of_subject("https://a.example", "auth0|1").unwrap();
        let b = ExternalId::of_subject("https://b.example", "auth0|1").unwrap();
        assert_ne!(a, b);
        // Would collide with subject "x|y" of issuer "https://a.example".
        assert_eq!(ExternalId::of_subject("https://a.example|x", "y"), None);
        for (issuer, subject) in [("", "auth0|1"), ("https://a.example", ""), ("", "")] {
            assert_eq!(ExternalId::of_subject(issuer, subject), None, "{issuer}, {subject}");
        }
    }

    #[test]
    fn a_subject_may_hold_anything_and_stays_itself() {
        let name = |subject| ExternalId::of_subject("https://a.example", subject).unwrap();
        assert_eq!(name("auth0|a b").as_str(), "https://a.example|auth0|a%20b");
        assert_eq!(name("é").as_str(), "https://a.example|%C3%A9");
        assert_ne!(name("a b"), name("a%20b"));
    }

    #[test]
    fn r61_an_issuer_is_the_same_with_one_slash_more_and_in_capitals_and_no_other() {
        let issuer = Issuer::parse("https://idp.example/Tenant").unwrap();
        for (spelled, same) in [
            ("https://idp.example/Tenant", true),
            ("https://idp.example/Tenant/", true),
            ("HTTPS://IdP.Example/Tenant", true),
            ("https://idp.example/Tenant//", false),
            ("https://idp.example/tenant", false),
            ("http://idp.example/Tenant", false),
            ("https://idp.example", false),
            ("https://idp.example.evil/Tenant", false),
        ] {
            assert_eq!(issuer.is(spelled), same, "{spelled}");
        }
        let with_slash = Issuer::parse("https://tenant.eu.auth0.com/").unwrap();
        assert!(with_slash.is("https://tenant.eu.auth0.com"));
        assert!(!with_slash.is("https://tenant.eu.auth0.com//"));
        assert_eq!(with_slash.as_str(), "https://tenant.eu.auth0.com/");
        let short = Issuer::parse("https://a.b/Tenant").unwrap();
        assert!(!short.is("https://a.b/tenant"), "the path of a short host counts, too");
    }

    #[test]
    fn r61_a_users_name_is_stored_in_the_configured_spelling() {
        let issuer = Issuer::parse("https://idp.example").unwrap();
        let resolve = |raw: &str| {
            let name = issuer.resolve(ExternalId::parse(raw).unwrap());
            name.map(|name| name.as_str().to_owned())
        };
        for (raw, resolved) in [
            ("https://idp.example|auth0|1", Ok("https://idp.example|auth0|1")),
            ("https://IDP.example/|auth0|1", Ok("https://idp.example|auth0|1")),
            ("https://idp.example//|1", Err(AnotherIssuer)),
            ("https://other.example|1", Err(AnotherIssuer)),
            ("HTTP://idp.example|1", Err(AnotherIssuer)),
            ("crm-7", Ok("crm-7")),
            ("generated|r-1", Ok("generated|r-1")),
        ] {
            assert_eq!(resolve(raw), resolved.map(ToOwned::to_owned), "{raw}");
        }
    }

    #[test]
    fn a_scope_includes_the_narrower_ones() {
        for (had, asked, within) in [
            (["chat"], ["chat.join.limited"], true),
            (["chat.join"], ["chat.join.limited"], true),
            (["chat.join.limited"], ["chat.join"], false),
            (["chat.join"], ["chat"], false),
            (["voip"], ["voip.join"], true),
            (["voip.join"], ["voip"], false),
            (["chat"], ["voip.join"], false),
        ] {
            let (had, asked) = (Scopes::parse(had).unwrap(), Scopes::parse(asked).unwrap());
            assert_eq!(asked.is_within(&had), within, "{asked:?} of {had:?}");
        }
    }

    #[test]
    fn an_external_id_cannot_pass_for_an_acs_id() {
        assert_eq!(ExternalId::parse("8:acs:1_2"), None);
        assert!(matches!(IdentityRef::parse("8:acs:1_2"), Some(IdentityRef::Acs(_))));
        assert!(matches!(IdentityRef::parse("alice"), Some(IdentityRef::External(_))));
        for bad in ["", " ", "a b", "8:", "8:acs:../../x", "é", &"x".repeat(1025)] {
            assert_eq!(IdentityRef::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_name_is_not_printed_by_accident() {
        let id = ExternalId::parse("alice@example.com").unwrap();
        assert_eq!(format!("{id:?}"), "ExternalId(…)");
    }
}
