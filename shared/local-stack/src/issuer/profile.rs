//! The claims of the tokens of well-known identity providers, with synthetic values.
//!
//! Each shape is that of the provider's documentation or of a recorded token. The issuer, the
//! audience and the scope stay those of the local stack, so that its gateway accepts the token.

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Map, Value, json};

use super::key::IssuerAlgorithm;

/// An identity provider whose tokens can be imitated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProviderProfile {
    Entra,
    Cognito,
    Auth0,
    Okta,
    Firebase,
    Supabase,
    Keycloak,
    Apple,
    Google,
}

/// The values that every shape uses.
pub(super) struct TokenSubjectValues<'a> {
    pub(super) issuer: &'a str,
    pub(super) audience: &'a str,
    /// The scopes, separated by spaces.
    pub(super) scope: &'a str,
    pub(super) subject: &'a str,
    /// The token's `iat`, in seconds since the epoch.
    pub(super) issued: i64,
}

impl ProviderProfile {
    pub(super) const ALL: [(&'static str, Self); 9] = [
        ("entra", Self::Entra),
        ("cognito", Self::Cognito),
        ("auth0", Self::Auth0),
        ("okta", Self::Okta),
        ("firebase", Self::Firebase),
        ("supabase", Self::Supabase),
        ("keycloak", Self::Keycloak),
        ("apple", Self::Apple),
        ("google", Self::Google),
    ];

    /// The names of all profiles.
    pub(crate) fn names() -> [&'static str; 9] {
        Self::ALL.map(|(name, _)| name)
    }

    pub(super) fn parse(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|(known, _)| *known == name);
        found.map(|(_, profile)| profile).ok_or_else(|| {
            let known = Self::names().join(", ");
            format!("invalid value `{name}` for `profile`: must be one of {known}")
        })
    }

    /// The algorithm of the provider's signatures. New Supabase projects sign with ES256.
    pub(super) fn algorithm(self) -> IssuerAlgorithm {
        match self {
            Self::Supabase => IssuerAlgorithm::Es256,
            _ => IssuerAlgorithm::Rs256,
        }
    }

    /// A user in the form of the provider, if the form names none.
    pub(super) fn subject(self) -> &'static str {
        match self {
            Self::Entra => "Xk3vSYNTHETICpairwiseSubjectOfAlice001",
            Self::Cognito => "6d1f0c52-5b0e-4d4f-9a7e-0a11ce000001",
            Self::Auth0 => "auth0|65f1a11ce000000000000001",
            Self::Okta => "alice@example.com",
            Self::Firebase => "aL1cESyntheticUid0000000001",
            Self::Supabase => "4f3a2b10-7c1d-4e8f-8a51-0a11ce000002",
            Self::Keycloak => "b7e1c9d4-1f2a-4b3c-9d8e-0a11ce000003",
            Self::Apple => "000321.0a11ce00000000000000000000000000.0815",
            Self::Google => "100000000000000000001",
        }
    }

    /// How many seconds before the token's issuance its `iat` and `nbf` are. Entra's are five
    /// minutes early.
    pub(super) fn issued_early(self) -> i64 {
        if self == Self::Entra { 300 } else { 0 }
    }

    /// The claims other than `iat`, `exp` and `jti`.
    pub(super) fn claims(self, values: &TokenSubjectValues<'_>) -> Map<String, Value> {
        let TokenSubjectValues { issuer, audience, scope, subject, issued } = *values;
        let scopes: Vec<_> = scope.split_whitespace().collect();
        let with_openid = [&["openid"], &*scopes].concat();
        let email = "alice@example.com";
        let claims = match self {
            // Microsoft Entra, access token v2.0: `scp`, no `scope`.
            Self::Entra => json!({
                "aud": audience, "azp": CLIENT_GUID, "azpacr": "0", "nbf": issued,
                "oid": entra_object_id(subject), "scp": scope, "tid": ENTRA_TENANT, "ver": "2.0",
            }),
            // Amazon Cognito, access token: `client_id`, no `aud`.
            Self::Cognito => json!({
                "client_id": audience, "token_use": "access", "scope": scope, "auth_time": issued,
                "origin_jti": guid_of(subject), "username": subject,
            }),
            // Auth0, access token for an API, with RBAC.
            Self::Auth0 => json!({
                "aud": [audience, format!("{}/userinfo", issuer.trim_end_matches('/'))],
                "scope": format!("openid {scope}"), "azp": "gUeStPaSsSyNtHeTiCcLiEnT",
                "permissions": scopes,
            }),
            // Okta, custom authorization server: `scp` is an array.
            Self::Okta => json!({
                "ver": 1, "aud": audience, "cid": "0oaSYNTHETIC00000001",
                "uid": "00uSYNTHETIC00000001", "scp": with_openid,
                "auth_time": issued,
            }),
            // Firebase, ID token: no scope; the sign-in is nested.
            Self::Firebase => json!({
                "aud": audience, "auth_time": issued, "user_id": subject, "email": email,
                "email_verified": true,
                "firebase": { "identities": { "email": [email] }, "sign_in_provider": "password" },
            }),
            // Supabase, access token: no scope.
            Self::Supabase => json!({
                "aud": audience, "role": "authenticated", "aal": "aal1",
                "amr": [{ "method": "password", "timestamp": issued }],
                "session_id": guid_of(subject), "email": email, "phone": "",
                "app_metadata": { "provider": "email", "providers": ["email"] },
                "user_metadata": {}, "is_anonymous": false,
            }),
            // Keycloak, access token: roles are nested.
            Self::Keycloak => json!({
                "aud": audience, "typ": "Bearer", "azp": "app", "sid": guid_of(subject),
                "scope": format!("openid {scope}"), "preferred_username": "alice",
                "realm_access": { "roles": ["user"] },
                "resource_access": { "account": { "roles": ["manage-account"] } },
            }),
            // Apple, ID token: no scope; `email_verified` is text.
            Self::Apple => json!({
                "aud": audience, "email": "a1ice@privaterelay.appleid.com",
                "email_verified": "true", "auth_time": issued, "nonce_supported": true,
            }),
            // Google, ID token: no scope.
            Self::Google => json!({
                "aud": audience, "azp": audience, "email": email, "email_verified": true,
            }),
        };
        match claims {
            Value::Object(mut claims) => {
                claims.insert("iss".to_owned(), issuer.into());
                claims.insert("sub".to_owned(), subject.into());
                claims
            }
            _ => Map::new(),
        }
    }
}

const CLIENT_GUID: &str = "c11e0000-0000-4000-8000-000000000003";

/// The tenant of Entra's tokens.
pub(crate) const ENTRA_TENANT: &str = "7e0a0000-0000-4000-8000-000000000001";

/// The `oid` of Entra's tokens with this `sub`.
pub(crate) fn entra_object_id(subject: &str) -> String {
    guid_of(subject)
}

/// A GUID that is always the same for a subject, and another one for another subject.
fn guid_of(subject: &str) -> String {
    let digest = digest(&SHA256, subject.as_bytes());
    let bytes = digest.as_ref().first_chunk().copied().unwrap_or_default();
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}
