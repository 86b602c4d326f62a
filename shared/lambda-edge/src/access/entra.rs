//! Who the caller is at Microsoft Entra, and the claims of an Entra token in a body.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use identity_core::exchange_teams_token::EntraUser;
use serde::de::DeserializeOwned;

use super::Access;
use crate::Caller;

impl Access {
    /// The user at Entra. Without these claims, no token belongs to the caller.
    ///
    /// Any issuer can put them into its tokens, so they count only if the operator chose that issuer
    /// as the main one, or if Entra itself issued the bearer, for a user of that tenant.
    #[must_use]
    pub fn entra_user(&self, caller: &Caller) -> EntraUser {
        let claim = |name: &str| caller.claims().text(name).unwrap_or_default().into_owned();
        let (issuer, oid, tid) = (claim("iss"), claim("oid"), claim("tid"));
        let is_of_entra = ENTRA.iter().any(|(before, after)| {
            let rest = issuer.strip_prefix(before);
            rest.and_then(|rest| rest.strip_suffix(after)) == Some(tid.as_str())
        });
        if self.is_of_main_issuer(caller) || is_of_entra {
            EntraUser { oid, tid }
        } else {
            EntraUser { oid: String::new(), tid: String::new() }
        }
    }
}

/// What is before and after the tenant in the issuers of Entra: v2.0 tokens, v1.0 tokens, and those
/// of the clouds for the government of the USA and for China.
const ENTRA: [(&str, &str); 5] = [
    ("https://login.microsoftonline.com/", "/v2.0"),
    ("https://sts.windows.net/", "/"),
    ("https://login.microsoftonline.us/", "/v2.0"),
    ("https://login.partner.microsoftonline.cn/", "/v2.0"),
    ("https://sts.chinacloudapi.cn/", "/"),
];

/// The claims of a JWT, without verification; `None` if the text is not a JWT with such claims.
#[must_use]
pub fn unverified_claims<T: DeserializeOwned>(token: &str) -> Option<T> {
    let mut parts = token.split('.');
    let (_, payload, _) = (parts.next()?, parts.next()?, parts.next()?);
    let payload = URL_SAFE_NO_PAD.decode(payload).ok()?;
    parts.next().is_none().then(|| serde_json::from_slice(&payload).ok())?
}
