//! The grants by which Entra issues tokens: client credentials and password.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hyper::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::api::{HttpRequest, percent_decoded};
use crate::auth::{DEVELOPMENT_PRINCIPAL, DEVELOPMENT_TENANT, EntraClaims, issuer};
use crate::cloud::Cloud;
use crate::resource::Resource;

/// Why no token is issued.
pub(super) enum GrantRefusal {
    Client,
    User,
    Scope,
    GrantType,
    Key,
}

impl GrantRefusal {
    pub(super) fn response(&self) -> (StatusCode, Value) {
        let (status, error, description) = match self {
            Self::Client => (
                StatusCode::UNAUTHORIZED,
                "invalid_client",
                "The client id is unknown, or the secret or the assertion is wrong.",
            ),
            Self::User => (
                StatusCode::BAD_REQUEST,
                "invalid_grant",
                "The username is unknown, or the password is wrong.",
            ),
            Self::Scope => (
                StatusCode::BAD_REQUEST,
                "invalid_scope",
                "The scopes must name permissions of one application, such as \
                 https://communication.azure.com//.default.",
            ),
            Self::GrantType => (
                StatusCode::BAD_REQUEST,
                "unsupported_grant_type",
                "The grant type must be client_credentials or password.",
            ),
            Self::Key => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "server_error",
                "The key for Entra tokens could not be generated; see the emulator's log.",
            ),
        };
        (status, json!({"error": error, "error_description": description}))
    }
}

/// Issues the tokens that a form requests.
pub(super) fn grant(
    resource: &Resource,
    tenant: &str,
    request: &HttpRequest,
) -> Result<Value, GrantRefusal> {
    let form = Form::of(request);
    let entra = &resource.auth.entra;
    let (aud, permissions) = requested(form.get("scope")).ok_or(GrantRefusal::Scope)?;
    let (oid, scp, roles) = match form.get("grant_type") {
        "client_credentials" => {
            check_client(resource, &form)?;
            // If a role is required, every application with a valid secret gets it.
            (DEVELOPMENT_PRINCIPAL, None, entra.required_role.iter().cloned().collect())
        }
        "password" => (signed_in_user(resource, &form)?, Some(permissions), Vec::new()),
        _ => return Err(GrantRefusal::GrantType),
    };
    let now = issuer::now_for(&aud, &resource.clock).unix_timestamp();
    let tenant = tenant_guid(tenant);
    let claims = EntraClaims {
        aud,
        iss: Cloud::first_issuer(&tenant),
        iat: now,
        nbf: now,
        exp: now.saturating_add(LIFE_SECONDS),
        appid: Some(form.get("client_id").to_owned()),
        oid: Some(oid.to_owned()),
        roles,
        scp,
        tid: Some(tenant.clone()),
        ver: "1.0".to_owned(),
        ..EntraClaims::default()
    };
    let mut granted = json!({"token_type": "Bearer", "expires_in": LIFE_SECONDS,
        "ext_expires_in": LIFE_SECONDS, "scope": form.get("scope"),
        "access_token": entra.issuer.sign(&claims).ok_or(GrantRefusal::Key)?});
    if let (true, Some(members)) = (claims.scp.is_some(), granted.as_object_mut()) {
        // A client library identifies the user by these two.
        let info = json!({"uid": oid, "utid": tenant}).to_string();
        members.insert("client_info".to_owned(), URL_SAFE_NO_PAD.encode(info).into());
        let id_token = id_token(resource, &tenant, &form, &claims).ok_or(GrantRefusal::Key)?;
        members.insert("id_token".to_owned(), id_token.into());
    }
    Ok(granted)
}

/// Checks the secret or the assertion of the client that the form names.
fn check_client(resource: &Resource, form: &Form) -> Result<(), GrantRefusal> {
    let entra = &resource.auth.entra;
    let is_federated = || {
        form.get("client_assertion_type") == JWT_BEARER
            && entra.is_federated(form.get("client_assertion"), resource.clock.now())
    };
    let is_known = entra.accounts.clients.iter().any(|(id, secret)| {
        id.eq_ignore_ascii_case(form.get("client_id"))
            && (same(secret, form.get("client_secret")) || is_federated())
    });
    if is_known { Ok(()) } else { Err(GrantRefusal::Client) }
}

/// The object id of the user whose name and password the form has.
fn signed_in_user<'a>(resource: &'a Resource, form: &Form) -> Result<&'a str, GrantRefusal> {
    let mut users = resource.auth.entra.accounts.users.iter();
    let known = users.find(|(name, password, _)| {
        name.eq_ignore_ascii_case(form.get("username")) && same(password, form.get("password"))
    });
    known.map(|(_, _, oid)| oid.as_str()).ok_or(GrantRefusal::User)
}

/// The ID token beside a user's access token with these claims.
fn id_token(
    resource: &Resource,
    tenant: &str,
    form: &Form,
    claims: &EntraClaims,
) -> Option<String> {
    let about = json!({"aud": claims.appid, "iss": resource.options.cloud.issuer(tenant),
        "iat": claims.iat, "nbf": claims.nbf, "exp": claims.exp, "oid": claims.oid,
        "sub": claims.oid, "tid": tenant, "ver": "2.0",
        "preferred_username": form.get("username")});
    resource.auth.entra.issuer.sign(&about)
}

/// The form members that a grant needs.
struct Form(Vec<(String, String)>);

impl Form {
    fn of(request: &HttpRequest) -> Self {
        let pairs = form_urlencoded::parse(&request.body);
        let mut form =
            Self(pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect());
        form.0.extend(basic(request).unwrap_or_default());
        form
    }

    fn get(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(given, _)| given == name);
        found.map(|(_, value)| value.as_str()).unwrap_or_default()
    }
}

/// A client's id and secret from `Authorization: Basic`.
fn basic(request: &HttpRequest) -> Option<Vec<(String, String)>> {
    let value = request.headers.get("authorization")?.to_str().ok()?.strip_prefix("Basic ")?;
    let text = String::from_utf8(STANDARD.decode(value).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    let pair = [("client_id", id), ("client_secret", secret)];
    Some(pair.map(|(name, value)| (name.to_owned(), percent_decoded(value))).to_vec())
}

/// The application and its permissions from a request's scopes.
/// `https://communication.azure.com//.default` requests all permissions of the application
/// `https://communication.azure.com/`.
fn requested(scopes: &str) -> Option<(String, String)> {
    let named: Vec<(&str, &str)> = scopes
        .split_whitespace()
        .filter(|scope| !matches!(*scope, "openid" | "profile" | "offline_access" | "email"))
        .map(|scope| scope.rsplit_once('/'))
        .collect::<Option<_>>()?;
    let (application, _) = *named.first()?;
    if named.iter().any(|(other, _)| *other != application) {
        return None;
    }
    let permissions: Vec<&str> = named.iter().map(|(_, permission)| *permission).collect();
    let permissions = if permissions.contains(&".default") {
        EVERYTHING.to_owned()
    } else {
        permissions.join(" ")
    };
    Some((application.to_owned(), permissions))
}

/// The tenant in a path; the development tenant if the path does not have a GUID.
pub(super) fn tenant_guid(tenant: &str) -> String {
    let guid = Uuid::try_parse(tenant).map(|guid| guid.hyphenated().to_string());
    guid.unwrap_or_else(|_| DEVELOPMENT_TENANT.to_owned())
}

fn same(known: &str, given: &str) -> bool {
    verify_slices_are_equal(known.as_bytes(), given.as_bytes()).is_ok()
}

/// All permissions, which `.default` stands for.
const EVERYTHING: &str = "Teams.ManageCalls Teams.ManageChats TeamsExtension.ManageCalls Chat VoIP";
const LIFE_SECONDS: i64 = 3600;

/// RFC 7523 §2.2.
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
