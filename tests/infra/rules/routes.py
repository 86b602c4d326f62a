"""T02: the authorizer accepts every caller, and no other access path exists."""

import json
import re
from collections.abc import Iterator

import permissions
from expanded import ROOT, Stack, openapi
from rule import Change, drop, put, rule

TRANSMITTERS = '[{"name": "idp", "kind": "ssf", "issuer": "https://idp.example", "audiences": ["app"]}]'

API = "Resources/HttpApi/Properties"
STAGE = "Resources/ApiStage/Properties"
GET_TOKEN = "Resources/GetTokenRoute/Properties"
JWT = "Resources/JwtAuthorizer/Properties"
REQUEST = "Resources/FunctionAuthorizer/Properties"


# Each transmitter authenticates its messages itself. Bearers of users mean nothing on these routes.
OF_SCIM = {(method, "/scim/v2/{proxy+}") for method in ["GET", "POST", "PUT", "PATCH", "DELETE"]}
OF_TRANSMITTERS = {("POST", "/v1/signals/{transmitter}"), ("OPTIONS", "/v1/signals/{transmitter}"), *OF_SCIM}

# The one route of an app that is open: guests have no issuer who could name them.
OF_GUESTS = {("POST", "/v1/guest/token")}


@rule(
    drop(f"{GET_TOKEN}/AuthorizationType"),
    drop(f"{GET_TOKEN}/AuthorizerId"),
    put(f"{GET_TOKEN}/AuthorizationType", "NONE"),
    put(f"{GET_TOKEN}/AuthorizationType", "AWS_IAM"),
    put(f"{GET_TOKEN}/AuthorizationScopes", []),
    put(f"{GET_TOKEN}/AuthorizationScopes", ["openid"]),
    put(f"{GET_TOKEN}/AuthorizationScopes", [{"Ref": "TokenScope"}]).with_parameters(Authorizer="lambda"),
    put(f"{GET_TOKEN}/AuthorizationScopes", [{"Ref": "TokenScope"}]).with_parameters(TokenScope=""),
    put(f"{GET_TOKEN}/AuthorizationType", "NONE").with_parameters(Authorizer="lambda"),
    put("Resources/PostSignalRoute/Properties/AuthorizationType", "JWT").with_parameters(Transmitters=TRANSMITTERS),
    put("Resources/GetInvitationRoute/Properties/AuthorizationScopes", []).with_parameters(InviteScope="invite"),
    put("Resources/RevokeInvitationRoute/Properties/AuthorizationType", "NONE").with_parameters(InviteScope="invite"),
    put("Resources/GuestTokenRoute/Properties/RouteKey", "GET /v1/guest/token").with_parameters(InviteScope="invite"),
    put("Resources/Open", {"Type": "AWS::ApiGatewayV2::Route", "Properties": {
        "RouteKey": "OPTIONS /v1/identity", "Target": {"Fn::Sub": "integrations/${GetIdentityIntegration}"},
    }}),
)
def t02_every_route_has_the_authorizer_and_the_scope_that_it_can_check(stack: Stack) -> Iterator[str]:
    by_gateway = stack.parameters["Authorizer"] == "jwt"
    by = ("JWT", "JwtAuthorizer") if by_gateway else ("CUSTOM", "FunctionAuthorizer")
    scopes = [stack.parameters[name] for name in ["TokenScope", "AdminScope"]]
    if invite_scope := stack.parameters["InviteScope"]:  # otherwise, the routes of invitations do not exist
        scopes.append(invite_scope)
    allowed = [(*by, (scope,) if scope and by_gateway else ()) for scope in scopes]
    for (method, path), route in stack.routes().items():
        accepted = [("NONE", None, ())] if (method, path) in OF_TRANSMITTERS | OF_GUESTS else allowed
        found = (route.authorization, route.authorizer, route.scopes)
        if found not in accepted:
            yield f"unexpected access of {method} {path}: {found}"


@rule(
    put("Resources/GetOwnRoute/Properties/Target", {"Fn::Sub": "integrations/${ExchangeGuestPassIntegration}"}).with_parameters(
        InviteScope="invite"
    ),
    put("Resources/GuestTokenRoute/Properties/Target", {"Fn::Sub": "integrations/${CreateInvitationIntegration}"}).with_parameters(
        InviteScope="invite"
    ),
    drop("Resources/ExchangeGuestPass/Properties/ReservedConcurrentExecutions").with_parameters(InviteScope="invite"),
    put("Resources/ExchangeGuestPassRole/Properties/ManagedPolicyArns/4", {"Ref": "ListRecords"}).with_parameters(
        InviteScope="invite"
    ),
    put("Resources/ExchangeGuestPassRole/Properties/ManagedPolicyArns/4", {"Ref": "ReadCallerHashKey"}).with_parameters(
        InviteScope="invite"
    ),
)
def t02_the_open_route_has_a_function_of_its_own_that_can_do_nothing_else(stack: Stack) -> Iterator[str]:
    """Who calls it is a stranger. Its function serves no other route, its executions are bounded, and its role
    reads and writes single records and the secret of ACS."""
    by_route = {key: route.function for key, route in stack.routes().items()}
    if not by_route.keys() & OF_GUESTS:
        return
    [function] = {by_route[key] for key in OF_GUESTS}
    yield from (f"{function} also serves {key}" for key, other in by_route.items() if other == function and key not in OF_GUESTS)
    if not 0 < stack.functions()[function].get("ReservedConcurrentExecutions", 0) <= 20:
        yield f"strangers can take every execution of the account with {function}"
    rights = permissions.granted(stack, stack.functions()[function]["Role"].removesuffix(".Arn"))
    of_data = {right for right in rights if right[0].split(":")[0] in ("dynamodb", "secretsmanager", "sqs")}
    expected = {
        ("dynamodb:GetItem", "Identities.Arn"), ("dynamodb:UpdateItem", "Identities.Arn"),
        ("dynamodb:PutItem", "AuditLog.Arn"),
        ("secretsmanager:GetSecretValue", stack.parameters["AcsSecretArn"]),
    }
    if of_data != expected:
        yield f"{function} has the permissions {permissions.table(of_data)}"


@rule(
    put(f"{GET_TOKEN}/AuthorizationScopes", [{"Ref": "AdminScope"}]),
    put(f"{GET_TOKEN}/RouteKey", "GET /v2/token"),
    put(f"{GET_TOKEN}/Target", {"Fn::Sub": "integrations/${GetIdentityIntegration}"}),
    drop("Resources/DeleteAnyRoute"),
    drop("Resources/HandshakeOfEventGridRoute").with_parameters(Transmitters=TRANSMITTERS),
    drop("Resources/GuestTokenRoute").with_parameters(InviteScope="invite"),
    put("Resources/ExtendInvitationRoute/Properties/RouteKey", "POST /v1/invitations/{id}").with_parameters(InviteScope="invite"),
)
def t02_the_routes_and_their_scopes_are_those_of_the_contract(stack: Stack) -> Iterator[str]:
    contract = openapi()
    by_gateway = stack.parameters["Authorizer"] == "jwt"
    promised = {
        (method.upper(), path, scope_in_contract(operation, by_gateway))
        for path, item in contract["paths"].items()
        for method, operation in item.items()
        if method != "parameters" and is_on(stack, method.upper(), path)
    }
    if stack.parameters["Transmitters"]:
        # RFC 7644 is the contract of these routes.
        promised |= {(method, path, ()) for method, path in OF_SCIM}
    served = {(method, path, route.scopes) for (method, path), route in stack.routes().items()}
    for route in sorted(promised ^ served):
        yield f"{route} is only in the {'contract' if route in promised else 'template'}"
    for (method, path), route in stack.routes().items():
        if route.function != SERVED.get(path, {}).get(method, "ReceiveSecurityEvent"):
            yield f"the function {route.function} does not serve {method} {path}"


def is_on(stack: Stack, method: str, path: str) -> bool:
    """Whether the route exists with these parameters."""
    if (method, path) in OF_TRANSMITTERS:
        return bool(stack.parameters["Transmitters"])
    return bool(stack.parameters["InviteScope"]) or not path.startswith(("/v1/guest/", "/v1/invitations"))


# The function of each route; those of transmitters have one for all.
SERVED = {
    "/v1/token": {"GET": "IssueAccessToken", "POST": "IssueAccessToken", "DELETE": "RevokeAccessTokens"},
    "/v1/token/teams": {"POST": "ExchangeTeamsToken"},
    "/v1/token/teams-phone": {"POST": "ProvideTeamsPhone"},
    "/v1/teams-phone/assignments": {"GET": "ProvideTeamsPhone"},
    "/v1/teams-phone/assignments/{tenant}/{object}": {
        "GET": "ProvideTeamsPhone", "PUT": "ProvideTeamsPhone", "DELETE": "ProvideTeamsPhone",
    },
    "/v1/identity": {"GET": "GetIdentity", "DELETE": "DeleteIdentity"},
    "/v1/identities": {"GET": "ListIdentities", "POST": "CreateIdentity"},
    "/v1/identities/{id}": {"GET": "GetIdentity", "DELETE": "DeleteIdentity"},
    "/v1/identities/{id}/token": {"POST": "IssueAccessToken"},
    "/v1/identities/{id}/revoke": {"POST": "RevokeAccessTokens"},
    "/v1/invitations": {"GET": "ListInvitations", "POST": "CreateInvitation"},
    "/v1/invitations/{id}": {"GET": "GetInvitation", "PATCH": "ExtendInvitation"},
    "/v1/invitations/{id}/revoke": {"POST": "RevokeInvitation"},
    "/v1/guest/token": {"POST": "ExchangeGuestPass"},
}


def scope_in_contract(operation: dict, by_gateway: bool) -> tuple[str, ...]:
    """The scopes of a route in the contract, as far as the gateway checks them."""
    return tuple(operation["security"][0]["oidc"]) if operation["security"] and by_gateway else ()


@rule(
    put(f"{JWT}/JwtConfiguration/Issuer", "https://issuer.example"),
    put(f"{JWT}/JwtConfiguration/Audience", ["another"]),
    put(f"{JWT}/IdentitySource", ["$request.querystring.token"]),
    put(f"{REQUEST}/IdentitySource", ["$request.querystring.token"]).with_parameters(Authorizer="lambda"),
    put(f"{REQUEST}/AuthorizerUri", "arn:aws:lambda:other").with_parameters(Authorizer="lambda"),
    put(f"{REQUEST}/AuthorizerResultTtlInSeconds", 3600).with_parameters(Authorizer="lambda"),
    put("Resources/JwtAuthorizer/Condition", "HasLambdaAuthorizer").with_parameters(Authorizer="lambda"),
)
def t02_the_one_authorizer_is_that_of_the_parameters(stack: Stack) -> Iterator[str]:
    common = {"ApiId": "HttpApi", "IdentitySource": ["$request.header.Authorization"]}
    prefix = "arn:AWS::Partition:apigateway:AWS::Region:lambda:path/2015-03-31/functions"
    expected = {
        "jwt": {
            "Name": "jwt",
            "AuthorizerType": "JWT",
            "JwtConfiguration": {"Issuer": stack.parameters["Issuer"], "Audience": stack.parameters["Audience"]},
            **common,
        },
        "lambda": {
            "Name": "lambda",
            "AuthorizerType": "REQUEST",
            "AuthorizerUri": f"{prefix}/AuthorizeCallerAliaslive/invocations",
            "AuthorizerPayloadFormatVersion": "2.0",
            "EnableSimpleResponses": True,
            "AuthorizerResultTtlInSeconds": stack.parameters["AuthorizerCacheSeconds"],
            **common,
        },
    }
    found = list(stack.of_type("AWS::ApiGatewayV2::Authorizer").values())
    if found != [expected[stack.parameters["Authorizer"]]]:
        yield f"unexpected authorizers: {found}"


@rule(
    put("Resources/GetIdentityIntegration/Properties/PayloadFormatVersion", "1.0"),
    put("Resources/GetIdentityIntegration/Properties/IntegrationUri/Fn::Join/1/1", {"Fn::GetAtt": "GetIdentity.Arn"}),
    drop("Resources/GetIdentityPermission"),
    put("Resources/GetIdentityPermission/Properties/FunctionName", {"Ref": "GetIdentity"}),
)
def the_api_may_invoke_the_alias_of_each_function_and_does(stack: Stack) -> Iterator[str]:
    may = {one["FunctionName"] for one in stack.of_type("AWS::Lambda::Permission").values()}
    for name, one in stack.of_type("AWS::ApiGatewayV2::Integration").items():
        function = name.removesuffix("Integration")
        alias = f"{function}Aliaslive"
        if f"/functions/{alias}/invocations" not in one["IntegrationUri"] or one["IntegrationType"] != "AWS_PROXY":
            yield f"{name} does not invoke {alias}: {one['IntegrationUri']}"
        if one.get("PayloadFormatVersion") != "2.0":
            yield f"{name} has another payload format than the functions"
        if alias not in may:
            yield f"the API may not invoke {alias}"


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
    put("Resources/GetIdentityPermission/Properties/SourceArn", "arn:aws:execute-api:eu-west-1:123456789012:another/*/*"),
)
def t02_nothing_but_this_api_may_invoke_a_function(stack: Stack) -> Iterator[str]:
    yield from (f"{name} is a function URL" for name in stack.of_type("AWS::Lambda::Url"))
    yield from (f"{name} is another API" for name in stack.of_type("AWS::ApiGateway::RestApi"))
    for name, permission in stack.of_type("AWS::Lambda::Permission").items():
        who = (permission["Action"], permission["Principal"])
        is_this = ":HttpApi/" in str(permission.get("SourceArn"))
        if who != ("lambda:InvokeFunction", "apigateway.amazonaws.com") or not is_this:
            yield f"{name} has an unexpected permission: {permission}"


@rule(
    put(f"{API}/CorsConfiguration", {"AllowOrigins": ["*"]}),
    put("Parameters/AllowedOrigins/Default", "*"),
)
def t02_no_web_app_calls_unless_it_is_named(stack: Stack) -> Iterator[str]:
    [api] = stack.of_type("AWS::ApiGatewayV2::Api").values()
    cors = api.get("CorsConfiguration", {"AllowOrigins": [""]})
    if cors["AllowOrigins"] != stack.parameters["AllowedOrigins"] or "*" in cors["AllowOrigins"]:
        yield f"unexpected AllowOrigins: {cors['AllowOrigins']}"
    if cors.get("AllowCredentials"):
        yield "AllowCredentials is set, but the API uses no cookies"


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
    cors = api.get("CorsConfiguration", {"AllowHeaders": allowed})
    if cors.get("AllowHeaders") != allowed:
        yield f"unexpected AllowHeaders: {cors.get('AllowHeaders')}"
    needed = {"authorization", "content-type", "x-request-id", "traceparent", "tracestate", "baggage", "sentry-trace"}
    yield from (f"a web app cannot send {name}" for name in sorted(needed - set(allowed)))
    if re.fullmatch(stack.source["Parameters"]["AllowedHeaders"]["AllowedPattern"], "*"):
        yield "AllowedHeaders can be *"


@rule(
    put(f"{STAGE}/AccessLogSettings/Format", '{"who":"$context.authorizer.claims.sub"}'),
    put(f"{STAGE}/AccessLogSettings/Format", '{"ip":"$context.identity.sourceIp"}'),
    drop(f"{STAGE}/AccessLogSettings"),
)
def t02_the_access_log_is_json_without_personal_data(stack: Stack) -> Iterator[str]:
    for name, stage in stack.of_type("AWS::ApiGatewayV2::Stage").items():
        line = stage.get("AccessLogSettings", {}).get("Format", "")
        if not line or not isinstance(json.loads(line), dict):
            yield f"{name} has no access log"
        yield from (f"{name} logs {what}" for what in ["claims", "sourceIp", "userAgent"] if what in line)


def in_contract(old: str, new: str) -> Change:
    """Another description of the contract, which this rule reads from the template of its twin."""
    text = openapi()["info"]["description"]
    assert old in text
    return put("Metadata/Contract", text.replace(old, new))._replace(name=f"the contract has {new!r}")


STATUSES_OF_GATEWAY = ["401", "403", "404", "413", "429", "500", "503"]


@rule(
    put("Resources/GetTokenRoute/Properties/RouteKey", "GET /v2/token"),
    in_contract("the body is larger than 10 MB | do not repeat the request |", "the body is larger than 10 MB | |"),
    in_contract("| 404 | `Not Found` |", "| 404 | |"),
    in_contract("| 429 |", "| 428 |"),
    in_contract("`/scim/v2`", "`/scim`"),
)
def the_contract_has_what_the_gateway_itself_answers_on_every_route(stack: Stack) -> Iterator[str]:
    """`{"message"}`, without a type."""
    contract = openapi()
    message = {"$ref": "#/components/schemas/GatewayMessage"}
    for method, path in sorted(set(stack.routes()) - OF_SCIM):
        operation = contract["paths"].get(path, {}).get(method.lower(), {"responses": {}, "security": []})
        for status in ["401", "403", "429", "500", "503"] if operation["security"] else ["429", "500", "503"]:
            response = operation["responses"].get(status, {})
            if reference := response.get("$ref"):
                response = contract["components"]["responses"][reference.rsplit("/", 1)[1]]
            if response.get("content", {}).get("application/json", {}).get("schema") != message:
                yield f"the contract lacks the gateway's own {status} of {method} {path}"
    description = stack.source.get("Metadata", {}).get("Contract", contract["info"]["description"])
    if "/scim/v2/{proxy+}" in contract["paths"] or "The routes below `/scim/v2` are not in this document" not in description:
        yield "the contract does not say that it leaves out the routes of SCIM"
    rows = re.findall(r"^\| (\d{3}) \|(.*)\|$", description, re.MULTILINE)
    if [status for status, _ in rows] != STATUSES_OF_GATEWAY:
        yield f"the contract explains other answers of the gateway: {[status for status, _ in rows]}"
    for status, cells in rows:
        # The message, what happened, and what a client does.
        if [bool(cell.strip()) for cell in cells.split("|")] != [True] * 3:
            yield f"the contract does not say what a client does after a {status}:{cells}"
