"""The event that API Gateway sends to a function after its authorizer has accepted a caller."""

import json
from typing import Any, NamedTuple

ISSUER = "https://idp.example"

# An administrator has the scope, and the claims that `AdminCondition` requires.
ADMIN, ROLE = "guestpass.admin", "guestpass-admin"


class Answer(NamedTuple):
    status: int
    body: Any


def call(function, route: str, user: str = "alice", scope: str = "guestpass.token", body: Any = None, **ids: str) -> Answer:
    """Calls a route as a user with a scope."""
    method, path = route.split(" ")
    claims = {"iss": ISSUER, "sub": user, "aud": "app", "scope": scope, "exp": "4102444800", "iat": "1700000000"}
    if scope == ADMIN:
        claims["role"] = ROLE
    raw_path = path
    for name, value in ids.items():
        raw_path = raw_path.replace(f"{{{name}}}", value)
    event = {
        "version": "2.0",
        "routeKey": route,
        "rawPath": raw_path,
        "rawQueryString": "",
        "headers": {"content-type": "application/json", "host": "api.example"},
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "api",
            "authorizer": {"jwt": {"claims": claims, "scopes": [scope]}},
            "domainName": "api.example",
            "domainPrefix": "api",
            "http": {
                "method": method, "path": raw_path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "test",
            },
            "requestId": "request",
            "routeKey": route,
            "stage": "$default",
            "time": "12/Mar/2026:19:03:58 +0000",
            "timeEpoch": 1773342238390,
        },
        "pathParameters": ids,
        "isBase64Encoded": False,
    }
    if body is not None:
        event["body"] = json.dumps(body)
    answer = function.invoke(event)
    return Answer(answer["statusCode"], json.loads(answer["body"]) if answer.get("body") else None)
