//! Reads the authorizer of the HTTP API, and its routes: each with its function and its access rule.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::template::error::{TemplateResult, invalid};
use crate::template::names::TemplateNames;
use crate::template::resources::{Resources, TemplateResource};
use crate::template::sam::{AuthorizerProperties, IntegrationProperties, RouteProperties};
use crate::template::spec::{
    AuthorizerSpec, JwtAuthorizerSpec, LambdaAuthorizerSpec, RouteAuth, RouteSpec,
};
use crate::template::yaml::parse;

/// The authorizer of the HTTP API, and the routes of each function.
#[derive(Default)]
pub(crate) struct ApiRoutes {
    pub(crate) authorizer: Option<AuthorizerSpec>,
    /// By the logical id of the function.
    routes: BTreeMap<String, Vec<RouteSpec>>,
}

impl ApiRoutes {
    /// Reads the HTTP API of the template.
    pub(crate) fn read(names: &TemplateNames, resources: &Resources<'_>) -> TemplateResult<Self> {
        if let Some((second, _)) = of_kind(resources, "Api").nth(1) {
            return Err(invalid(&second, "a second HTTP API is not supported"));
        }
        let mut authorizers = of_kind(resources, "Authorizer");
        let authorizer = match authorizers.next() {
            Some((at, resource)) => Some(Authorizer::read(names, resource, &at)?),
            None => None,
        };
        if let Some((second, _)) = authorizers.next() {
            return Err(invalid(&second, "a second authorizer is not supported"));
        }
        let mut functions = BTreeMap::new();
        for (at, resource) in of_kind(resources, "Integration") {
            let id = at.rsplit('.').next().unwrap_or_default().to_owned();
            functions.insert(id, integration(names, resource, &at)?);
        }
        let mut routes = BTreeMap::<_, Vec<_>>::new();
        for (at, resource) in of_kind(resources, "Route") {
            let keys =
                ["RouteKey", "AuthorizationType", "AuthorizerId", "AuthorizationScopes", "Target"];
            let read: RouteProperties = parse(names.pick(resource.properties, &keys, &at)?, &at)?;
            let integration = read.target.strip_prefix("integrations/");
            let function = integration.and_then(|id| functions.get(id)).ok_or_else(|| {
                invalid(&format!("{at}.Target"), "must be integrations/ and an integration's ID")
            })?;
            routes.entry(function.clone()).or_default().push(route(
                read,
                authorizer.as_ref(),
                &at,
            )?);
        }
        Ok(Self { authorizer: authorizer.map(|authorizer| authorizer.spec), routes })
    }

    /// The routes of a function.
    pub(crate) fn of(&self, function: &str) -> Vec<RouteSpec> {
        self.routes.get(function).cloned().unwrap_or_default()
    }

    /// The logical ids of the functions that the API invokes.
    pub(crate) fn functions(&self) -> impl Iterator<Item = &str> {
        let authorizer = match &self.authorizer {
            Some(AuthorizerSpec::Lambda(authorizer)) => Some(authorizer.function.as_str()),
            _ => None,
        };
        self.routes.keys().map(String::as_str).chain(authorizer)
    }
}

/// The resources of a kind of API Gateway, each with its path in the template.
fn of_kind<'a>(
    resources: &'a Resources<'_>,
    kind: &str,
) -> impl Iterator<Item = (String, &'a TemplateResource<'a>)> {
    let kind = format!("AWS::ApiGatewayV2::{kind}");
    resources
        .iter()
        .filter(move |(_, resource)| resource.kind == kind)
        .map(|(id, resource)| (format!("Resources.{id}"), resource))
}

/// The function of an integration.
fn integration(
    names: &TemplateNames,
    resource: &TemplateResource<'_>,
    at: &str,
) -> TemplateResult<String> {
    let keys = ["IntegrationType", "IntegrationUri", "PayloadFormatVersion"];
    let read: IntegrationProperties = parse(names.pick(resource.properties, &keys, at)?, at)?;
    if read.integration_type != "AWS_PROXY" || read.payload_format_version != "2.0" {
        return Err(invalid(at, "must be of the type AWS_PROXY with the payload format 2.0"));
    }
    invoked(&read.integration_uri)
        .ok_or_else(|| invalid(&format!("{at}.IntegrationUri"), "is not that of a function"))
}

/// The function of a URI of API Gateway, which ends with `functions/<ARN>/invocations`.
fn invoked(uri: &str) -> Option<String> {
    let (_, rest) = uri.split_once("/functions/")?;
    rest.strip_suffix("/invocations").map(str::to_owned)
}

struct Authorizer {
    id: String,
    spec: AuthorizerSpec,
}

impl Authorizer {
    fn read(
        names: &TemplateNames,
        resource: &TemplateResource<'_>,
        at: &str,
    ) -> TemplateResult<Self> {
        const BEARER: &str = "$request.header.Authorization";
        let keys = [
            "AuthorizerType",
            "IdentitySource",
            "JwtConfiguration",
            "AuthorizerUri",
            "AuthorizerPayloadFormatVersion",
            "AuthorizerResultTtlInSeconds",
            "EnableSimpleResponses",
        ];
        let read: AuthorizerProperties = parse(names.pick(resource.properties, &keys, at)?, at)?;
        if read.identity_source != [BEARER] {
            return Err(invalid(at, format!("IdentitySource must be {BEARER}")));
        }
        let spec = match (read.authorizer_type.as_str(), read.jwt_configuration) {
            ("JWT", Some(jwt)) => AuthorizerSpec::Jwt(JwtAuthorizerSpec {
                issuer: jwt.issuer,
                audience: jwt.audience,
            }),
            ("REQUEST", None) => {
                if read.authorizer_payload_format_version.as_deref() != Some("2.0")
                    || !read.enable_simple_responses
                {
                    let supported = "must have payload format 2.0 and simple responses";
                    return Err(invalid(at, format!("unsupported authorizer: {supported}")));
                }
                let function = read.authorizer_uri.as_deref().and_then(invoked);
                AuthorizerSpec::Lambda(LambdaAuthorizerSpec {
                    function: function
                        .ok_or_else(|| invalid(at, "AuthorizerUri is not that of a function"))?,
                    cache_for: Duration::from_secs(read.authorizer_result_ttl_in_seconds),
                })
            }
            _ => {
                let supported = "must be JWT with a JwtConfiguration, or REQUEST without";
                return Err(invalid(at, format!("unsupported authorizer: {supported}")));
            }
        };
        Ok(Self { id: at.rsplit('.').next().unwrap_or_default().to_owned(), spec })
    }
}

fn route(
    read: RouteProperties,
    authorizer: Option<&Authorizer>,
    at: &str,
) -> TemplateResult<RouteSpec> {
    let (method, path) = read
        .route_key
        .split_once(' ')
        .ok_or_else(|| invalid(&format!("{at}.RouteKey"), "must be a method and a path"))?;
    // API Gateway allows the rest of a path only as the last segment.
    let has_rest = path.strip_suffix("+}").unwrap_or(path).contains("+}");
    if has_rest || method == "ANY" || method != method.to_ascii_uppercase() {
        let problem = "unsupported route: use one method in upper case, {name} only for a whole segment, and {name+} only at the end";
        return Err(invalid(at, problem));
    }
    let by = authorizer.filter(|one| read.authorizer_id.as_ref() == Some(&one.id));
    let access = match (read.authorization_type.as_str(), by.map(|one| &one.spec)) {
        ("NONE", _) => RouteAuth::Public,
        ("JWT", Some(AuthorizerSpec::Jwt(_))) => {
            RouteAuth::Jwt { scopes: read.authorization_scopes }
        }
        ("CUSTOM", Some(AuthorizerSpec::Lambda(_))) if read.authorization_scopes.is_empty() => {
            RouteAuth::Lambda
        }
        _ => {
            let problem = "must be NONE, or JWT or CUSTOM with an authorizer of that type in AuthorizerId; only JWT can have scopes";
            return Err(invalid(&format!("{at}.AuthorizationType"), problem));
        }
    };
    Ok(RouteSpec { method: method.to_owned(), path: path.to_owned(), access })
}

#[cfg(test)]
mod tests;
