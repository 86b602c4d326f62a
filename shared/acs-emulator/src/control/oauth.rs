//! The Entra endpoints that Microsoft's credential classes use when their authority is this
//! emulator.

use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use super::oauth_grant::{grant, tenant_guid};
use crate::api::HttpRequest;
use crate::cloud::Cloud;
use crate::resource::Resource;

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
    pub(crate) fn respond(
        &self,
        resource: &Resource,
        request: &HttpRequest,
        scheme: &str,
    ) -> (StatusCode, Value) {
        let host = request.headers.get("host").and_then(|host| host.to_str().ok());
        let host = host.unwrap_or("localhost");
        let body = match self {
            Self::Token { tenant } => match grant(resource, tenant, request) {
                Ok(granted) => granted,
                Err(refusal) => return refusal.response(),
            },
            Self::Configuration { tenant } => {
                configuration(&format!("{scheme}://{host}"), tenant, resource.options.cloud)
            }
            Self::Keys => resource.auth.entra.issuer.jwks(),
            Self::Instances => instances(&format!("{scheme}://{host}"), host, request),
            Self::Realm => json!({"ver": "1.0", "account_type": "Managed",
                "domain_name": "emulator.invalid", "cloud_instance_name": host}),
        };
        (StatusCode::OK, body)
    }
}

fn configuration(base: &str, tenant: &str, cloud: Cloud) -> Value {
    json!({
        "issuer": cloud.issuer(&tenant_guid(tenant)),
        "authorization_endpoint": format!("{base}/{tenant}/oauth2/v2.0/authorize"),
        "token_endpoint": format!("{base}/{tenant}/oauth2/v2.0/token"),
        "jwks_uri": format!("{base}/{tenant}/discovery/v2.0/keys"),
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        "response_types_supported": ["token"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid", "profile", "offline_access"],
        "tenant_region_scope": null,
        "cloud_instance_name": cloud.login_domain(),
    })
}

fn instances(base: &str, host: &str, request: &HttpRequest) -> Value {
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
