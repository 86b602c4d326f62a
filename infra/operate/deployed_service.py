"""A deployed stack as `make verify` uses it: its outputs, its API, and its functions."""

import base64
import http.client
import json
import os
import time
import urllib.error
import urllib.request
import uuid
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from botocore.config import Config

import issuer_keys
import stack_settings
from stack_settings import STACK

ALIAS = "live"
SECONDS = 30
# A run of the cleanup may take as long as a function of Lambda may.
LONGEST_RUN_SECONDS = 910
# An answer of the API is smaller.
MAX_BYTES = 1_000_000


# The outputs that the checks use.
NEEDED = {
    "AlarmTopic", "ApiUrl", "AuditTableName", "AuthorizerKind", "DashboardUrl", "DeadLetterQueueUrl", "EventBusName", "EventQueueUrl",
    "TableName", "TokenAudience", "TokenIssuer", "TokenUrl",
}


class CheckFailed(Exception):
    """What is wrong, and what to do."""


class Throttled(CheckFailed):
    """Lambda did not run a function. `is_reserved` says whether the function itself may not run more often at once."""

    def __init__(self, function: str, reason: str):
        self.is_reserved = reason.startswith("ReservedFunction")
        limit = "its reserved concurrency is used up, or 0" if self.is_reserved else "the concurrency of the account is used up"
        super().__init__(f"Lambda throttled the function {function}: {limit}. Run `make verify` again later, and look at the concurrent executions in Lambda")


class Skipped(Exception):
    """Why a check does not apply to the stack."""


class Response(NamedTuple):
    """An answer of the API. The body can have a token, so it is never printed as a whole."""

    status: int
    body: dict[str, Any]
    challenge: str = ""

    @property
    def reason(self) -> str:
        """What the answer says about a refusal, without values of tokens."""
        said = self.challenge or self.body.get("title") or self.body.get("message") or "no reason was given"
        return str(said)[:300]


class DeployedService:
    """The stack: its parameters, its outputs and the names of its resources."""

    def __init__(self):
        cloudformation = self.client("cloudformation")
        stack = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]
        self.created: datetime = stack["CreationTime"]
        self.parameters = {one["ParameterKey"]: one.get("ParameterValue", "") for one in stack.get("Parameters", [])}
        self.outputs = {one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", [])}
        if missing := sorted(NEEDED - self.outputs.keys()):
            raise CheckFailed(f"the stack {STACK} has no output {missing[0]} (its status is {stack['StackStatus']}): run `make deploy` first")
        pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=STACK)
        listed = [one for page in pages for one in page["StackResourceSummaries"]]
        self.ids = {one["LogicalResourceId"]: one.get("PhysicalResourceId", "") for one in listed}
        # With one method, the other one always gets 429.
        self.token_method = "GET" if self.parameters.get("TokenMethods") == "GET" else "POST"

    def client(self, service: str):
        # An invocation is not repeated: it could run twice.
        patient = Config(read_timeout=LONGEST_RUN_SECONDS, retries={"total_max_attempts": 1})
        return stack_settings.client(service, config=patient if service == "lambda" else None)

    def invoke(self, function: str, event: dict[str, Any]) -> Any:
        """The answer of a function, as it is live."""
        if not self.ids.get(function):
            raise CheckFailed(f"the stack has no function {function}: deploy again")
        functions = self.client("lambda")
        try:
            answer = functions.invoke(FunctionName=self.ids[function], Qualifier=ALIAS, Payload=json.dumps(event).encode())
        except functions.exceptions.TooManyRequestsException as error:
            raise Throttled(function, error.response.get("Reason", "")) from error
        payload = json.loads(answer["Payload"].read() or b"null")
        if "FunctionError" in answer:
            said = payload.get("errorMessage", "") if isinstance(payload, dict) else ""
            raise CheckFailed(f"the function {function} failed: {said[:300]}. Read the log group of the stack")
        return payload

    def send_event(self, kind: str, user: str, at: str) -> None:
        """Sends an event about a user to the bus of the stack."""
        detail = {"externalId": user, "occurredAt": at, "eventId": str(uuid.uuid4()), "reason": "make verify"}
        bus = self.outputs["EventBusName"]
        entry = {"EventBusName": bus, "Source": "guestpass.identity", "DetailType": kind, "Detail": json.dumps(detail)}
        [result] = self.client("events").put_events(Entries=[entry])["Entries"]
        if "ErrorCode" in result:
            raise CheckFailed(f"the bus {bus} refused an event: {result['ErrorCode']}: {result.get('ErrorMessage', '')}. Check the bus and your right events:PutEvents")

    def alarms(self) -> dict[str, dict[str, Any]]:
        """The alarms that notify the topic of the stack."""
        pages = self.client("cloudwatch").get_paginator("describe_alarms").paginate(AlarmNamePrefix=f"{STACK}-")
        found = [one for page in pages for one in page["MetricAlarms"]]
        return {one["AlarmName"]: one for one in found if self.outputs["AlarmTopic"] in one["AlarmActions"]}


class SyntheticUser:
    """A user whom no identity provider knows. Only a caller who may invoke the functions can act as one."""

    def __init__(self, service: DeployedService):
        self.service = service
        self.subject = f"guestpass-verify-{uuid.uuid4()}"
        self.was_requested = self.has_identity = False
        names = service.parameters.get("SubjectClaims") or "sub"
        now = int(time.time())
        self.claims = {
            **dict.fromkeys(["sub", *names.split(",")], self.subject),
            "iss": service.outputs["TokenIssuer"],
            "aud": service.outputs["TokenAudience"],
            "scope": service.outputs.get("TokenScope", ""),
            "iat": str(now),
            "exp": str(now + 3600),
        }

    def request_token(self) -> Response:
        self.was_requested = True
        return self.call("IssueAccessToken", f"{self.service.token_method} /v1/token")

    def call(self, function: str, route: str) -> Response:
        """Calls a route with the event that API Gateway sends after its authorizer has accepted a bearer."""
        method, path = route.split(" ")
        event = {
            "version": "2.0", "routeKey": route, "rawPath": path, "rawQueryString": "", "isBase64Encoded": False,
            "headers": {"user-agent": "make verify"},
            "requestContext": {
                "accountId": "none", "apiId": "none", "domainName": "none", "domainPrefix": "none", "stage": "$default",
                "requestId": str(uuid.uuid4()), "routeKey": route,
                "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime()), "timeEpoch": int(time.time() * 1000),
                "authorizer": {"jwt": {"claims": self.claims, "scopes": None}},
                "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "make verify"},
            },
        }
        answer = self.service.invoke(function, event)
        if not isinstance(answer, dict) or not isinstance(answer.get("statusCode"), int):
            raise CheckFailed(f"the function {function} answered no HTTP response: deploy again")
        return Response(answer["statusCode"], read_object(answer.get("body") or ""))


def forged_bearer(service: DeployedService) -> str:
    """A bearer like one of the issuer, with its key's name and a random signature."""
    try:
        authorizer = service.outputs["AuthorizerKind"]
        [(_, issuer, jwks_uri), *_] = issuer_keys.issuers(service.parameters, authorizer)
        key = issuer_keys.check_keys(issuer, jwks_uri, authorizer)[0]
    except (issuer_keys.Unreachable, issuer_keys.Unusable):
        # The check of the issuer reports this.
        issuer, key = service.outputs["TokenIssuer"], {}
    algorithm = key.get("alg") or {"EC": "ES256", "OKP": "EdDSA"}.get(str(key.get("kty")), "RS256")
    now = int(time.time())
    header = {"alg": algorithm, "typ": "JWT", "kid": key.get("kid", "none")}
    claims = {
        "iss": issuer, "sub": "forged", "aud": service.outputs["TokenAudience"].split(",")[0], "scope": service.outputs.get("TokenScope", ""),
        "iat": now - 1, "exp": now + 600,
    }
    return ".".join(base64url(part) for part in [json.dumps(header).encode(), json.dumps(claims).encode(), os.urandom(256)])


def base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def request(method: str, url: str, bearer: str | None) -> Response:
    """Sends a request to the API, and follows no redirects."""
    headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    asked = urllib.request.Request(url, method=method, headers=headers)
    proxies = [urllib.request.ProxyHandler({})] if urlsplit(url).hostname == "127.0.0.1" else []
    opener = urllib.request.build_opener(issuer_keys.NoRedirects, *proxies)
    try:
        with opener.open(asked, timeout=SECONDS) as response:
            return Response(response.status, read_object(response.read(MAX_BYTES)))
    except urllib.error.HTTPError as error:
        return Response(error.code, read_object(error.read(MAX_BYTES)), error.headers.get("www-authenticate", ""))
    # ValueError: a bearer with a line break.
    except (OSError, ValueError, http.client.HTTPException) as error:
        why = getattr(error, "reason", type(error).__name__)
        raise CheckFailed(f"{url} cannot be reached: {why}. Check the outputs of the stack, and the way from this machine to the API") from error


def read_object(text: str | bytes) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    return value if isinstance(value, dict) else {}
