//! What can be wrong about a message.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::kind::SimulatedKind;

/// The member `valid` of a request: what is wrong about the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Forgery {
    /// The signature belongs to other content.
    BadSignature,
    /// `kid` names a key that the transmitter does not have.
    UnknownKey,
    /// The header's `alg` says `none`, and the signature is missing.
    Unsigned,
    /// `iss` is another transmitter.
    WrongIssuer,
    /// `aud` is another receiver.
    WrongAudience,
    /// `typ` is that of an access token.
    WrongType,
    /// `exp` is an hour ago.
    Expired,
    /// The header `Authorization` has another credential.
    WrongCredentials,
    /// The message names no user.
    NoSubject,
}

impl Forgery {
    /// Whether a receiver of this kind checks it.
    pub(super) fn applies_to(self, kind: SimulatedKind) -> bool {
        match self {
            // SSF has no `exp`, and refuses its presence. Google documents that it is not checked.
            Self::Expired => kind != SimulatedKind::Google,
            // Only a stream's push messages carry an agreed credential.
            Self::WrongCredentials => kind == SimulatedKind::SsfPush,
            // Apple and Google promise no `typ`.
            Self::WrongType => kind.token_type().is_some(),
            _ => true,
        }
    }

    /// Changes a message before it is signed at `now` (seconds since 1970).
    pub(super) fn change(
        self,
        header: &mut Map<String, Value>,
        claims: &mut Map<String, Value>,
        now: i64,
    ) {
        let set = |part: &mut Map<String, Value>, name: &str, value: Value| {
            part.insert(name.to_owned(), value);
        };
        match self {
            Self::Unsigned => set(header, "alg", "none".into()),
            Self::UnknownKey => set(header, "kid", "unknown".into()),
            Self::WrongType => set(header, "typ", "at+jwt".into()),
            Self::WrongIssuer => set(claims, "iss", "https://other.example".into()),
            Self::WrongAudience => set(claims, "aud", "https://other.example".into()),
            Self::Expired => {
                set(claims, "iat", (now - 7200).into());
                set(claims, "exp", (now - 3600).into());
            }
            _ => {}
        }
    }

    /// Changes the signed message.
    pub(super) fn change_token(self, token: String) -> String {
        let Some((message, signature)) = token.rsplit_once('.') else { return token };
        match self {
            Self::BadSignature => {
                let other = if signature.starts_with('A') { 'B' } else { 'A' };
                format!("{message}.{other}{}", signature.get(1..).unwrap_or_default())
            }
            Self::Unsigned => format!("{message}."),
            _ => token,
        }
    }
}
