"""Requests as Azure.Communication.Identity 2.0 for .NET sends them, whose version is 2026-09-23.

It signs `x-ms-date` and also sends `Date`, sends `{}` as a body where other SDKs send none, and
takes part in distributed tracing.
"""

import base64
import hashlib
import hmac
import json
import uuid
from email.utils import formatdate
from urllib.parse import quote, urlsplit

import pytest
import requests

VERSION = "2026-09-23"
FOREIGN = "8:acs:00000000-0000-0000-0000-000000000000_00000000-0000-0000-0000-000000000000"


def sign(acs, method, target, body):
    """All headers of a request."""
    host, date = urlsplit(acs["https"]).netloc, formatdate(usegmt=True)
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    text = f"{method}\n{target}\n{date};{host};{digest}"
    key = base64.b64decode(acs["accessKey"])
    signature = base64.b64encode(hmac.digest(key, text.encode("ascii"), "sha256")).decode()
    return {
        "Host": host,
        "Accept": "application/json",
        "Content-Type": "application/json",
        "x-ms-client-request-id": str(uuid.uuid4()),
        "x-ms-return-client-request-id": "true",
        "User-Agent": "azsdk-net-Communication.Identity/2.0.0 (.NET 10.0.0; Linux)",
        "traceparent": f"00-{uuid.uuid4().hex}-{uuid.uuid4().hex[:16]}-00",
        "x-ms-content-sha256": digest,
        "Date": date,
        "x-ms-date": date,
        "Authorization": f"HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature={signature}",
    }


@pytest.fixture(params=["literal", "encoded"])
def call(request, stack):
    """Sends a request, with the colons of ids literal or encoded, as both were observed."""

    def call(method, path, body=None, version=VERSION):
        body = b"" if body is None else json.dumps(body, separators=(",", ":")).encode()
        path = quote(path, safe="/:" if request.param == "literal" else "/")
        target = f"{path}?api-version={version}"
        headers = sign(stack.acs, method, target, body)
        url = stack.acs["https"] + target
        answer = requests.request(method, url, data=body, headers=headers, verify=stack.acs["caCert"], timeout=10)
        assert answer.headers["x-ms-client-request-id"] == headers["x-ms-client-request-id"]
        return answer

    return call


def create(call):
    answer = call("POST", "/identities", {})
    assert answer.status_code == 201
    return answer.json()["identity"]["id"]


def test_an_identity_is_created_from_an_empty_object(call):
    answer = call("POST", "/identities", {})
    assert answer.status_code == 201
    assert list(answer.json()) == ["identity"]
    assert VERSION in answer.headers["api-supported-versions"].split(", ")


def test_an_identity_is_created_with_a_token(call, stack):
    answer = call("POST", "/identities", {"createTokenWithScopes": ["chat", "voip.join"], "expiresInMinutes": 60})
    assert answer.status_code == 201
    known = stack.introspect(answer.json()["accessToken"]["token"])
    assert known["identity"] == answer.json()["identity"]["id"]


def test_a_token_is_issued_and_revoked(call, stack):
    id = create(call)
    issued = call("POST", f"/identities/{id}/:issueAccessToken", {"scopes": ["voip"], "expiresInMinutes": 60})
    assert (issued.status_code, list(issued.json())) == (200, ["token", "expiresOn"])
    assert stack.introspect(issued.json()["token"])["active"]
    assert call("POST", f"/identities/{id}/:revokeAccessTokens").status_code == 204
    assert stack.introspect(issued.json()["token"])["reason"] == "revoked"


def test_an_identity_is_deleted(call):
    answer = call("DELETE", f"/identities/{create(call)}")
    assert (answer.status_code, answer.content) == (204, b"")


def test_a_teams_users_token_is_exchanged(call, stack):
    order = requests.post(f"{stack.acs['http']}/_emulator/entra/token", json={}, timeout=10).json()
    claims = order["claims"]
    body = {"token": order["token"], "appId": claims["appid"], "userId": claims["oid"]}
    answer = call("POST", "/teamsUser/:exchangeAccessToken", body)
    assert answer.status_code == 200
    assert stack.introspect(answer.json()["token"])["identity"] == f"8:orgid:{claims['oid']}"
    refused = call("POST", "/teamsUser/:exchangeAccessToken", {**body, "userId": claims["appid"]})
    assert refused.json()["error"]["message"] == "Provided AAD token issued for unexpected user."


def test_an_identity_of_another_resource_is_out_of_reach(call):
    answer = call("DELETE", f"/identities/{FOREIGN}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "IdentityNotOwned")


def test_what_a_preview_had_alone_is_gone(call):
    id = create(call)
    assert call("GET", f"/identities/{id}").status_code >= 400
    named = call("POST", "/identities", {"customId": "bob"})
    assert (named.status_code, list(named.json()["identity"])) == (201, ["id"])


def test_an_unknown_version_is_refused(call):
    answer = call("POST", "/identities", {}, version="2026-09-24")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "UnsupportedApiVersion")
