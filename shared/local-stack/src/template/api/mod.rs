//! Reads the settings of the HTTP API besides its routes: CORS and throttling.

mod routes;

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;

use super::error::{TemplateResult, invalid};
use super::names::TemplateNames;
use super::resources::Resources;
use super::sam::{ApiProperties, StageProperties, ThrottlingProperties};
use super::yaml::parse;

pub(super) use routes::ApiRoutes;

/// The settings of the HTTP API.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HttpApiSpec {
    /// `CorsConfiguration`, if web apps may call the API.
    pub cors: Option<CorsSpec>,
    /// `DefaultRouteSettings`: the throttling of each route that has no setting of its own.
    pub default_throttle: ThrottleSpec,
    /// `RouteSettings`, by the key of the route.
    pub route_throttles: BTreeMap<String, ThrottleSpec>,
}

/// The `CorsConfiguration` of an HTTP API.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CorsSpec {
    /// The origins that may call the API; `*` stands for every origin.
    pub origins: Vec<String>,
    /// The methods that they may use.
    pub methods: Vec<String>,
    /// The headers that they may send.
    pub headers: Vec<String>,
    /// The response headers that they may read.
    pub exposed_headers: Vec<String>,
    /// How many seconds a browser may store the answer to a preflight.
    pub max_age: Option<u64>,
    /// Whether the browser may send cookies.
    pub credentials: bool,
}

/// The throttling of one route: a token bucket.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ThrottleSpec {
    /// Requests per second.
    pub rate: f64,
    /// The size of the bucket in requests.
    pub burst: f64,
}

impl Default for ThrottleSpec {
    /// The quota of an account in most Regions.
    fn default() -> Self {
        Self { rate: 10_000.0, burst: 5_000.0 }
    }
}

/// The settings of the template's HTTP API. The caller has checked that there is at most one.
pub(super) fn settings(
    names: &TemplateNames,
    resources: &Resources<'_>,
) -> TemplateResult<HttpApiSpec> {
    let at = "CorsConfiguration";
    let api: ApiProperties = read(names, resources, "Api", &["CorsConfiguration"])?;
    let keys = ["DefaultRouteSettings", "RouteSettings"];
    let stage: StageProperties = read(names, resources, "Stage", &keys)?;
    let default_throttle = throttle(&stage.default_route_settings, ThrottleSpec::default());
    let route_throttles = stage
        .route_settings
        .iter()
        .map(|(route, settings)| (route.clone(), throttle(settings, default_throttle)))
        .collect();
    let cors = api.cors_configuration.map(|cors| CorsSpec {
        origins: cors.allow_origins,
        methods: cors.allow_methods,
        headers: cors.allow_headers,
        exposed_headers: cors.expose_headers,
        max_age: cors.max_age,
        credentials: cors.allow_credentials,
    });
    if let Some(cors) = &cors {
        check_origins(cors, at)?;
    }
    Ok(HttpApiSpec { cors, default_throttle, route_throttles })
}

/// Reads these properties of the resource of a kind of API Gateway; without one, the defaults.
fn read<T: Default + DeserializeOwned>(
    names: &TemplateNames,
    resources: &Resources<'_>,
    kind: &str,
    keys: &[&str],
) -> TemplateResult<T> {
    let kind = format!("AWS::ApiGatewayV2::{kind}");
    let Some((id, resource)) = resources.iter().find(|(_, resource)| resource.kind == kind) else {
        return Ok(T::default());
    };
    let at = format!("Resources.{id}.Properties");
    parse(names.pick(resource.properties, keys, &at)?, &at)
}

fn throttle(settings: &ThrottlingProperties, default: ThrottleSpec) -> ThrottleSpec {
    ThrottleSpec {
        rate: settings.throttling_rate_limit.unwrap_or(default.rate),
        burst: settings.throttling_burst_limit.unwrap_or(default.burst),
    }
}

/// Refuses what would fail the deployment.
fn check_origins(cors: &CorsSpec, at: &str) -> TemplateResult<()> {
    let is_valid = |origin: &str| {
        origin == "*" || origin.starts_with("https://") || origin.starts_with("http://")
    };
    if let Some(origin) = cors.origins.iter().find(|origin| !is_valid(origin)) {
        let supported = "API Gateway accepts only http://, https:// and *";
        return Err(invalid(at, format!("Invalid format for origin {origin}: {supported}")));
    }
    if cors.credentials && cors.origins.iter().any(|origin| origin == "*") {
        return Err(invalid(at, "AllowCredentials is not possible with the origin *"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
