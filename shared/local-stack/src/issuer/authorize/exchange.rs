//! `POST /token` for a code (RFC 6749 §4.1.3, RFC 7636 §4.5) and for a refresh token (RFC 6749 §6).

use std::collections::BTreeMap;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::grants::{SignInGrant, SignInGrants};
use crate::issuer::provider::OidcIssuer;

/// A refused token request: the error of RFC 6749 §5.2 and its description.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ExchangeRefusal(pub(crate) &'static str, pub(crate) String);

impl ExchangeRefusal {
    fn grant(problem: &str) -> Self {
        Self("invalid_grant", problem.to_owned())
    }
}

/// The scopes that concern the sign-in, and not the API.
const SIGN_IN_SCOPES: [&str; 6] =
    ["openid", "profile", "email", "address", "phone", "offline_access"];

/// Exchanges the form's code or refresh token. `None` if the form has neither `grant_type`: it then
/// requests a token with claims of its own.
pub(crate) fn exchange(
    issuer: &OidcIssuer,
    grants: &SignInGrants,
    form: &[u8],
) -> Option<Result<Value, ExchangeRefusal>> {
    let mut pairs = form_urlencoded::parse(form);
    pairs.any(|(name, value)| name == "grant_type" && is_exchanged(&value)).then(|| {
        let form = fields(form)?;
        match form.get("grant_type").map(String::as_str) {
            Some("authorization_code") => exchange_code(issuer, grants, &form),
            _ => exchange_refresh_token(issuer, grants, &form),
        }
    })
}

fn is_exchanged(grant_type: &str) -> bool {
    matches!(grant_type, "authorization_code" | "refresh_token")
}

fn fields(form: &[u8]) -> Result<BTreeMap<String, String>, ExchangeRefusal> {
    let mut fields = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(form).into_owned() {
        if fields.insert(name.clone(), value).is_some() {
            return Err(ExchangeRefusal(
                "invalid_request",
                format!("duplicate parameter `{name}`"),
            ));
        }
    }
    Ok(fields)
}

fn required<'a>(
    form: &'a BTreeMap<String, String>,
    name: &str,
) -> Result<&'a str, ExchangeRefusal> {
    let given = form.get(name).map(String::as_str).filter(|value| !value.is_empty());
    given.ok_or_else(|| ExchangeRefusal("invalid_request", format!("missing parameter `{name}`")))
}

fn exchange_code(
    issuer: &OidcIssuer,
    grants: &SignInGrants,
    form: &BTreeMap<String, String>,
) -> Result<Value, ExchangeRefusal> {
    let [code, client, redirect_uri, verifier] =
        ["code", "client_id", "redirect_uri", "code_verifier"].map(|name| required(form, name));
    let (code, client, redirect_uri, verifier) = (code?, client?, redirect_uri?, verifier?);
    let now_ms = issuer.clock().now_ms();
    // The code has ended from here on, whatever else is wrong.
    let (grant, binding) = grants.take_code(code, now_ms).ok_or_else(|| {
        ExchangeRefusal::grant("the code is unknown, was used before, or is older than a minute")
    })?;
    if grant.client_id != client {
        return Err(ExchangeRefusal::grant("the code was issued to another `client_id`"));
    }
    if binding.redirect_uri != redirect_uri {
        return Err(ExchangeRefusal::grant("the code was issued for another `redirect_uri`"));
    }
    let hashed = URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()));
    if verify_slices_are_equal(hashed.as_bytes(), binding.code_challenge.as_bytes()).is_err() {
        return Err(ExchangeRefusal::grant("`code_verifier` does not match the `code_challenge`"));
    }
    respond(issuer, grants, grant, code)
}

fn exchange_refresh_token(
    issuer: &OidcIssuer,
    grants: &SignInGrants,
    form: &BTreeMap<String, String>,
) -> Result<Value, ExchangeRefusal> {
    let (token, client) = (required(form, "refresh_token")?, required(form, "client_id")?);
    let now_ms = issuer.clock().now_ms();
    let found = grants.take_refresh_token(token, client, now_ms);
    let (grant, code) = found.ok_or_else(|| {
        ExchangeRefusal::grant("the refresh token is unknown, was used before, or has expired")
    })?;
    // OpenID Connect Core §12.2: the ID token of a refresh has no nonce.
    respond(issuer, grants, SignInGrant { nonce: None, ..grant }, &code)
}

/// The tokens of a grant: a bearer, and an ID token and a refresh token if the scope asks for them.
fn respond(
    issuer: &OidcIssuer,
    grants: &SignInGrants,
    grant: SignInGrant,
    code: &str,
) -> Result<Value, ExchangeRefusal> {
    let failed = |problem| ExchangeRefusal("invalid_request", problem);
    let mut response = issuer.token(&bearer_form(&grant)).map_err(failed)?;
    let has = |scope: &str| grant.scope.split_whitespace().any(|one| one == scope);
    let id_token = has("openid").then(|| id_token(issuer, &grant)).transpose().map_err(failed)?;
    let is_offline = has("offline_access");
    let Some(members) = response.as_object_mut() else { return Ok(response) };
    if let Some(id_token) = id_token {
        members.insert("id_token".to_owned(), id_token.into());
    }
    if !grant.scope.is_empty() {
        members.insert("scope".to_owned(), grant.scope.clone().into());
    }
    if is_offline {
        let token = grants.issue_refresh_token(grant, code, issuer.clock().now_ms());
        members.extend(token.map(|token| ("refresh_token".to_owned(), token.into())));
    }
    Ok(response)
}

/// The form that requests a bearer with the user, the profile and the scopes of the API.
pub(super) fn bearer_form(grant: &SignInGrant) -> Vec<u8> {
    let is_of_api = |scope: &&str| !SIGN_IN_SCOPES.contains(scope);
    let scope: Vec<&str> = grant.scope.split_whitespace().filter(is_of_api).collect();
    let (scope, mut form) = (scope.join(" "), form_urlencoded::Serializer::new(String::new()));
    for (name, value) in [("sub", &grant.subject), ("profile", &grant.profile), ("scope", &scope)] {
        if !value.is_empty() {
            form.append_pair(name, value);
        }
    }
    form.finish().into_bytes()
}

fn id_token(issuer: &OidcIssuer, grant: &SignInGrant) -> Result<String, String> {
    let mut claims = json!({
        "iss": issuer.url(), "sub": grant.subject, "aud": grant.client_id,
        "auth_time": grant.signed_in_at,
    });
    if let (Some(nonce), Some(claims)) = (&grant.nonce, claims.as_object_mut()) {
        claims.insert("nonce".to_owned(), nonce.as_str().into());
    }
    issuer.sign_id_token(claims)
}
