"""`make verify` with the local stack as API, functions and event bus, and with moto as CloudFormation and
CloudWatch."""

import json
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from moto.cloudformation.models import cloudformation_backends
from moto.cloudwatch.models import cloudwatch_backends

from cloud import ACCOUNT, Cloud
from local_stack import LambdaApi, LocalStack
from restoring import protect

INFRA = Path(__file__).resolve().parents[4] / "infra"
REGION = "eu-west-3"
FUNCTIONS = {
    "IssueAccessToken": "issue-access-token", "GetIdentity": "get-identity", "DeleteIdentity": "delete-identity",
    "DeleteStaleIdentities": "delete-stale-identities",
}
COMMAND = [sys.executable, INFRA / "operate/verify.py"]
CHECKS = ["issuer", "refusals", "token", "event", "cleanup", "tables", "alarms", "dashboard"]
KEY = {"KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}], "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}]}


@pytest.fixture
def service(cloud, local) -> Iterator["Service"]:
    service = Service(cloud, local)
    yield service
    service.stop()


class Service:
    """A stack in moto whose outputs lead to the local stack."""

    def __init__(self, cloud: Cloud, local: LocalStack):
        self.name = f"verified-{uuid.uuid4().hex[:8]}"
        self.local = local
        self._cloud = cloud
        at = local.description
        self.parameters = {"Issuer": at["issuer"], "Authorizer": at["authorizer"], "CleanupMissingHours": "24"}
        self.outputs = {
            "ApiUrl": at["gateway"], "TokenUrl": f"{at['gateway']}/v1/token", "TokenIssuer": at["issuer"],
            "TokenAudience": "guestpass-local", "AuthorizerKind": at["authorizer"], "TokenScope": "guestpass.token",
            "EventBusName": at["eventBus"], "EventQueueUrl": "queue", "DeadLetterQueueUrl": "dead", "DashboardUrl": "url",
            "AlarmTopic": "arn:aws:sns:eu-west-3:123456789012:alarms",
            "TableName": f"{self.name}-identities", "AuditTableName": f"{self.name}-audit",
        }
        # Of the functions, moto has only the names. Their processes belong to the local stack.
        named = {"Type": "AWS::Logs::LogGroup"}
        dashboard = {"Type": "AWS::CloudWatch::Dashboard", "Properties": {"DashboardName": self.name, "DashboardBody": "{}"}}
        self.resources = {**dict.fromkeys(FUNCTIONS, named), "Dashboard": dashboard}
        self.lambda_api: LambdaApi | None = None

    def create(self) -> None:
        template = {
            "Parameters": {name: {"Type": "String"} for name in self.parameters},
            "Resources": self.resources,
            "Outputs": {name: {"Value": value} for name, value in self.outputs.items()},
        }
        cloudformation = self._cloud.client("cloudformation", REGION)
        given = [{"ParameterKey": name, "ParameterValue": value} for name, value in self.parameters.items()]
        cloudformation.create_stack(StackName=self.name, TemplateBody=json.dumps(template), Parameters=given)
        made = cloudformation.describe_stack_resources(StackName=self.name)["StackResources"]
        ids = {one["PhysicalResourceId"]: one["LogicalResourceId"] for one in made}
        self.lambda_api = LambdaApi(self.local, {name: FUNCTIONS[logical] for name, logical in ids.items() if logical in FUNCTIONS})
        for table in [self.outputs["TableName"], self.outputs["AuditTableName"]]:
            self.dynamodb.create_table(TableName=table, BillingMode="PAY_PER_REQUEST", **KEY)
            protect(self.dynamodb, table)
        for alarm in ["ServerErrors", "CleanupMissing"]:
            self.make_alarm(alarm)

    @property
    def dynamodb(self):
        return self._cloud.client("dynamodb", REGION)

    @property
    def cloudwatch(self):
        return self._cloud.client("cloudwatch", REGION)

    def make_alarm(self, name: str) -> None:
        self.cloudwatch.put_metric_alarm(
            AlarmName=f"{self.name}-{name}", AlarmActions=[self.outputs["AlarmTopic"]], MetricName="m", Namespace="n",
            Statistic="Sum", Period=60, EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanThreshold",
        )

    def raise_alarm(self, name: str) -> None:
        self.cloudwatch.set_alarm_state(AlarmName=f"{self.name}-{name}", StateValue="ALARM", StateReason="test")

    def verify(self, answers: dict | None = None, said: str = "", **variables: str) -> tuple[int, dict[str, str]]:
        """The exit status, and the line of each check."""
        if not self.lambda_api:
            self.create()
        self.lambda_api.answers = answers or {}
        environment = {**self.environment(), **variables}
        ran = subprocess.run(COMMAND, env=environment, input=said, capture_output=True, text=True)
        assert "Traceback" not in ran.stderr and "eyJ" not in ran.stdout + ran.stderr, ran
        assert ran.returncode or ran.stdout.splitlines()[-1] == f"verified {self.name}", ran
        return ran.returncode, lines_of(ran.stdout)

    def environment(self) -> dict[str, str]:
        return {
            **self._cloud.account(REGION), "SAM_CONFIG_FILE": "/nonexistent", "STACK": self.name, "PYTHONPATH": str(INFRA / "deploy"),
            "AWS_ENDPOINT_URL_LAMBDA": self.lambda_api.url, "AWS_ENDPOINT_URL_EVENTBRIDGE": self.local.description["events"],
            "SECONDS_BETWEEN_LOOKS": "0.05", "SECONDS_FOR_EVENT": "20",
        }

    def verdicts(self, **arguments) -> tuple[int, dict[str, str]]:
        status, lines = self.verify(**arguments)
        return status, {name: line.split()[0] for name, line in lines.items()}

    def stop(self) -> None:
        if self.lambda_api:
            self.lambda_api.stop()


def lines_of(output: str) -> dict[str, str]:
    """What was said by each check."""
    lines = [line.split(maxsplit=2) for line in output.splitlines() if not line.startswith("verified ")]
    return {name: f"{verdict} {text}" for verdict, name, text in lines}


def failing(name: str, **others: str) -> dict[str, str]:
    """The verdicts if one check fails."""
    return {**dict.fromkeys([*CHECKS, "leftovers"], "ok"), name: "FAIL", **others}


def test_a_healthy_stack_passes_each_check_and_nothing_is_left(service, local):
    before = local.states()
    service.create()
    # No run of the cleanup has been counted yet.
    service.raise_alarm("CleanupMissing")
    status, lines = service.verify()
    assert (status, list(lines)) == (0, [*CHECKS, "leftovers"]), lines
    assert {line.split()[0] for line in lines.values()} == {"ok"}, lines
    assert "except CleanupMissing" in lines["alarms"]
    assert local.states() == before


def test_a_stack_with_other_parameters_passes_each_check(cloud, tmp_path):
    local = LocalStack(tmp_path, Authorizer="lambda", SubjectClaims="tid,oid", TokenScope="", TokenMethods="GET")
    service = Service(cloud, local)
    service.parameters |= {"SubjectClaims": "tid,oid", "TokenMethods": "GET"}
    service.outputs["TokenScope"] = ""
    status, lines = service.verify()
    service.stop()
    local.stop()
    assert status == 0, lines


def test_with_a_bearer_the_token_is_requested_through_the_api(service, local):
    user = f"user-{uuid.uuid4()}"
    status, lines = service.verify(BEARER="-", said=f"Bearer {local.bearer(user)}\n")
    assert status == 0 and "the user of the bearer" in lines["token"], lines
    assert local.external_id(user) not in local.states(), "the check made the identity, so it deletes it"


def test_the_identity_that_the_user_had_before_stays(service, local):
    user = f"user-{uuid.uuid4()}"
    bearer = local.bearer(user)
    local.request_token(bearer)
    assert service.verify(BEARER=bearer)[0] == 0
    assert local.states()[local.external_id(user)] == "active"


@pytest.mark.parametrize("scope, status", [("guestpass.token", 401), ("another", 403)])
def test_a_bearer_that_is_not_accepted_is_reported(service, local, scope, status):
    bearer = local.bearer("alice", scope=scope) + ("x" if status == 401 else "")
    failed, lines = service.verify(BEARER=bearer)
    assert failed == 1 and lines["token"].startswith(f"FAIL the bearer was refused with {status}: "), lines


def test_an_issuer_without_keys_is_reported(service):
    service.parameters["Issuer"] = "http://127.0.0.1:1"
    status, lines = service.verify()
    assert status == 1 and lines["issuer"].startswith("FAIL") and "Correct Issuer" in lines["issuer"], lines


def test_an_issuer_that_only_the_function_can_reach_is_not_a_failure(service):
    service.parameters["Issuer"] = "http://127.0.0.1:1"
    service.outputs["AuthorizerKind"] = "lambda"
    assert service.verdicts() == (0, failing("issuer", issuer="skip"))


def test_a_stack_without_the_outputs_is_refused(service):
    del service.outputs["EventBusName"]
    assert service.verify() == (1, {})


@pytest.mark.parametrize("answered, why", [(200, "the API has no authorizer"), (404, "output DomainTarget"), (429, "rate limit"), (500, "saved query")])
def test_an_api_that_does_not_refuse_is_reported(service, answered, why):
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.send_response(answered)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    service.outputs["TokenUrl"] = f"http://127.0.0.1:{server.server_port}/v1/token"
    status, lines = service.verify()
    server.shutdown()
    assert status == 1 and lines["refusals"].startswith("FAIL") and why in lines["refusals"], lines
    assert lines["token"].startswith("ok")


def test_an_address_that_does_not_answer_is_reported(service):
    service.outputs["TokenUrl"] = "http://127.0.0.1:1/v1/token"
    status, lines = service.verify()
    assert status == 1 and "cannot be reached" in lines["refusals"], lines


def test_a_function_that_fails_is_reported(service):
    failed = {"issue-access-token": {"errorMessage": "cannot read the secret"}}
    status, lines = service.verify(failed)
    assert status == 1 and "FAIL the function IssueAccessToken failed: cannot read the secret" in lines["token"], lines
    assert lines["event"].startswith("FAIL") and lines["leftovers"].startswith("ok") and lines["dashboard"].startswith("ok")
    unavailable = {"issue-access-token": {"statusCode": 503, "body": "{}"}}
    assert "AcsFails" in service.verify(unavailable)[1]["token"]


def test_an_event_without_effect_is_reported_and_its_user_is_deleted(service, local):
    before = local.states()
    service.outputs["EventBusName"] = "another"
    assert service.verdicts(SECONDS_FOR_EVENT="1") == (1, failing("event"))
    assert local.states() == before


def test_what_was_made_is_deleted_if_the_command_is_ended(service, local):
    before = local.states()
    service.outputs["EventBusName"] = "another"
    service.create()
    running = subprocess.Popen(COMMAND, env=service.environment(), stdout=subprocess.PIPE, text=True)
    while (line := running.stdout.readline()) and "token" not in line.split()[1]:
        pass
    assert local.states() != before
    running.terminate()
    said, _ = running.communicate()
    assert running.returncode == 1 and lines_of(said)["leftovers"].startswith("ok"), said
    assert local.states() == before


def test_without_effects_of_events_their_check_is_skipped(service):
    service.parameters["EventModeGuestpass"] = "shadow"
    assert service.verdicts() == (0, failing("event", event="skip"))


def test_a_cleanup_that_fails_is_reported(service):
    for answer in [{"errorMessage": "no table"}, {"mode": "apply", "deleted": 1}]:
        assert service.verdicts(answers={"delete-stale-identities": answer}) == (1, failing("cleanup"))


def test_a_table_that_is_not_protected_is_reported(service):
    service.create()
    for output in ["AuditTableName", "TableName"]:
        name = service.outputs[output]
        service.dynamodb.update_table(TableName=name, DeletionProtectionEnabled=False)
        status, lines = service.verify()
        assert status == 1 and lines["tables"].startswith(f"FAIL the table {name} is not protected: it can be deleted"), lines
        assert f"run `aws dynamodb update-table --table-name {name} --deletion-protection-enabled`" in lines["tables"], lines


def test_a_cleanup_is_not_checked_while_another_one_runs(service):
    service.create()
    cleanup = "delete-stale-identities"
    service.lambda_api.throttled = {cleanup: "ReservedFunctionConcurrentInvocationLimitExceeded"}
    status, lines = service.verify()
    assert status == 0 and lines["cleanup"].startswith("skip not checked, because a cleanup is running"), lines
    service.lambda_api.throttled = {cleanup: "ConcurrentInvocationLimitExceeded"}
    status, lines = service.verify()
    assert status == 1 and "FAIL Lambda throttled the function DeleteStaleIdentities: the concurrency of the account" in lines["cleanup"], lines
    service.lambda_api.throttled = {"issue-access-token": "ReservedFunctionConcurrentInvocationLimitExceeded"}
    status, lines = service.verify()
    assert status == 1 and "its reserved concurrency is used up" in lines["token"] and "credentials" not in lines["token"], lines


def test_a_raised_alarm_is_reported(service):
    service.create()
    service.raise_alarm("ServerErrors")
    status, lines = service.verify()
    assert status == 1 and f"FAIL alarms are raised: {service.name}-ServerErrors." in lines["alarms"], lines


def test_a_cleanup_that_does_not_run_in_an_old_stack_is_reported(service):
    service.create()
    service.raise_alarm("CleanupMissing")
    [stack] = [one for one in cloudformation_backends[ACCOUNT][REGION].stacks.values() if one.name == service.name]
    stack.creation_time -= timedelta(hours=23)
    status, lines = service.verify()
    assert status == 0 and lines["alarms"].endswith("none is raised, except CleanupMissing, as in every new stack"), lines
    stack.creation_time -= timedelta(hours=1)
    status, lines = service.verify()
    assert status == 1 and f"FAIL alarms are raised: {service.name}-CleanupMissing." in lines["alarms"], lines


def test_a_watch_of_entra_that_has_not_run_yet_is_not_a_failure(service):
    service.create()
    service.make_alarm("EntraNotWatched")
    service.raise_alarm("EntraNotWatched")
    status, lines = service.verify()
    assert status == 0 and lines["alarms"].endswith("none is raised, except EntraNotWatched, as in its first hour"), lines
    [alarm] = [one for name, one in cloudwatch_backends[ACCOUNT][REGION].alarms.items() if name.endswith("EntraNotWatched") and service.name in name]
    alarm.configuration_updated_timestamp -= timedelta(hours=1)
    status, lines = service.verify()
    assert status == 1 and f"FAIL alarms are raised: {service.name}-EntraNotWatched." in lines["alarms"], lines


def test_alarms_that_notify_nobody_are_reported(service):
    service.create()
    for alarm in ["ServerErrors", "CleanupMissing"]:
        service.cloudwatch.delete_alarms(AlarmNames=[f"{service.name}-{alarm}"])
    assert service.verdicts() == (1, failing("alarms"))


def test_a_missing_dashboard_is_reported(service):
    del service.resources["Dashboard"]
    assert service.verdicts() == (1, failing("dashboard"))


def test_a_user_that_cannot_be_deleted_is_reported(service):
    status, lines = service.verify({"delete-identity": {"statusCode": 503, "body": "{}"}})
    assert status == 1 and "guestpass identity delete" in lines["leftovers"] and lines["event"].startswith("ok"), lines


def test_an_unknown_stack_is_refused(service):
    assert service.verify(STACK="unknown") == (1, {})


def test_a_bearer_in_an_argument_is_refused():
    refused = subprocess.run(["make", "verify", "BEARER=eyJ"], cwd=INFRA.parent, capture_output=True, text=True)
    assert refused.returncode == 2 and "BEARER must not be an argument" in refused.stderr, refused
