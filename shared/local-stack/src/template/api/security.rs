//! Reads the authorizer of the HTTP API, and the access rule of each route, from its
//! `DefinitionBody`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_norway::Value as Yaml;

use crate::template::error::{TemplateResult, invalid};
use crate::template::names::TemplateNames;
use crate::template::resources::Resources;
use crate::template::sam::{ApiDefinition, GatewayAuthorizer, SecurityScheme};
use crate::template::spec::{AuthorizerSpec, JwtAuthorizerSpec, LambdaAuthorizerSpec, RouteAuth};
use crate::template::yaml::{child, parse};

/// The authorizer of the HTTP API, and the routes that have it.
#[derive(Default)]
pub(crate) struct RouteSecurity {
    pub(crate) authorizer: Option<AuthorizerSpec>,
    /// The scopes of the routes with the authorizer, by path and by method in lower case.
    scopes: BTreeMap<String, BTreeMap<String, Vec<String>>>,
}

impl RouteSecurity {
    /// Reads the HTTP API of the template; without one, every route is public.
    pub(crate) fn read(names: &TemplateNames, resources: &Resources<'_>) -> TemplateResult<Self> {
        let mut apis = resources.iter().filter(|(_, r)| r.kind == "AWS::Serverless::HttpApi");
        let Some((id, api)) = apis.next() else { return Ok(Self::default()) };
        if let Some((second, _)) = apis.next() {
            let at = format!("Resources.{second}");
            return Err(invalid(&at, "a second HTTP API is not supported"));
        }
        let at = format!("Resources.{id}.Properties");
        if child(api.properties, &["Auth"]).is_some() {
            let help = "declare securitySchemes, and the security of each path, in DefinitionBody";
            return Err(invalid(&format!("{at}.Auth"), format!("is not supported: {help}")));
        }
        let at = format!("{at}.DefinitionBody");
        let body = child(api.properties, &["DefinitionBody"]).unwrap_or(&Yaml::Null);
        let keys = ["components", "paths"];
        let definition: ApiDefinition = parse(names.pick(body, &keys, &at)?, &at)?;
        let mut schemes = definition.components.security_schemes.into_iter();
        let Some((name, scheme)) = schemes.next() else { return Ok(Self::default()) };
        if let Some((second, _)) = schemes.next() {
            let at = format!("{at}.components.securitySchemes.{second}");
            return Err(invalid(&at, "a second authorizer is not supported"));
        }
        let mut scopes = BTreeMap::<_, BTreeMap<_, _>>::new();
        for (path, operations) in definition.paths {
            for (method, operation) in operations {
                let at = format!("{at}.paths.{path}.{method}.security");
                let Some(required) = operation.security.into_iter().next() else { continue };
                let mut required = required.into_iter();
                let listed = match (required.next(), required.next()) {
                    (Some((scheme, listed)), None) if scheme == name => listed,
                    _ => return Err(invalid(&at, format!("must name the authorizer `{name}`"))),
                };
                scopes.entry(path.clone()).or_default().insert(method, listed);
            }
        }
        let at = format!("{at}.components.securitySchemes.{name}");
        Ok(Self { authorizer: Some(authorizer(scheme, &at)?), scopes })
    }

    /// The access rule of a route. As in API Gateway, a route without `security` is public.
    pub(crate) fn access(&self, method: &str, path: &str) -> RouteAuth {
        let method = method.to_ascii_lowercase();
        let scopes = self.scopes.get(path).and_then(|methods| methods.get(&method));
        match (&self.authorizer, scopes) {
            (Some(AuthorizerSpec::Jwt(_)), Some(scopes)) => {
                RouteAuth::Jwt { scopes: scopes.clone() }
            }
            (Some(AuthorizerSpec::Lambda(_)), Some(_)) => RouteAuth::Lambda,
            _ => RouteAuth::Public,
        }
    }
}

fn authorizer(scheme: SecurityScheme, at: &str) -> TemplateResult<AuthorizerSpec> {
    const BEARER: &str = "$request.header.Authorization";
    let (spec, source) = match scheme.authorizer {
        GatewayAuthorizer::Jwt { jwt_configuration: jwt, identity_source } => {
            let spec = JwtAuthorizerSpec { issuer: jwt.issuer, audience: jwt.audience };
            (AuthorizerSpec::Jwt(spec), identity_source)
        }
        GatewayAuthorizer::Request(request) => {
            let function = request
                .authorizer_uri
                .split_once("/functions/")
                .and_then(|(_, rest)| rest.strip_suffix("/invocations"))
                .ok_or_else(|| invalid(at, "authorizerUri is not that of a function"))?;
            if request.authorizer_payload_format_version != "2.0"
                || !request.enable_simple_responses
            {
                let supported = "must have payload format 2.0 and simple responses";
                return Err(invalid(at, format!("unsupported authorizer: {supported}")));
            }
            let spec = LambdaAuthorizerSpec {
                function: function.to_owned(),
                cache_for: Duration::from_secs(request.authorizer_result_ttl_in_seconds),
            };
            (AuthorizerSpec::Lambda(spec), request.identity_source)
        }
    };
    if source != BEARER {
        return Err(invalid(at, format!("identitySource must be {BEARER}")));
    }
    Ok(spec)
}

#[cfg(test)]
mod tests;
