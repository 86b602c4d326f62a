//! The development issuer: an OIDC provider that signs any claims that a client requests.

use std::path::Path;
use std::sync::Arc;

use bearer_verifier::KeySet;
use serde_json::{Value, json};

use super::key::{IssuerAlgorithm, KeyError, SigningKey};
use super::token_form::{DEFAULT_LIFETIME, TokenDefaults, TokenForm};
use crate::clock::StackClock;

/// A note in the discovery document, so that readers do not mistake this provider for a real login.
pub(crate) const WARNING: &str =
    "FOR DEVELOPMENT ONLY: signs a token for any caller, with any subject and scope";

/// The provider.
pub(crate) struct OidcIssuer {
    url: String,
    audience: String,
    scope: String,
    /// The key that API Gateway's JWT authorizer accepts.
    rsa: SigningKey,
    /// The key of providers whose tokens it refuses.
    ec: SigningKey,
    clock: Arc<StackClock>,
}

impl OidcIssuer {
    /// An issuer at `url` whose tokens are for `audience`, with `scope` by default.
    ///
    /// The keys are kept in `[rsa, ec]`, so that tokens stay valid after a restart; without files,
    /// each start creates new keys.
    pub(crate) fn new(
        url: &str,
        audience: &str,
        scope: &str,
        [rsa, ec]: [Option<&Path>; 2],
        clock: Arc<StackClock>,
    ) -> Result<Self, KeyError> {
        Ok(Self {
            url: url.to_owned(),
            audience: audience.to_owned(),
            scope: scope.to_owned(),
            rsa: SigningKey::load_or_create(rsa, IssuerAlgorithm::Rs256)?,
            ec: SigningKey::load_or_create(ec, IssuerAlgorithm::Es256)?,
            clock,
        })
    }

    /// The issuer's `iss`.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The clock of its tokens.
    pub(super) fn clock(&self) -> &StackClock {
        &self.clock
    }

    /// The public keys, for a verifier.
    pub(crate) fn key_set(&self) -> KeySet {
        KeySet::from_json(self.jwks().to_string().as_bytes()).unwrap_or_default()
    }

    /// The public keys, as `/jwks` shows them.
    pub(super) fn jwks(&self) -> Value {
        json!({ "keys": [self.rsa.jwk(), self.ec.jwk()] })
    }

    pub(super) fn discovery(&self) -> Value {
        let url = &self.url;
        json!({
            "issuer": url,
            "jwks_uri": format!("{url}/jwks"),
            "token_endpoint": format!("{url}/token"),
            "authorization_endpoint": format!("{url}/authorize"),
            "authorization_response_iss_parameter_supported": true,
            "code_challenge_methods_supported": ["S256"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "id_token_signing_alg_values_supported": ["RS256", "ES256"],
            "response_modes_supported": ["query"],
            "response_types_supported": ["code"],
            "scopes_supported": ["openid", "offline_access", self.scope],
            "subject_types_supported": ["public"],
            "token_endpoint_auth_methods_supported": ["none"],
            "warning": WARNING,
        })
    }

    /// The token for a form. The error names the invalid parameter.
    pub(super) fn token(&self, form: &[u8]) -> Result<Value, String> {
        let form = TokenForm::parse(form)?;
        let defaults = TokenDefaults {
            issuer: &self.url,
            audience: &self.audience,
            scope: &self.scope,
            now: self.clock.now().unix_timestamp(),
        };
        let key = match form.algorithm() {
            IssuerAlgorithm::Rs256 => &self.rsa,
            IssuerAlgorithm::Es256 => &self.ec,
        };
        let lifetime = form.lifetime();
        let token = key
            .sign(&Value::Object(form.into_claims(&defaults)))
            .map_err(|_| NO_RANDOMNESS.to_owned())?;
        Ok(json!({ "access_token": token, "token_type": "Bearer", "expires_in": lifetime }))
    }

    /// A signed ID token with these claims, which is valid for as long as a bearer.
    pub(super) fn sign_id_token(&self, mut claims: Value) -> Result<String, String> {
        let now = self.clock.now().unix_timestamp();
        if let Some(claims) = claims.as_object_mut() {
            claims.insert("iat".to_owned(), now.into());
            claims.insert("exp".to_owned(), now.saturating_add(DEFAULT_LIFETIME).into());
        }
        self.rsa.sign(&claims).map_err(|_| NO_RANDOMNESS.to_owned())
    }
}

const NO_RANDOMNESS: &str = "the system's random generator failed: try again";
