use super::*;
use crate::template::{Inputs, Template};

/// The access rule of the route `GET /a` in a template with this `DefinitionBody`.
fn access(definition: &str) -> Result<RouteAuth, String> {
    let yaml = format!(
            "
Resources:
  Api: {{ Type: AWS::Serverless::HttpApi, Properties: {{ DefinitionBody: {definition} }} }}
  F:
    Type: AWS::Serverless::Function
    Properties: {{ CodeUri: f, Events: {{ A: {{ Type: HttpApi, Properties: {{ Method: GET, Path: /a }} }} }} }}
"
        );
    let template = Template::read(&yaml, &Inputs::default());
    let mut template = template.map_err(|error| error.to_string())?;
    Ok(template.functions.remove(0).routes.remove(0).access)
}

/// A `DefinitionBody` with this authorizer, and this security of `GET /a`.
fn definition(authorizer: &str, security: &str) -> String {
    format!(
            "{{ components: {{ securitySchemes: {{ Oidc: {{ x-amazon-apigateway-authorizer: {authorizer} }} }} }},
               paths: {{ /a: {{ get: {{ security: {security} }} }} }} }}"
        )
}

const JWT: &str = "{ type: jwt, identitySource: $request.header.Authorization,
        jwtConfiguration: { issuer: i, audience: [a] } }";

const LAMBDA: &str = "{ type: request, identitySource: $request.header.Authorization,
        authorizerUri: arn/functions/F/invocations, authorizerPayloadFormatVersion: '2.0',
        enableSimpleResponses: true }";

#[test]
fn a_route_has_the_security_of_its_path_and_is_public_without() {
    let one = RouteAuth::Jwt { scopes: vec!["one".to_owned()] };
    for (authorizer, security, expected) in [
        (JWT, "[{ Oidc: [one] }]", one),
        (JWT, "[{ Oidc: [] }]", RouteAuth::Jwt { scopes: vec![] }),
        (JWT, "[]", RouteAuth::Public),
        (LAMBDA, "[{ Oidc: [] }]", RouteAuth::Lambda),
        (LAMBDA, "[]", RouteAuth::Public),
    ] {
        assert_eq!(access(&definition(authorizer, security)), Ok(expected), "{security}");
    }
    assert_eq!(access("{}"), Ok(RouteAuth::Public));
}

#[test]
fn an_unsupported_authorizer_is_refused_with_its_path() {
    let oidc = "Resources.Api.Properties.DefinitionBody.components.securitySchemes.Oidc";
    for (definition, problem) in [
            (
                definition(JWT, "[{ Other: [] }]"),
                "Resources.Api.Properties.DefinitionBody.paths./a.get.security: must name the authorizer `Oidc`".to_owned(),
            ),
            (
                definition(&JWT.replace("header.Auth", "querystring.Auth"), "[]"),
                format!("{oidc}: identitySource must be $request.header.Authorization"),
            ),
            (
                definition(&LAMBDA.replace("2.0", "1.0"), "[]"),
                format!("{oidc}: unsupported authorizer: must have payload format 2.0"),
            ),
            (
                definition(&LAMBDA.replace("true", "false"), "[]"),
                format!("{oidc}: unsupported authorizer: must have payload format 2.0"),
            ),
            (
                definition(&LAMBDA.replace("/F/", "/G/"), "[]"),
                "Resources: the authorizer's function `G` is missing".to_owned(),
            ),
            (
                definition(&LAMBDA.replace("/functions/", "/other/"), "[]"),
                format!("{oidc}: authorizerUri is not that of a function"),
            ),
        ] {
            let error = access(&definition).unwrap_err();
            assert!(error.starts_with(&problem), "{error}");
        }
}
