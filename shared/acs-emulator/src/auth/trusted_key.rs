//! The public keys of trusted issuers, and verification of the tokens that they signed.

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::Value;

use super::{BearerRefusal, EntraClaims};
use crate::cloud::Cloud;

/// An RSA key of a JWK set, and its issuer.
#[derive(Clone)]
pub(crate) struct TrustedKey {
    kid: Option<String>,
    modulus: Vec<u8>,
    exponent: Vec<u8>,
    /// The issuer from the set, with Entra's `{tenantid}` for any tenant; if the set does not name
    /// one, an issuer of one of Entra's own two forms.
    issuer: Option<String>,
}

impl TrustedKey {
    /// The RSA keys of a JWK set; `None` if it is invalid or has no RSA key.
    pub(crate) fn of_set(jwks: &Value) -> Option<Vec<Self>> {
        let set: JwkSet = serde_json::from_value(jwks.clone()).ok()?;
        let rsa = set.keys.into_iter().filter(|jwk| jwk.kty == "RSA");
        let keys = rsa.map(Self::of).collect::<Option<Vec<_>>>()?;
        (!keys.is_empty()).then_some(keys)
    }

    fn of(jwk: Jwk) -> Option<Self> {
        let decode = |text: Option<String>| URL_SAFE_NO_PAD.decode(text?).ok();
        let (modulus, exponent) = (decode(jwk.n)?, decode(jwk.e)?);
        Some(Self { kid: jwk.kid, modulus, exponent, issuer: jwk.issuer })
    }

    fn is_meant_by(&self, kid: Option<&str>) -> bool {
        self.kid.is_none() || self.kid.as_deref() == kid
    }

    fn signed(&self, text: &str, signature: &[u8]) -> bool {
        let public = RsaPublicKeyComponents { n: &self.modulus, e: &self.exponent };
        public.verify(&RSA_PKCS1_2048_8192_SHA256, text.as_bytes(), signature).is_ok()
    }

    fn is_of(&self, claims: &EntraClaims, cloud: Cloud) -> bool {
        let tenant = claims.tid.as_deref().unwrap_or_default();
        match self.issuer.as_deref() {
            // Entra's set names the issuer of version 2.0, and its keys sign tokens of both
            // versions.
            Some(issuer) if !issuer.contains(ANY_TENANT) => claims.iss == issuer,
            _ => {
                !tenant.is_empty()
                    && (claims.iss == Cloud::first_issuer(tenant)
                        || claims.iss == cloud.issuer(tenant))
            }
        }
    }
}

/// The claims of a token that one of `keys` signed. It does not check the purpose of the token, or
/// its expiry.
pub(super) fn read<'a>(
    token: &str,
    keys: impl Iterator<Item = &'a TrustedKey>,
    cloud: Cloud,
) -> Result<EntraClaims, BearerRefusal> {
    let (signed, signature) = token.rsplit_once('.').ok_or(BearerRefusal::Malformed)?;
    let (header, claims) = signed.split_once('.').ok_or(BearerRefusal::Malformed)?;
    let decode = |part| URL_SAFE_NO_PAD.decode(part).map_err(|_| BearerRefusal::Malformed);
    let (header, claims, signature) = (decode(header)?, decode(claims)?, decode(signature)?);
    let header: Header = serde_json::from_slice(&header).map_err(|_| BearerRefusal::Malformed)?;
    if header.alg != "RS256" {
        return Err(BearerRefusal::Algorithm);
    }
    let mut meant = keys.filter(|key| key.is_meant_by(header.kid.as_deref())).peekable();
    if meant.peek().is_none() {
        return Err(BearerRefusal::UnknownKey);
    }
    let key = meant.find(|key| key.signed(signed, &signature)).ok_or(BearerRefusal::Signature)?;
    let claims: EntraClaims =
        serde_json::from_slice(&claims).map_err(|_| BearerRefusal::Malformed)?;
    if key.is_of(&claims, cloud) { Ok(claims) } else { Err(BearerRefusal::Issuer) }
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
}

#[derive(Deserialize)]
struct JwkSet {
    keys: Vec<Jwk>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    n: Option<String>,
    e: Option<String>,
    issuer: Option<String>,
}

const ANY_TENANT: &str = "{tenantid}";
