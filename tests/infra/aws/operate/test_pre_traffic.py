"""The check before traffic: the code in the template, with the functions of the local stack as new version."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from expanded import Stack, source
from local_stack import LambdaApi, LocalStack

FUNCTIONS = {"issue-access-token:7": "issue-access-token", "delete-identity:live": "delete-identity"}
HOOK = {"DeploymentId": "d-1", "LifecycleEventHookExecutionId": "hook-1"}


@pytest.fixture
def check(local, tmp_path) -> Iterator:
    """Runs the check. Returns the process, and what CodeDeploy was told."""
    told: list[dict] = []

    class CodeDeploy(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.headers["x-amz-target"] == "CodeDeploy_20141006.PutLifecycleEventHookExecutionStatus"
            told.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), CodeDeploy)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    lambda_api = LambdaApi(local, FUNCTIONS, qualifier="")
    function = Stack(source()).of_type("AWS::Lambda::Function")["PreTrafficCheckFunction"]
    (tmp_path / "index.py").write_text(function["Code"]["ZipFile"])
    # The names of the resources have other values in a deployed stack.
    environment = {
        **dict.fromkeys(function["Environment"]["Variables"], ""),
        "NEW_VERSION": "issue-access-token:7", "DELETE_IDENTITY": "delete-identity:live", "ISSUER": local.description["issuer"],
        "SUBJECT_CLAIMS": "sub", "USER_SCOPE": "guestpass.token", "AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_ENDPOINT_URL_LAMBDA": lambda_api.url,
        "AWS_ENDPOINT_URL_CODEDEPLOY": f"http://127.0.0.1:{server.server_port}",
    }

    def run(answers: dict | None = None, **variables: str) -> tuple[subprocess.CompletedProcess, list[dict]]:
        lambda_api.answers = answers or {}
        command = [sys.executable, "-c", f"import index; index.handler({HOOK}, None)"]
        ran = subprocess.run(command, cwd=tmp_path, env={**environment, **variables}, capture_output=True, text=True)
        assert "eyJ" not in ran.stdout + ran.stderr, ran
        return ran, told

    yield run
    lambda_api.stop()
    server.shutdown()


def status(said: str) -> list[dict[str, str]]:
    return [{"deploymentId": "d-1", "lifecycleEventHookExecutionId": "hook-1", "status": said}]


def test_a_version_that_issues_a_token_gets_traffic_and_its_user_is_deleted(check, local):
    before = local.states()
    ran, told = check()
    assert (ran.returncode, told) == (0, status("Succeeded")), ran
    assert local.states() == before


@pytest.mark.parametrize("answer", [{"errorMessage": "no secret"}, {"statusCode": 500, "body": "{}"}, {"statusCode": 503}])
def test_a_version_that_issues_no_token_gets_no_traffic_and_its_user_is_deleted(check, local, answer):
    before = local.states()
    ran, told = check({"issue-access-token": answer})
    assert (ran.returncode, told) == (1, status("Failed")) and "POST /v1/token: got" in ran.stderr, ran
    assert local.states() == before


def test_a_user_that_cannot_be_deleted_fails_the_check(check):
    ran, told = check({"delete-identity": {"statusCode": 503}})
    assert (ran.returncode, told) == (1, status("Failed")) and "DELETE /v1/identity: got 503, expected 204" in ran.stderr, ran


def test_a_wrong_scope_fails_the_check(check):
    ran, told = check(USER_SCOPE="another")
    assert (ran.returncode, told) == (1, status("Failed")) and "got 403, expected 200" in ran.stderr, ran
