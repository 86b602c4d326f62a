"""Checks a deployed stack with real requests, and deletes what they made.

    make verify                   the stack of `make deploy`, or the stack in STACK
    BEARER=eyJ… make verify       requests a token with this access token of a user, through the API
    make verify BEARER=- <file    reads the access token from standard input

Without a bearer, the token is requested for a synthetic user: the function is invoked with your AWS
credentials, as API Gateway invokes it. Each check prints one line; the exit status is 1 if
one has failed."""

import os
import signal
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

import existing_tables
import issuer_keys
import parameters
from deployed_service import CheckFailed, DeployedService, Response, Skipped, SyntheticUser, Throttled, forged_bearer, request
from stack_settings import STACK

SECONDS_FOR_EVENT = float(os.environ.get("SECONDS_FOR_EVENT", "90"))
SECONDS_BETWEEN_LOOKS = float(os.environ.get("SECONDS_BETWEEN_LOOKS", "2"))

LOG = "read the log group of the stack, or run the saved query 'refused requests by reason'"


class Verification:
    """The checks of one stack, and how to undo what they did."""

    def __init__(self, service: DeployedService, bearer: str):
        self.service = service
        self.bearer = bearer
        self.user = SyntheticUser(service)
        self.undo: list[Callable[[], None]] = []
        self.failures = 0

    def run(self) -> int:
        """The number of failures."""
        checks = [self.issuer, self.refusals, self.token, self.event, self.cleanup, self.tables, self.alarms, self.dashboard]
        try:
            for check in checks:
                self.report(check.__name__, check)
        finally:
            while self.undo:
                self.report("leftovers", self.undo.pop())
        return self.failures

    def report(self, name: str, check: Callable[[], str]) -> None:
        try:
            verdict, text = "ok", check()
        except Skipped as why:
            verdict, text = "skip", str(why)
        except CheckFailed as why:
            verdict, text = "FAIL", str(why)
        except (BotoCoreError, ClientError) as error:
            # These errors name the operation and the cause, but do not contain the request.
            verdict, text = "FAIL", f"{error}. Check your AWS credentials and their rights: see infra/README.md, Verify the deployment"
        self.failures += verdict == "FAIL"
        print(f"{verdict:4}  {name:10}  {text}", flush=True)

    def issuer(self) -> str:
        """The authorizer must find keys that it can use."""
        authorizer = self.service.outputs["AuthorizerKind"]
        for name, issuer, jwks_uri in issuer_keys.issuers(self.service.parameters, authorizer):
            try:
                issuer_keys.check_keys(issuer, jwks_uri, authorizer)
            except issuer_keys.Unreachable as why:
                if authorizer == "lambda":
                    raise Skipped(f"the keys of {issuer} ({name}) cannot be read from this machine: {why}. The function may reach them: the check `refusals` shows it") from why
                raise self.unusable(name, issuer, why) from why
            except issuer_keys.Unusable as why:
                raise self.unusable(name, issuer, why) from why
        return f"the keys of {self.service.outputs['TokenIssuer']} fit the authorizer"

    def unusable(self, name: str, issuer: str, why: Exception) -> CheckFailed:
        return CheckFailed(f"the authorizer cannot verify the bearers of {issuer} ({name}): {why}. Correct {name}, or repair the identity provider")

    def refusals(self) -> str:
        """Neither a request without a bearer nor one with a forged bearer may succeed."""
        # If a function decides, API Gateway answers its refusal with 403.
        expected = {401} if self.service.outputs["AuthorizerKind"] == "jwt" else {401, 403}
        for what, bearer in [("without a bearer", None), ("with a forged bearer", forged_bearer(self.service))]:
            answer = request(self.service.token_method, self.service.outputs["TokenUrl"], bearer)
            if answer.status == 200:
                raise CheckFailed(f"a request {what} got a token: the API has no authorizer. Compare the routes of the API with infra/template.yaml, and deploy again")
            if answer.status not in expected:
                raise CheckFailed(f"a request {what} got {answer.status}, expected {' or '.join(map(str, sorted(expected)))}: {remedy(answer)}")
        return "requests without a bearer and with a forged one are refused"

    def token(self) -> str:
        """A user gets a token."""
        if not self.bearer:
            self.make_user()
            return "a synthetic user got a token (set BEARER to check the authorizer with a real bearer, too)"
        own_url = f"{self.service.outputs['ApiUrl']}/v1/identity"
        if request("GET", own_url, self.bearer).status == 404:
            # The request may make the identity even if it fails.
            self.undo.append(lambda: self.delete_own(own_url))
        answer = request(self.service.token_method, self.service.outputs["TokenUrl"], self.bearer)
        if answer.status in (401, 403):
            raise CheckFailed(f"the bearer was refused with {answer.status}: {answer.reason}. Set BEARER to a new access token (not an ID token) for {self.service.outputs['TokenAudience']}; `guestpass doctor --bearer-file` says what is wrong with it")
        self.expect_token(answer)
        return "the user of the bearer got a token"

    def event(self) -> str:
        """An event of our own comes through the bus, the queue and the function."""
        if self.service.parameters.get("EventModeGuestpass") == "shadow":
            raise Skipped("EventModeGuestpass is shadow, so no event takes effect: run `make verify` again with EventModeGuestpass=apply")
        self.make_user()
        identity = self.user.call("GetIdentity", "GET /v1/identity")
        if identity.status != 200:
            raise CheckFailed(f"the identity of the synthetic user was not found ({identity.status}): {remedy(identity)}")
        self.service.send_event("user.deleted", identity.body["externalId"], after(identity.body["createdAt"]))
        started = time.monotonic()
        while self.user.call("GetIdentity", "GET /v1/identity").status != 404:
            if time.monotonic() - started > SECONDS_FOR_EVENT:
                raise CheckFailed(f"an event was sent to {self.service.outputs['EventBusName']} and took no effect in {SECONDS_FOR_EVENT:.0f} s. Look for it in the queues {self.service.outputs['EventQueueUrl']} and {self.service.outputs['DeadLetterQueueUrl']}, and for its reason in the log of revoke-on-event")
            time.sleep(SECONDS_BETWEEN_LOOKS)
        return f"an event deleted the synthetic user after {time.monotonic() - started:.0f} s"

    def cleanup(self) -> str:
        """A run of the cleanup that deletes nothing."""
        now = datetime.now(UTC)
        try:
            run = self.service.invoke("DeleteStaleIdentities", {"time": f"{now:%Y-%m-%dT%H:%M:%SZ}", "mode": "plan"})
        except Throttled as why:
            if not why.is_reserved:
                raise
            # A scheduled run may take as long as a function of Lambda may. If the function never runs, an alarm is raised.
            raise Skipped("not checked, because a cleanup is running, and only one may: run `make verify` again after at most 15 minutes") from why
        if not isinstance(run, dict) or run.get("mode") != "plan" or "wouldDelete" not in run:
            raise CheckFailed(f"delete-stale-identities answered something else than a plan: {LOG}")
        return f"{run['stale']} of about {run['total']} identities are stale; none was deleted"

    def tables(self) -> str:
        """The tables of the identities and of the audit log have what the template sets, also if they are existing ones."""
        dynamodb, resources = self.service.client("dynamodb"), parameters.read_template()["Resources"]
        for output, declared in [("TableName", "Identities"), ("AuditTableName", "AuditLog")]:
            found = dynamodb.describe_table(TableName=self.service.outputs[output])["Table"]
            if lacking := existing_tables.lacks(dynamodb, resources[declared]["Properties"], found):
                raise CheckFailed(f"the table {found['TableName']} is not protected: {'; '.join(lacking)}")
        return "both tables have an expiry, backups and a deletion protection"

    def alarms(self) -> str:
        """No alarm of the stack is raised."""
        alarms = self.service.alarms()
        if not alarms:
            raise CheckFailed(f"no alarm notifies the topic {self.service.outputs['AlarmTopic']}: deploy again")
        raised = {name: one for name, one in sorted(alarms.items()) if one["StateValue"] == "ALARM"}
        expected = {name: why for name, one in raised.items() if (why := self.expected_at_first(one))}
        if unexpected := [name for name in raised if name not in expected]:
            raise CheckFailed(f"alarms are raised: {', '.join(unexpected)}. See infra/README.md, What each alarm means")
        return f"{len(alarms)} alarms, none is raised" + "".join(f", except {why}" for why in expected.values())

    def expected_at_first(self, alarm: dict[str, Any]) -> str:
        """Why an alarm that misses runs is raised before there can be one; empty if it must not be."""
        now, name = datetime.now(UTC), alarm["AlarmName"]
        # In a new stack, no run of the cleanup has been counted yet.
        hours = int(self.service.parameters.get("CleanupMissingHours", 24))
        if name.startswith(f"{STACK}-CleanupMissing") and now - self.service.created < timedelta(hours=hours):
            return "CleanupMissing, as in every new stack"
        # The alarm is made when Transmitters is set, which can be long after the stack.
        if name.startswith(f"{STACK}-EntraNotWatched") and now - alarm["AlarmConfigurationUpdatedTimestamp"] < timedelta(hours=1):
            return "EntraNotWatched, as in its first hour"
        return ""

    def dashboard(self) -> str:
        """The dashboard exists."""
        try:
            self.service.client("cloudwatch").get_dashboard(DashboardName=STACK)
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("ResourceNotFound", "DashboardNotFoundError"):
                raise
            raise CheckFailed(f"the dashboard {STACK} does not exist: deploy again") from error
        return self.service.outputs["DashboardUrl"]

    def make_user(self) -> None:
        """Makes the identity of the synthetic user with its first token, once."""
        if self.user.has_identity:
            return
        if not self.user.was_requested:
            self.undo.append(self.delete_user)
        answer = self.user.request_token()
        self.expect_token(answer)
        self.user.has_identity = True

    def expect_token(self, answer: Response) -> None:
        if answer.status != 200 or not answer.body.get("token"):
            raise CheckFailed(f"a token request got {answer.status}: {answer.reason}: {remedy(answer)}")

    def delete_user(self) -> str:
        self.expect_deleted(self.user.call("DeleteIdentity", "DELETE /v1/identity"), self.user.subject)
        return "the synthetic user is deleted"

    def delete_own(self, own_url: str) -> str:
        self.expect_deleted(request("DELETE", own_url, self.bearer), "the user of BEARER")
        return "the identity that was made for the user of BEARER is deleted; this bearer is not accepted any more"

    def expect_deleted(self, answer: Response, user: str) -> None:
        if answer.status != 204:
            raise CheckFailed(f"the identity of {user} was not deleted ({answer.status}: {answer.reason}). Delete it with `guestpass identity list` and `guestpass identity delete`")


def remedy(answer: Response) -> str:
    """What to do about an unexpected status."""
    if answer.status == 404:
        return "the route does not exist: if you use DomainName, let it point to the output DomainTarget; otherwise deploy again"
    if answer.status == 429:
        return "the rate limit is reached: wait a minute, and run `make verify` again"
    if answer.status == 503:
        return "ACS or the table is not available: wait for the time in Retry-After, and look at the alarms AcsFails and TablesThrottled"
    return f"{LOG}, and check AcsSecretArn"


def after(created_at: str) -> str:
    """A second after a time of the service: the clock of this machine may be wrong."""
    created = datetime.fromisoformat(created_at) + timedelta(seconds=1)
    return created.isoformat()


def read_bearer() -> str:
    bearer = os.environ.get("BEARER", "")
    bearer = sys.stdin.read() if bearer == "-" else bearer
    return bearer.strip().removeprefix("Bearer ")


def main() -> None:
    # So that what was made is deleted, too, if the command is ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    bearer = read_bearer()
    try:
        service = DeployedService()
    except (BotoCoreError, ClientError) as error:
        sys.exit(f"verify: cannot read the stack {STACK}: {error}")
    except CheckFailed as why:
        sys.exit(f"verify: {why}")
    failures = Verification(service, bearer).run()
    if failures:
        sys.exit(f"verify: {failures} checks of {STACK} failed")
    print(f"verified {STACK}")


if __name__ == "__main__":
    main()
