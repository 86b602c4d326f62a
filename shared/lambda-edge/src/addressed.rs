use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use identity_core::identity::IdentityRef;
use lambda_http::{Request, RequestExt};

use crate::{
    Caller, Problem,
    config::{ConfigError, Env, required},
};

/// The OAuth scopes that the two kinds of route need.
#[derive(Clone, Debug)]
pub struct RouteScopes {
    /// For one's own identity.
    pub token: String,
    /// For anybody's.
    pub admin: String,
}

impl RouteScopes {
    /// Reads `TOKEN_SCOPE` and `ADMIN_SCOPE`.
    pub fn from_env(env: &impl Env) -> Result<Self, ConfigError> {
        Ok(Self { token: required(env, "TOKEN_SCOPE")?, admin: required(env, "ADMIN_SCOPE")? })
    }
}

/// Whose identity a request is about: a route with `{id}` is an administrator's, one
/// without is about the caller. Either way the caller has the scope it needs.
pub enum Addressed {
    /// The caller's own.
    Own(Caller),
    /// The one in the path.
    Named(IdentityRef),
}

impl Addressed {
    /// Reads whose identity the request is about, and whether its caller may.
    ///
    /// A name that no identity can have is [`Problem::NOT_FOUND`].
    pub fn of(request: &Request, scopes: &RouteScopes) -> Result<Self, Problem> {
        let caller = Caller::of(request)?;
        let parameters = request.path_parameters_ref();
        match parameters.and_then(|parameters| parameters.first("id")) {
            None => Ok(Self::Own(caller.with_scope(&scopes.token)?)),
            Some(raw) => {
                caller.with_scope(&scopes.admin)?;
                named(raw).map(Self::Named).ok_or(Problem::NOT_FOUND)
            }
        }
    }
}

/// Reads a name as it stands in a path: an ACS id or an external id, either of them also in
/// base64 behind [`ENCODED`].
fn named(raw: &str) -> Option<IdentityRef> {
    let Some(encoded) = raw.strip_prefix(ENCODED) else { return IdentityRef::parse(raw) };
    let name = BASE64URL.decode(encoded).ok()?;
    IdentityRef::parse(str::from_utf8(&name).ok()?)
}

/// API Gateway decodes a path before it looks for the route, so a name with a slash, as every
/// `https://issuer|subject` has, cannot stand there as it is, nor percent-encoded.
const ENCODED: &str = "base64url:";

/// With or without padding, which many encoders leave out.
const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

impl From<Addressed> for IdentityRef {
    fn from(addressed: Addressed) -> Self {
        match addressed {
            Addressed::Own(caller) => Self::External(caller.user().clone()),
            Addressed::Named(identity) => identity,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(raw: &str) -> Option<String> {
        named(raw).map(|identity| match identity {
            IdentityRef::Acs(id) => id.as_str().to_owned(),
            IdentityRef::External(id) => id.as_str().to_owned(),
        })
    }

    #[test]
    fn any_name_can_stand_in_a_path() {
        let slashes = Some("https://idp.example|alice".to_owned());
        for (raw, expected) in [
            ("alice", Some("alice".to_owned())),
            ("8:acs:1", Some("8:acs:1".to_owned())),
            ("base64url:aHR0cHM6Ly9pZHAuZXhhbXBsZXxhbGljZQ", slashes.clone()),
            ("base64url:aHR0cHM6Ly9pZHAuZXhhbXBsZXxhbGljZQ==", slashes),
            ("base64url:ODphY3M6MQ", Some("8:acs:1".to_owned())),
            // What looks encoded, and is not: the name itself can be encoded.
            ("base64url:YmFzZTY0dXJsOng", Some("base64url:x".to_owned())),
        ] {
            assert_eq!(name(raw), expected, "{raw}");
        }
        for raw in ["", "base64url:", "base64url:a b", "base64url:a+/b", "base64url:_w"] {
            assert_eq!(name(raw), None, "{raw}");
        }
    }
}
