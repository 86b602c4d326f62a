"""The event that API Gateway sends to a function after its authorizer has accepted a caller."""

import json
from collections.abc import Callable
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


def use_each_operation(start: Callable[[str], Any], user: str) -> None:
    """Lets each function that has a route work on an identity of its own."""
    made = call(start("CreateIdentity"), "POST /v1/identities", scope=ADMIN, body={"externalId": user})
    assert made.status == 201, made
    acs_id = made.body["user"]["communicationUserId"]
    assert call(start("GetIdentity"), "GET /v1/identities/{id}", scope=ADMIN, id=acs_id).status == 200
    listed = call(start("ListIdentities"), "GET /v1/identities", scope=ADMIN)
    assert listed.status == 200 and acs_id in json.dumps(listed.body)
    issued = call(start("IssueAccessToken"), "POST /v1/identities/{id}/token", scope=ADMIN, id=acs_id)
    assert issued.status == 200, issued
    revoked = call(start("RevokeAccessTokens"), "POST /v1/identities/{id}/revoke", scope=ADMIN, id=acs_id)
    assert revoked.status == 200, revoked
    assert call(start("DeleteIdentity"), "DELETE /v1/identities/{id}", scope=ADMIN, id=acs_id).status == 204
    exchanged = call(start("ExchangeTeamsToken"), "POST /v1/token/teams", body={"token": "not.a.token"})
    assert 400 <= exchanged.status < 500, exchanged
