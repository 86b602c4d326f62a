"""T02: the authorizer accepts every caller, and no other access path exists."""

import json
import re
from collections.abc import Iterator

from samtranslator.yaml_helper import yaml_parse

from expanded import ROOT, Stack
from rule import drop, put, rule

TRANSMITTERS = '[{"name": "idp", "kind": "ssf", "issuer": "https://idp.example", "audiences": ["app"]}]'

API = "Resources/Api/Properties"
BODY = f"{API}/DefinitionBody"
GET_TOKEN = f"{BODY}/paths/~1v1~1token/get"
OIDC = f"{BODY}/components/securitySchemes/Oidc/Fn::If"
JWT = f"{OIDC}/2/x-amazon-apigateway-authorizer"
REQUEST = f"{OIDC}/1/x-amazon-apigateway-authorizer"


# Each transmitter authenticates its messages itself. Bearers of users mean nothing on these routes.
OF_SCIM = {(method, "/scim/v2/{proxy+}") for method in ["GET", "POST", "PUT", "PATCH", "DELETE"]}
OF_TRANSMITTERS = {("POST", "/v1/signals/{transmitter}"), ("OPTIONS", "/v1/signals/{transmitter}"), *OF_SCIM}


@rule(
    drop(f"{GET_TOKEN}/security"),
    drop(GET_TOKEN),
    put(f"{GET_TOKEN}/security", [{}]),
    put(f"{GET_TOKEN}/security", [{"Oidc": []}]),
    put(f"{GET_TOKEN}/security", [{"Oidc": ["openid"]}]),
    put(f"{GET_TOKEN}/security", [{"Oidc": [{"Ref": "TokenScope"}]}]).with_parameters(Authorizer="lambda"),
    put(f"{GET_TOKEN}/security", [{"Oidc": [{"Ref": "TokenScope"}]}]).with_parameters(TokenScope=""),
    drop(f"{GET_TOKEN}/security").with_parameters(Authorizer="lambda"),
    put(f"{BODY}/paths/~1v1~1signals~1{{transmitter}}", {"post": {"security": [{"Oidc": []}]}}).with_parameters(
        Transmitters=TRANSMITTERS
    ),
    put("Resources/GetIdentity/Properties/Events/Open", {
        "Type": "HttpApi", "Properties": {"ApiId": {"Ref": "Api"}, "Method": "OPTIONS", "Path": "/v1/identity"},
    }),
)
def t02_every_route_has_the_authorizer_and_the_scope_that_it_can_check(stack: Stack) -> Iterator[str]:
    by_gateway = stack.parameters["Authorizer"] == "jwt"
    scopes = [stack.parameters[name] for name in ["TokenScope", "AdminScope"]]
    allowed = [[{"Oidc": [scope] if scope and by_gateway else []}] for scope in scopes]
    for (method, path), operation in stack.routes().items():
        accepted = [None] if (method, path) in OF_TRANSMITTERS else allowed
        if operation.get("security") not in accepted:
            yield f"unexpected security of {method} {path}: {operation.get('security')}"


@rule(
    put(f"{GET_TOKEN}/security", [{"Oidc": [{"Ref": "AdminScope"}]}]),
    put("Resources/IssueAccessToken/Properties/Events/GetToken/Properties/Path", "/v2/token"),
    drop("Resources/DeleteIdentity/Properties/Events/DeleteAny"),
    drop("Resources/ReceiveSecurityEvent/Properties/Events/HandshakeOfEventGrid").with_parameters(
        Transmitters=TRANSMITTERS
    ),
)
def t02_the_routes_and_their_scopes_are_those_of_the_contract(stack: Stack) -> Iterator[str]:
    contract = yaml_parse((ROOT / "infra/openapi.yaml").read_text())
    by_gateway = stack.parameters["Authorizer"] == "jwt"
    promised = {
        (method.upper(), path, scope_in_contract(operation, by_gateway))
        for path, item in contract["paths"].items()
        for method, operation in item.items()
        if method != "parameters" and (operation["security"] or stack.parameters["Transmitters"])
    }
    if stack.parameters["Transmitters"]:
        # RFC 7644 is the contract of these routes.
        promised |= {(method, path, "None") for method, path in OF_SCIM}
    served = {(method, path, scope_of(operation)) for (method, path), operation in stack.routes().items()}
    for route in sorted(promised ^ served):
        yield f"{route} is only in the {'contract' if route in promised else 'template'}"
    for (method, path), operation in stack.routes().items():
        if "x-amazon-apigateway-integration" not in operation:
            yield f"no function serves {method} {path}"


def scope_in_contract(operation: dict, by_gateway: bool) -> str:
    """The one scope of a route in the contract, as `scope_of` writes that of the template."""
    if not operation["security"]:
        return "None"
    return operation["security"][0]["oidc"][0] if by_gateway else "[]"


def scope_of(operation: dict) -> str:
    """The one scope of a route, or the value in its place."""
    security = operation.get("security")
    scopes = security[0].get("Oidc") if security else None
    return scopes[0] if scopes else str(scopes)


@rule(
    put(f"{JWT}/jwtConfiguration/issuer", "https://issuer.example"),
    put(f"{JWT}/jwtConfiguration/audience", ["another"]),
    put(f"{JWT}/identitySource", "$request.querystring.token"),
    put(f"{REQUEST}/identitySource", "$request.querystring.token").with_parameters(Authorizer="lambda"),
    put(f"{REQUEST}/authorizerUri", "arn:aws:lambda:other").with_parameters(Authorizer="lambda"),
    put(f"{REQUEST}/authorizerResultTtlInSeconds", 3600).with_parameters(Authorizer="lambda"),
    put(f"{BODY}/components/securitySchemes/Open", {"type": "oauth2"}),
)
def t02_the_one_authorizer_is_that_of_the_parameters(stack: Stack) -> Iterator[str]:
    jwt = {"issuer": stack.parameters["Issuer"], "audience": stack.parameters["Audience"]}
    header = {"identitySource": "$request.header.Authorization"}
    prefix = "arn:AWS::Partition:apigateway:AWS::Region:lambda:path/2015-03-31/functions"
    expected = {
        "jwt": {"jwtConfiguration": jwt, "type": "jwt", **header},
        "lambda": {
            "type": "request",
            "authorizerUri": f"{prefix}/AuthorizeCallerAliaslive/invocations",
            "authorizerPayloadFormatVersion": "2.0",
            "enableSimpleResponses": True,
            "authorizerResultTtlInSeconds": stack.parameters["AuthorizerCacheSeconds"],
            **header,
        },
    }
    [api] = stack.of_type("AWS::ApiGatewayV2::Api").values()
    for name, scheme in api["Body"]["components"]["securitySchemes"].items():
        authorizer = scheme.get("x-amazon-apigateway-authorizer", {})
        if authorizer != expected[stack.parameters["Authorizer"]]:
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
    put("Parameters/AllowedOrigins/AllowedPattern", "\\S*"),
    put("Parameters/AllowedOrigins/AllowedPattern", "(https://[^\\s/*]+)?"),
    put("Parameters/AllowedOrigins/ConstraintDescription", "must be origins"),
)
def only_origins_that_api_gateway_can_deploy_are_accepted(stack: Stack) -> Iterator[str]:
    """API Gateway fails a deployment with `Invalid format for origin capacitor://localhost`."""
    parameter = stack.source["Parameters"]["AllowedOrigins"]
    for origin, is_accepted in ORIGINS.items():
        if bool(re.fullmatch(parameter["AllowedPattern"], origin)) != is_accepted:
            yield f"the origin {origin!r} is {'refused' if is_accepted else 'accepted'}"
    if "capacitor://" not in parameter["ConstraintDescription"]:
        yield "the refusal says nothing about hybrid apps"


ORIGINS = {
    "": True,
    "https://app.example.com": True,
    "https://app.example.com:8443": True,
    "https://localhost": True,  # Capacitor and Ionic on Android
    "http://localhost": True,
    "http://localhost:5173": True,  # Vite
    "http://127.0.0.1:5173": True,
    "http://10.0.2.2:8100": True,  # the developer's machine in the Android emulator
    "http://app.example.com": False,
    "http://10.0.2.2:*": False,
    "https://app.example.com/": False,
    "https://*.example.com": False,
    "*": False,
    "capacitor://localhost": False,
    "ionic://localhost": False,
    "tauri://localhost": False,
}


@rule(
    put("Parameters/Issuer/AllowedPattern", "https://\\S+"),
    put("Parameters/Issuer/AllowedPattern", "(https://|http://(localhost|127\\.0\\.0\\.1)[:/])[^\\s?#{}]+"),
)
def only_issuers_with_which_the_authorizer_starts_are_accepted(stack: Stack) -> Iterator[str]:
    """The function authorize-caller does not start with another Issuer, and every route returns 500."""
    pattern = stack.source["Parameters"]["Issuer"]["AllowedPattern"]
    for issuer, is_accepted in ISSUERS.items():
        if bool(re.fullmatch(pattern, issuer)) != is_accepted:
            yield f"the issuer {issuer!r} is {'refused' if is_accepted else 'accepted'}"


ISSUERS = {
    "https://idp.example": True,
    "https://idp.example/realms/a": True,
    "http://localhost:3002": True,
    "http://127.0.0.1/a": True,
    "https://": False,
    "http://idp.example": False,
    "http://localhost:80@idp.example": False,
    "http://localhost.idp.example": False,
    "https://idp.example?a": False,
    "https://idp.example#a": False,
    "https://idp.example/a b": False,
    "https://login.microsoftonline.com/{tenantid}/v2.0": False,
}


@rule(
    put(f"{API}/CorsConfiguration", {"AllowOrigins": {"Ref": "AllowedOrigins"}, "AllowHeaders": ["authorization"]}),
    put("Parameters/AllowedHeaders/Default", "authorization,content-type,x-request-id"),
    put("Parameters/AllowedHeaders/AllowedPattern", ".+"),
)
def a_web_app_can_send_the_headers_of_the_api_and_of_tracing(stack: Stack) -> Iterator[str]:
    """A browser refuses a request with a header that the preflight does not allow."""
    allowed = stack.parameters["AllowedHeaders"]
    [api] = stack.of_type("AWS::ApiGatewayV2::Api").values()
    cors = api["Body"].get("x-amazon-apigateway-cors", {"allowHeaders": allowed})
    if cors.get("allowHeaders") != allowed:
        yield f"unexpected allowHeaders: {cors.get('allowHeaders')}"
    needed = {"authorization", "content-type", "x-request-id", "traceparent", "tracestate", "baggage", "sentry-trace"}
    yield from (f"a web app cannot send {name}" for name in sorted(needed - set(allowed)))
    if re.fullmatch(stack.source["Parameters"]["AllowedHeaders"]["AllowedPattern"], "*"):
        yield "AllowedHeaders can be *"


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
