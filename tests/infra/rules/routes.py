"""T02: the authorizer accepts every caller, and no other access path exists."""

import json
from collections.abc import Iterator

from samtranslator.yaml_helper import yaml_parse

from expanded import ROOT, Stack
from rule import drop, put, rule

API = "Resources/Api/Properties"
GET_TOKEN = "Resources/IssueAccessToken/Properties/Events/GetToken/Properties"


@rule(
    put(f"{GET_TOKEN}/Auth", {"Authorizer": "NONE"}),
    put(f"{GET_TOKEN}/Auth", {}),
    put(f"{GET_TOKEN}/Auth/AuthorizationScopes", []),
    put(f"{GET_TOKEN}/Auth/AuthorizationScopes", ["openid"]),
)
def t02_every_route_has_the_authorizer_and_one_scope_of_ours(stack: Stack) -> Iterator[str]:
    scopes = [stack.parameters["TokenScope"], stack.parameters["AdminScope"]]
    for (method, path), operation in stack.routes().items():
        if method != "OPTIONS" and operation.get("security") not in [[{"Oidc": [scope]}] for scope in scopes]:
            yield f"unexpected security of {method} {path}: {operation.get('security')}"


@rule(
    put(f"{GET_TOKEN}/Auth/AuthorizationScopes", [{"Ref": "AdminScope"}]),
    put(f"{GET_TOKEN}/Path", "/v2/token"),
    drop("Resources/DeleteIdentity/Properties/Events/DeleteAny"),
)
def t02_the_routes_and_their_scopes_are_those_of_the_contract(stack: Stack) -> Iterator[str]:
    contract = yaml_parse((ROOT / "infra/openapi.yaml").read_text())
    promised = {
        (method.upper(), path, operation["security"][0]["oidc"][0])
        for path, item in contract["paths"].items()
        for method, operation in item.items()
        if method != "parameters"
    }
    served = {(method, path, scope_of(operation)) for (method, path), operation in stack.routes().items()}
    for route in sorted(promised ^ served):
        yield f"{route} is only in the {'contract' if route in promised else 'template'}"


def scope_of(operation: dict) -> str:
    """The one scope of a route, or the value in its place."""
    security = operation.get("security")
    return security[0]["Oidc"][0] if security and security[0].get("Oidc") else str(security)


@rule(
    put(f"{API}/Auth/Authorizers/Oidc/JwtConfiguration/issuer", "https://issuer.example"),
    put(f"{API}/Auth/Authorizers/Oidc/JwtConfiguration/audience", ["another"]),
    put(f"{API}/Auth/Authorizers/Oidc/IdentitySource", "$request.querystring.token"),
)
def t02_the_authorizer_takes_the_issuer_and_the_audience_of_the_parameters(stack: Stack) -> Iterator[str]:
    [api] = stack.of_type("AWS::ApiGatewayV2::Api").values()
    for name, scheme in api["Body"]["components"]["securitySchemes"].items():
        authorizer = scheme.get("x-amazon-apigateway-authorizer", {})
        jwt = {"issuer": stack.parameters["Issuer"], "audience": stack.parameters["Audience"]}
        if authorizer != {"jwtConfiguration": jwt, "identitySource": "$request.header.Authorization", "type": "jwt"}:
            yield f"unexpected authorizer {name}: {authorizer}"


@rule(
    put("Resources/IssueAccessToken/Properties/FunctionUrlConfig", {"AuthType": "NONE"}),
    put("Resources/Open", invocable := {
        "Type": "AWS::Lambda::Permission",
        "Properties": {
            "Action": "lambda:InvokeFunction", "FunctionName": {"Ref": "DeleteIdentity"},
            "Principal": "apigateway.amazonaws.com",
            "SourceArn": "arn:aws:execute-api:eu-west-1:123456789012:another/*",
        },
    }),
    put("Resources/Open", {**invocable, "Properties": {**invocable["Properties"], "Principal": "*"}}),
    put("Resources/GetIdentity/Properties/Events/Any", {"Type": "Api", "Properties": {"Path": "/x", "Method": "get"}}),
)
def t02_nothing_but_this_api_may_invoke_a_function(stack: Stack) -> Iterator[str]:
    yield from (f"{name} is a function URL" for name in stack.of_type("AWS::Lambda::Url"))
    yield from (f"{name} is another API" for name in stack.of_type("AWS::ApiGateway::RestApi"))
    for name, permission in stack.of_type("AWS::Lambda::Permission").items():
        who = (permission["Action"], permission["Principal"])
        is_this = ":Api/" in str(permission.get("SourceArn"))
        if who != ("lambda:InvokeFunction", "apigateway.amazonaws.com") or not is_this:
            yield f"{name} has an unexpected permission: {permission}"


@rule(
    put(f"{API}/CorsConfiguration", {"AllowOrigins": ["*"]}),
    put("Parameters/AllowedOrigins/Default", "*"),
)
def t02_no_web_app_calls_unless_it_is_named(stack: Stack) -> Iterator[str]:
    [api] = stack.of_type("AWS::ApiGatewayV2::Api").values()
    cors = api["Body"].get("x-amazon-apigateway-cors", {"allowOrigins": [""]})
    if cors["allowOrigins"] != stack.parameters["AllowedOrigins"] or "*" in cors["allowOrigins"]:
        yield f"unexpected allowOrigins: {cors['allowOrigins']}"
    if cors.get("allowCredentials"):
        yield "allowCredentials is set, but the API uses no cookies"


@rule(
    put(f"{API}/AccessLogSettings/Format", '{"who":"$context.authorizer.claims.sub"}'),
    put(f"{API}/AccessLogSettings/Format", '{"ip":"$context.identity.sourceIp"}'),
    drop(f"{API}/AccessLogSettings"),
)
def t02_the_access_log_is_json_without_personal_data(stack: Stack) -> Iterator[str]:
    for name, stage in stack.of_type("AWS::ApiGatewayV2::Stage").items():
        line = stage.get("AccessLogSettings", {}).get("Format", "")
        if not line or not isinstance(json.loads(line), dict):
            yield f"{name} has no access log"
        yield from (f"{name} logs {what}" for what in ["claims", "sourceIp", "userAgent"] if what in line)
