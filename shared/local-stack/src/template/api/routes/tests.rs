use super::*;
use crate::template::{Inputs, Template};

/// The access rule of the route `GET /a` in a template with this authorizer, and these properties of
/// the route.
fn access(authorizer: &str, route: &str) -> Result<RouteAuth, String> {
    let yaml = format!(
        "
Resources:
  Api: {{ Type: AWS::ApiGatewayV2::Api }}
  Callers: {{ Type: AWS::ApiGatewayV2::Authorizer, Properties: {authorizer} }}
  ToF: {{ Type: AWS::ApiGatewayV2::Integration, Properties: {INTEGRATION} }}
  A: {{ Type: AWS::ApiGatewayV2::Route, Properties: {{ RouteKey: GET /a, Target: !Sub 'integrations/${{ToF}}', {route} }} }}
  F: {{ Type: AWS::Serverless::Function, Properties: {{ CodeUri: f }} }}
"
    );
    read(&yaml).map(|mut template| template.functions.remove(0).routes.remove(0).access)
}

fn read(yaml: &str) -> Result<Template, String> {
    Template::read(yaml, &Inputs::default()).map_err(|error| error.to_string())
}

const INTEGRATION: &str = "{ IntegrationType: AWS_PROXY, IntegrationUri: arn/functions/F/invocations, PayloadFormatVersion: '2.0' }";

const JWT: &str = "{ AuthorizerType: JWT, IdentitySource: [$request.header.Authorization],
        JwtConfiguration: { Issuer: i, Audience: [a] } }";

const LAMBDA: &str = "{ AuthorizerType: REQUEST, IdentitySource: [$request.header.Authorization],
        AuthorizerUri: arn/functions/F/invocations, AuthorizerPayloadFormatVersion: '2.0',
        EnableSimpleResponses: true }";

const BY_JWT: &str = "AuthorizationType: JWT, AuthorizerId: !Ref Callers";
const BY_LAMBDA: &str = "AuthorizationType: CUSTOM, AuthorizerId: !Ref Callers";

#[test]
fn a_route_has_its_authorizer_and_its_scopes_and_is_public_without() {
    let jwt = |scopes: &[&str]| {
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        RouteAuth::Jwt { scopes }
    };
    let one = format!("{BY_JWT}, AuthorizationScopes: [one]");
    let none = format!("{BY_JWT}, AuthorizationScopes: !Ref AWS::NoValue");
    for (authorizer, route, expected) in [
        (JWT, one.as_str(), jwt(&["one"])),
        (JWT, none.as_str(), jwt(&[])),
        (JWT, BY_JWT, jwt(&[])),
        (JWT, "AuthorizationType: NONE", RouteAuth::Public),
        (JWT, "", RouteAuth::Public),
        (LAMBDA, BY_LAMBDA, RouteAuth::Lambda),
        (LAMBDA, "", RouteAuth::Public),
    ] {
        assert_eq!(access(authorizer, route), Ok(expected), "{route}");
    }
}

#[test]
fn an_unsupported_authorizer_is_refused_with_its_path() {
    let kind = "unsupported authorizer: must be JWT with a JwtConfiguration";
    let simple = "unsupported authorizer: must have payload format 2.0 and simple responses";
    for (authorizer, problem) in [
        (
            JWT.replace("header.Auth", "querystring.Auth"),
            "IdentitySource must be $request.header.Authorization",
        ),
        (JWT.replace(": JWT", ": REQUEST"), kind),
        (LAMBDA.replace(": REQUEST", ": JWT"), kind),
        (LAMBDA.replace("2.0", "1.0"), simple),
        (LAMBDA.replace("true", "false"), simple),
        (LAMBDA.replace("/functions/", "/other/"), "AuthorizerUri is not that of a function"),
        (LAMBDA.replace("/invocations", ""), "AuthorizerUri is not that of a function"),
    ] {
        let error = access(&authorizer, "").unwrap_err();
        assert!(error.starts_with(&format!("Resources.Callers: {problem}")), "{error}");
    }
    let error = access(&LAMBDA.replace("/F/", "/G/"), "").unwrap_err();
    assert_eq!(error, "Resources: the API's function `G` is missing");
}

#[test]
fn an_unsupported_route_is_refused_with_its_path() {
    let scoped = format!("{BY_LAMBDA}, AuthorizationScopes: [one]");
    for (authorizer, route, problem) in [
        (JWT, BY_LAMBDA, "AuthorizationType: must be NONE"),
        (LAMBDA, BY_JWT, "AuthorizationType: must be NONE"),
        (LAMBDA, scoped.as_str(), "AuthorizationType: must be NONE"),
        (JWT, "AuthorizationType: JWT", "AuthorizationType: must be NONE"),
        (JWT, "AuthorizationType: JWT, AuthorizerId: Other", "AuthorizationType: must be NONE"),
    ] {
        let error = access(authorizer, route).unwrap_err();
        assert!(error.starts_with(&format!("Resources.A.{problem}")), "{route}: {error}");
    }
}

#[test]
fn a_key_or_a_target_that_api_gateway_refuses_is_refused() {
    let route = |properties: &str| {
        format!(
            "Resources: {{ ToF: {{ Type: AWS::ApiGatewayV2::Integration, Properties: {INTEGRATION} }}, F: {{ Type: AWS::Serverless::Function, Properties: {{ CodeUri: f }} }}, R: {{ Type: AWS::ApiGatewayV2::Route, Properties: {{ {properties} }} }} }}"
        )
    };
    for (properties, problem) in [
        ("RouteKey: $default, Target: integrations/ToF", "R.RouteKey: must be a method and a path"),
        ("RouteKey: ANY /a, Target: integrations/ToF", "R: unsupported route"),
        ("RouteKey: get /a, Target: integrations/ToF", "R: unsupported route"),
        ("RouteKey: 'GET /{x+}/y', Target: integrations/ToF", "R: unsupported route"),
        ("RouteKey: GET /a, Target: integrations/G", "R.Target: must be integrations/"),
        ("RouteKey: GET /a, Target: ToF", "R.Target: must be integrations/"),
    ] {
        let error = read(&route(properties)).unwrap_err();
        assert!(error.starts_with(&format!("Resources.{problem}")), "{properties}: {error}");
    }
    assert!(read(&route("RouteKey: 'GET /a/{x+}', Target: integrations/ToF")).is_ok());
}

#[test]
fn an_integration_invokes_a_function_with_payload_format_2() {
    for (integration, problem) in [
        (INTEGRATION.replace("AWS_PROXY", "HTTP_PROXY"), ": must be of the type AWS_PROXY"),
        (INTEGRATION.replace("2.0", "1.0"), ": must be of the type AWS_PROXY"),
        (INTEGRATION.replace("/functions/", "/"), ".IntegrationUri: is not that of a function"),
    ] {
        let yaml = format!(
            "Resources: {{ I: {{ Type: AWS::ApiGatewayV2::Integration, Properties: {integration} }} }}"
        );
        let error = read(&yaml).unwrap_err();
        assert!(error.starts_with(&format!("Resources.I{problem}")), "{error}");
    }
}

#[test]
fn a_second_api_or_authorizer_is_refused() {
    let twice = |kind: &str, properties: &str| {
        format!(
            "Resources: {{ A: {{ Type: AWS::ApiGatewayV2::{kind}, Properties: {properties} }}, B: {{ Type: AWS::ApiGatewayV2::{kind}, Properties: {properties} }} }}"
        )
    };
    let error = read(&twice("Api", "{}")).unwrap_err();
    assert_eq!(error, "Resources.B: a second HTTP API is not supported");
    let error = read(&twice("Authorizer", JWT)).unwrap_err();
    assert_eq!(error, "Resources.B: a second authorizer is not supported");
}
