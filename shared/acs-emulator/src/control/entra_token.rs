//! Issues Entra tokens with requested claims, through the control API.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::date_time_offset;
use crate::auth::{
    DEVELOPMENT_APP, DEVELOPMENT_TENANT, DEVELOPMENT_USER, EntraClaims, TEAMS_SCOPES, is_resource,
    issuer, teams_audiences,
};
use crate::cloud::Cloud;
use crate::resource::Resource;

/// The members of `POST /_emulator/entra/token`. All of them have defaults, which give the token of
/// the development user for a Teams exchange.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct EntraTokenRequest {
    /// `tid`, and part of `iss`.
    tenant: Option<String>,
    oid: Option<String>,
    /// The application id.
    #[serde(alias = "appId")]
    appid: Option<String>,
    aud: Option<String>,
    /// Delegated permissions, separated by spaces. An empty text gives a token without them.
    scp: Option<String>,
    /// The same permissions as a list.
    scopes: Option<Vec<String>>,
    roles: Vec<String>,
    groups: Vec<String>,
    /// An hour by default. A negative value gives an expired token.
    expires_in_seconds: Option<Number>,
    /// Replaces the tenant's issuer.
    iss: Option<String>,
    /// `2.0` writes the application as `azp`, and uses the issuer of that version.
    ver: Option<String>,
}

/// A form contains only strings.
#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Number(i64),
    Text(String),
}

/// Issues the token that a body of JSON or a form describes: `{"token", "expiresOn", "claims"}`.
pub(crate) fn mint(resource: &Resource, body: &[u8]) -> Result<Value, String> {
    let order = order(body)?;
    let life = match order.expires_in_seconds {
        None => 3600,
        Some(Number::Number(seconds)) => seconds,
        Some(Number::Text(text)) => text
            .parse()
            .map_err(|_| "invalid `expiresInSeconds`: expected a whole number".to_owned())?,
    };
    let cloud = resource.options.cloud;
    let aud = order.aud.unwrap_or_else(|| cloud.teams_audience().to_owned());
    let now = issuer::now_for(&aud, &resource.clock).unix_timestamp();
    let tenant = order.tenant.unwrap_or_else(|| DEVELOPMENT_TENANT.to_owned());
    let second = order.ver.as_deref() == Some("2.0");
    let issuer = order.iss.unwrap_or_else(|| {
        if second { cloud.issuer(&tenant) } else { Cloud::first_issuer(&tenant) }
    });
    let given = order.scopes.map(|scopes| scopes.join(" ")).or(order.scp);
    let scp = given
        .or_else(|| teams_audiences(cloud).contains(&aud.as_str()).then(|| TEAMS_SCOPES.join(" ")));
    let app = Some(order.appid.unwrap_or_else(|| DEVELOPMENT_APP.to_owned()));
    let (appid, azp) = if second { (None, app) } else { (app, None) };
    let claims = EntraClaims {
        iss: issuer,
        iat: now,
        nbf: now,
        exp: now.saturating_add(life),
        appid,
        azp,
        groups: order.groups,
        oid: Some(order.oid.unwrap_or_else(|| DEVELOPMENT_USER.to_owned())),
        roles: order.roles,
        scp: scp.filter(|scp| !scp.is_empty() && !is_resource(&aud)),
        tid: Some(tenant),
        ver: order.ver.unwrap_or_else(|| "1.0".to_owned()),
        aud,
    };
    let token = resource.auth.entra.issuer.sign(&claims);
    let token =
        token.ok_or("the key for Entra tokens could not be generated; see the emulator's log")?;
    let expires = time::OffsetDateTime::from_unix_timestamp(claims.exp)
        .map_err(|_| "invalid `expiresInSeconds`: the date is out of range".to_owned())?;
    Ok(json!({"token": token, "expiresOn": date_time_offset(expires), "claims": claims}))
}

fn order(body: &[u8]) -> Result<EntraTokenRequest, String> {
    let misfit = |error: serde_json::Error| format!("invalid request body: {error}");
    match body.trim_ascii() {
        [] => Ok(EntraTokenRequest::default()),
        json @ [b'{', ..] => serde_json::from_slice(json).map_err(misfit),
        form => {
            let mut members = serde_json::Map::new();
            for (name, value) in form_urlencoded::parse(form) {
                let value = if LISTS.contains(&name.as_ref()) {
                    value.split_whitespace().collect()
                } else {
                    Value::from(value.into_owned())
                };
                members.insert(name.into_owned(), value);
            }
            serde_json::from_value(Value::Object(members)).map_err(misfit)
        }
    }
}

/// In a form, these values are separated by spaces.
const LISTS: [&str; 3] = ["scopes", "roles", "groups"];
