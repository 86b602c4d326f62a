//! The Entra endpoints that Microsoft's credential classes use when their authority is this
//! emulator.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::claims::EntraClaims;
use super::issuer;
use crate::resource::Resource;
use crate::route::percent_decoded;
use crate::service::Request;

/// An endpoint of Entra.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OAuthRoute {
    Token {
        tenant: String,
    },
    Configuration {
        tenant: String,
    },
    Keys,
    /// Instance discovery: the hosts of Entra.
    Instances,
    /// Realm discovery: where the user's password is kept.
    Realm,
}

/// The accounts that can get tokens by secret or password.
#[derive(Default)]
pub(crate) struct Accounts {
    /// Applications: id and secret.
    pub clients: Vec<(String, String)>,
    /// Users: name, password and object id.
    pub users: Vec<(String, String, String)>,
}

impl Accounts {
    /// Adds the documented accounts where none were given.
    pub(crate) fn or_development(mut self) -> Self {
        if self.clients.is_empty() {
            self.clients.push((DEVELOPMENT_APP.into(), DEVELOPMENT_SECRET.into()));
        }
        if self.users.is_empty() {
            let (name, password) = (DEVELOPMENT_USERNAME.into(), DEVELOPMENT_PASSWORD.into());
            self.users.push((name, password, DEVELOPMENT_USER.into()));
        }
        self
    }
}

impl OAuthRoute {
    /// The endpoint of a request; `None` if it is for the service. The two have no path in common.
    pub(crate) fn of(method: &Method, path: &str) -> Option<Self> {
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        let tenant = |text: &&str| (*text).to_owned();
        match (method, segments.as_slice()) {
            (&Method::POST, [name, "oauth2", "v2.0", "token"]) => {
                Some(Self::Token { tenant: tenant(name) })
            }
            // MSAL requests the shorter path from an authority called `adfs`.
            (
                &Method::GET,
                [name, "v2.0", ".well-known", "openid-configuration"]
                | [name, ".well-known", "openid-configuration"],
            ) => Some(Self::Configuration { tenant: tenant(name) }),
            (&Method::GET, [_, "discovery", "v2.0", "keys"]) => Some(Self::Keys),
            (&Method::GET, ["common", "discovery", "instance"]) => Some(Self::Instances),
            (&Method::GET, ["common", "userrealm", _]) => Some(Self::Realm),
            _ => None,
        }
    }

    /// The status and JSON of the response. `scheme` is that of the client's connection.
    pub(crate) fn answer(
        &self,
        resource: &Resource,
        request: &Request,
        scheme: &str,
    ) -> (StatusCode, Value) {
        let host = request.headers.get("host").and_then(|host| host.to_str().ok());
        let host = host.unwrap_or("localhost");
        let body = match self {
            Self::Token { tenant } => match grant(resource, tenant, request) {
                Ok(granted) => granted,
                Err(refusal) => return refusal.answer(),
            },
            Self::Configuration { tenant } => configuration(&format!("{scheme}://{host}"), tenant),
            Self::Keys => resource.entra.issuer.jwks(),
            Self::Instances => instances(&format!("{scheme}://{host}"), host, request),
            Self::Realm => json!({"ver": "1.0", "account_type": "Managed",
                "domain_name": "emulator.invalid", "cloud_instance_name": host}),
        };
        (StatusCode::OK, body)
    }
}

fn configuration(base: &str, tenant: &str) -> Value {
    json!({
        "issuer": issuer_of(&tenant_guid(tenant)),
        "authorization_endpoint": format!("{base}/{tenant}/oauth2/v2.0/authorize"),
        "token_endpoint": format!("{base}/{tenant}/oauth2/v2.0/token"),
        "jwks_uri": format!("{base}/{tenant}/discovery/v2.0/keys"),
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        "response_types_supported": ["token"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid", "profile", "offline_access"],
        "tenant_region_scope": null,
        "cloud_instance_name": "microsoftonline.com",
    })
}

fn instances(base: &str, host: &str, request: &Request) -> Value {
    let query = request.uri.query().unwrap_or_default().as_bytes();
    let asked = form_urlencoded::parse(query).find(|(name, _)| name == "authorization_endpoint");
    let tenant = asked
        .and_then(|(_, endpoint)| endpoint.split('/').nth(3).map(str::to_owned))
        .unwrap_or_else(|| "common".to_owned());
    json!({
        "tenant_discovery_endpoint": format!("{base}/{tenant}/v2.0/.well-known/openid-configuration"),
        "api-version": "1.1",
        "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
    })
}

/// The form members that a grant needs.
struct Form(Vec<(String, String)>);

impl Form {
    fn of(request: &Request) -> Self {
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
fn basic(request: &Request) -> Option<Vec<(String, String)>> {
    let value = request.headers.get("authorization")?.to_str().ok()?.strip_prefix("Basic ")?;
    let text = String::from_utf8(STANDARD.decode(value).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    let pair = [("client_id", id), ("client_secret", secret)];
    Some(pair.map(|(name, value)| (name.to_owned(), percent_decoded(value))).to_vec())
}

fn grant(resource: &Resource, tenant: &str, request: &Request) -> Result<Value, GrantRefusal> {
    let form = Form::of(request);
    let accounts = &resource.entra.accounts;
    let (aud, permissions) = requested(form.get("scope")).ok_or(GrantRefusal::Scope)?;
    let client = form.get("client_id");
    let (oid, scp, roles) = match form.get("grant_type") {
        "client_credentials" => {
            let known = accounts.clients.iter().any(|(id, secret)| {
                id.eq_ignore_ascii_case(client) && same(secret, form.get("client_secret"))
            });
            if !known {
                return Err(GrantRefusal::Client);
            }
            // If a role is required, every application with a valid secret gets it.
            let roles = resource.entra.required_role.iter().cloned().collect();
            (DEVELOPMENT_PRINCIPAL, None, roles)
        }
        "password" => {
            let known = accounts.users.iter().find(|(name, password, _)| {
                name.eq_ignore_ascii_case(form.get("username"))
                    && same(password, form.get("password"))
            });
            let (_, _, oid) = known.ok_or(GrantRefusal::User)?;
            (oid.as_str(), Some(permissions), Vec::new())
        }
        _ => return Err(GrantRefusal::GrantType),
    };
    let now = issuer::now_for(&aud, &resource.clock).unix_timestamp();
    let tenant = tenant_guid(tenant);
    let claims = EntraClaims {
        aud,
        iss: format!("https://sts.windows.net/{tenant}/"),
        iat: now,
        nbf: now,
        exp: now.saturating_add(LIFE_SECONDS),
        appid: Some(client.to_owned()),
        oid: Some(oid.to_owned()),
        roles,
        scp,
        tid: Some(tenant.clone()),
        ver: "1.0".to_owned(),
        ..EntraClaims::default()
    };
    let signer = &resource.entra.issuer;
    let mut granted = json!({"token_type": "Bearer", "expires_in": LIFE_SECONDS,
        "ext_expires_in": LIFE_SECONDS, "scope": form.get("scope"),
        "access_token": signer.sign(&claims).ok_or(GrantRefusal::Key)?});
    if let (true, Some(members)) = (claims.scp.is_some(), granted.as_object_mut()) {
        // A client library identifies the user by these two.
        let info = json!({"uid": oid, "utid": tenant}).to_string();
        members.insert("client_info".to_owned(), URL_SAFE_NO_PAD.encode(info).into());
        let about = json!({"aud": client, "iss": issuer_of(&tenant), "iat": now, "nbf": now,
            "exp": claims.exp, "oid": oid, "sub": oid, "tid": tenant, "ver": "2.0",
            "preferred_username": form.get("username")});
        let about = signer.sign(&about).ok_or(GrantRefusal::Key)?;
        members.insert("id_token".to_owned(), about.into());
    }
    Ok(granted)
}

/// The issuer of the development issuer's id tokens.
fn issuer_of(tenant: &str) -> String {
    format!("https://login.microsoftonline.com/{tenant}/v2.0")
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
fn tenant_guid(tenant: &str) -> String {
    let guid = Uuid::try_parse(tenant).map(|guid| guid.hyphenated().to_string());
    guid.unwrap_or_else(|_| DEVELOPMENT_TENANT.to_owned())
}

fn same(known: &str, given: &str) -> bool {
    verify_slices_are_equal(known.as_bytes(), given.as_bytes()).is_ok()
}

/// Why no token is issued.
enum GrantRefusal {
    Client,
    User,
    Scope,
    GrantType,
    Key,
}

impl GrantRefusal {
    fn answer(&self) -> (StatusCode, Value) {
        let (status, error, description) = match self {
            Self::Client => (
                StatusCode::UNAUTHORIZED,
                "invalid_client",
                "The client id is not known, or the secret is not the client's.",
            ),
            Self::User => (
                StatusCode::BAD_REQUEST,
                "invalid_grant",
                "The username is not known, or the password is not the user's.",
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
                "There is no key for Entra tokens; see the emulator's log.",
            ),
        };
        (status, json!({"error": error, "error_description": description}))
    }
}

/// All permissions, which `.default` stands for.
const EVERYTHING: &str = "Teams.ManageCalls Teams.ManageChats TeamsExtension.ManageCalls Chat VoIP";
const LIFE_SECONDS: i64 = 3600;

pub(super) const DEVELOPMENT_TENANT: &str = "e0000000-0000-4000-8000-000000000001";
pub(super) const DEVELOPMENT_APP: &str = "e0000000-0000-4000-8000-000000000002";
pub(super) const DEVELOPMENT_USER: &str = "e0000000-0000-4000-8000-000000000003";
const DEVELOPMENT_PRINCIPAL: &str = "e0000000-0000-4000-8000-000000000004";
const DEVELOPMENT_SECRET: &str = "development-secret";
const DEVELOPMENT_USERNAME: &str = "user@emulator.invalid";
const DEVELOPMENT_PASSWORD: &str = "development-password";
