"""`make rollback` moves the aliases of all functions to the deployment before."""

import io
import json
import os
import re
import subprocess
import sys
import tempfile
import uuid
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from moto.awslambda.models import LambdaFunction
from moto.cloudformation.models import Event, cloudformation_backends
from moto.core.common_models import CloudFormationModel

from cloud import ACCOUNT

INFRA = Path(__file__).resolve().parents[4] / "infra"

# A separate region without other stacks.
REGION = "eu-west-2"
STACK = "rolled-back"


class StackAlias(CloudFormationModel):
    """An alias of a stack, which moto does not know. Only its name is needed: the tests make the aliases themselves."""

    # moto reads the service from this name.
    __module__ = "moto.awslambda.models"

    def __init__(self, physical_resource_id: str):
        self.physical_resource_id = physical_resource_id

    @staticmethod
    def cloudformation_type() -> str:
        return "AWS::Lambda::Alias"

    @classmethod
    def create_from_cloudformation_json(cls, resource_name, cloudformation_json, account_id, region_name, **_) -> "StackAlias":
        alias = cloudformation_json["Properties"]
        return cls(f"arn:aws:lambda:{region_name}:{account_id}:function:{alias['FunctionName']}:{alias['Name']}")

    @classmethod
    def delete_from_cloudformation_json(cls, *_, **__) -> None:
        pass


@pytest.fixture
def functions(cloud, monkeypatch):
    """A stack with two functions and one without alias, as PreTrafficCheckFunction is, and how to publish a version of one."""
    clients = {name: cloud.client(name, REGION) for name in ["cloudformation", "lambda", "s3", "iam"]}
    if "code" not in [one["Name"] for one in clients["s3"].list_buckets()["Buckets"]]:
        clients["s3"].create_bucket(Bucket="code", CreateBucketConfiguration={"LocationConstraint": REGION})
    clients["s3"].put_object(Bucket="code", Key="zip", Body=zipped("0"))
    trust = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
    role = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": trust}}
    code = {"Runtime": "provided.al2023", "Handler": "bootstrap", "Code": {"S3Bucket": "code", "S3Key": "zip"}}
    function = {"Type": "AWS::Lambda::Function", "Properties": {**code, "Role": {"Fn::GetAtt": ["Role", "Arn"]}}}
    aliases = {
        f"{name}Aliaslive": {"Type": "AWS::Lambda::Alias", "Properties": {"FunctionName": {"Ref": name}, "Name": "live"}}
        for name in ["One", "Other"]
    }
    template = {"Resources": {"Role": role, "One": function, "Other": function, "Check": function, **aliases}}
    clients["cloudformation"].create_stack(StackName=STACK, TemplateBody=json.dumps(template))
    made = Functions(clients)
    # moto would publish a version for each such resource of the template.
    resources = property(lambda stack: [*stack.resource_map.values(), *made.deployed.values()])
    monkeypatch.setattr(type(made.stack), "stack_resources", resources)
    yield made
    monkeypatch.undo()
    clients["cloudformation"].delete_stack(StackName=STACK)


class Functions:
    def __init__(self, clients):
        self._lambda = clients["lambda"]
        # The version of each function that CloudFormation knows.
        self.deployed: dict[str, SimpleNamespace] = {}
        made = clients["cloudformation"].describe_stack_resources(StackName=STACK)["StackResources"]
        self._names = {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in made}
        stacks = cloudformation_backends[ACCOUNT][REGION].stacks.values()
        [self.stack] = [one for one in stacks if one.name == STACK and one.status != "DELETE_COMPLETE"]

    def set_variables(self, function: str, **variables: str) -> None:
        """The variables of the versions that are published from now on."""
        self._lambda.update_function_configuration(FunctionName=self._names[function], Environment={"Variables": variables})

    def publish(self, deployment: str, *functions: str) -> None:
        """Publishes a version of each function, and moves its alias there, as a deployment does."""
        for name, number in self._deploy(deployment, *functions):
            aliases = [one["Name"] for one in self._lambda.list_aliases(FunctionName=name)["Aliases"]]
            move = self._lambda.update_alias if aliases else self._lambda.create_alias
            move(FunctionName=name, Name="live", FunctionVersion=number)
        self._happened("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_COMPLETE")

    def fail(self, deployment: str, *functions: str) -> None:
        """Publishes versions in a deployment that is rolled back: CloudFormation replaces them by those before."""
        before = {self._names[one]: self._version(one) for one in functions}
        self._deploy(deployment, *functions)
        self._happened("UPDATE_ROLLBACK_IN_PROGRESS")
        self._replaced(*before.items())
        self._happened("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE")

    def canary(self, deployment: str, *functions: str) -> None:
        """Publishes versions that get a tenth of the calls."""
        for name, number in self._deploy(deployment, *functions):
            weights = {"AdditionalVersionWeights": {number: 0.1}}
            self._lambda.update_alias(FunctionName=name, Name="live", RoutingConfig=weights)

    def _deploy(self, deployment: str, *functions: str) -> list[tuple[str, str]]:
        self._happened("UPDATE_IN_PROGRESS")
        published = []
        for function in functions:
            name = self._names[function]
            self._lambda.update_function_code(FunctionName=name, ZipFile=zipped(f"{function} {deployment}"))
            published.append((name, self._lambda.publish_version(FunctionName=name, Description=deployment)["Version"]))
        self._replaced(*published)
        return published

    def _happened(self, *statuses: str) -> None:
        for status in statuses:
            self.stack._add_stack_event(status)

    def _replaced(self, *versions: tuple[str, str]) -> None:
        for name, number in versions:
            arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}:{number}"
            event = Event(self.stack.stack_id, STACK, f"{name}Version", arn, "AWS::Lambda::Version", "UPDATE_COMPLETE", None, None)
            self.stack.events.append(event)
            self.deployed[name] = SimpleNamespace(cf_resource_type="AWS::Lambda::Version", physical_resource_id=arn)

    def _version(self, function: str) -> str:
        return self._lambda.get_alias(FunctionName=self._names[function], Name="live")["FunctionVersion"]

    def live(self) -> dict[str, str]:
        """The deployment to which the alias of each function leads."""
        found = {}
        for function in ["One", "Other"]:
            version = self._lambda.get_function_configuration(
                FunctionName=self._names[function], Qualifier=self._version(function)
            )
            found[function] = version["Description"]
        return found


def test_each_function_returns_to_the_deployment_before(functions, account):
    for deployment in ["a/1", "b/2"]:
        functions.publish(deployment, "One", "Other")
    declined = rollback(account, "something else\n")
    assert declined.returncode == 1 and "nothing was changed" in declined.stderr, declined
    assert functions.live() == {"One": "b/2", "Other": "b/2"}
    done = rollback(account, f"{STACK}\n")
    assert done.returncode == 0 and "to a/1" in done.stdout and "2 functions" in done.stdout, done
    assert functions.live() == {"One": "a/1", "Other": "a/1"}


def test_a_function_that_is_new_stays(functions, account):
    functions.publish("a/1", "One")
    functions.publish("b/2", "One", "Other")
    done = rollback(account, "", YES="1")
    assert done.returncode == 0 and "the function is new" in done.stdout, done
    assert functions.live() == {"One": "a/1", "Other": "b/2"}


@pytest.mark.parametrize("remembered", [True, False], ids=["by events", "by names"])
def test_a_deployment_that_failed_is_left_out(functions, account, remembered):
    for deployment in ["a/1", "good/1"]:
        functions.publish(deployment, "One", "Other")
    functions.fail("bad/1", "One", "Other")
    functions.fail("bad-after-20260101T000000Z/1", "One", "Other")
    functions.publish("fix-after-20260101T010000Z/1", "One", "Other")
    if not remembered:
        functions.stack.events.clear()
    done = rollback(account, "", YES="1")
    assert done.returncode == 0 and "to good/1:" in done.stdout, done
    assert functions.live() == {"One": "good/1", "Other": "good/1"}


def test_a_failed_deployment_of_another_tool_is_left_out_although_names_do_not_say_so(functions, account):
    functions.publish("none/1", "One", "Other")
    functions.fail("none/2", "One")
    functions.publish("none/3", "One", "Other")
    assert rollback(account, "", YES="1").returncode == 0
    assert functions.live() == {"One": "none/1", "Other": "none/1"}


def test_a_failed_deployment_without_versions_hides_no_deployment_that_served(functions, account):
    for deployment in ["a/1", "good/1"]:
        functions.publish(deployment, "One", "Other")
    functions.fail("bad/1")
    functions.publish("fix-after-20260101T000000Z/1", "One", "Other")
    assert rollback(account, "", YES="1").returncode == 0
    assert functions.live() == {"One": "good/1", "Other": "good/1"}


def test_a_deployment_after_one_that_failed_can_be_returned_to(functions, account):
    functions.publish("a/1", "One", "Other")
    functions.fail("bad/1", "One", "Other")
    for deployment in ["fix-after-20260101T000000Z/1", "c/1"]:
        functions.publish(deployment, "One", "Other")
    assert rollback(account, "", YES="1").returncode == 0
    assert functions.live() == {one: "fix-after-20260101T000000Z/1" for one in ["One", "Other"]}


@pytest.mark.parametrize(
    "status, why",
    [
        ("UPDATE_IN_PROGRESS", f"aws cloudformation cancel-update-stack --stack-name {STACK}`"),
        ("UPDATE_ROLLBACK_IN_PROGRESS", "Wait until it has finished"),
        ("UPDATE_COMPLETE", "leads to version 2 and 10% to version 3"),
    ],
)
def test_during_a_canary_nothing_is_moved(functions, account, status, why):
    for deployment in ["a/1", "b/2"]:
        functions.publish(deployment, "One", "Other")
    functions.canary("c/3", "One", "Other")
    functions.stack.status = status
    refused = rollback(account, "", YES="1")
    assert refused.returncode == 1 and "nothing was changed" in refused.stderr and why in refused.stderr, refused
    assert functions.live() == {"One": "b/2", "Other": "b/2"}


@pytest.mark.parametrize(
    "deployments, why",
    [
        ([("a/1", ["One", "Other"])], "is the first one"),
        ([("a/1", ["One", "Other"]), ("b/2", ["One"])], "run versions of several deployments (a/1, b/2)"),
        ([("a/1", ["One"]), ("b/1", ["Other"]), ("c/2", ["One", "Other"])], "before the current ones are of several"),
    ],
)
def test_if_it_is_not_clear_where_to_nothing_is_moved(functions, account, deployments, why):
    for deployment, of in deployments:
        functions.publish(deployment, *of)
    before = functions.live()
    refused = rollback(account, "", YES="1")
    assert refused.returncode == 1 and why in refused.stderr, refused
    assert functions.live() == before


SECRET = "arn:aws:secretsmanager:eu-west-2:123456789012:secret:"


@pytest.mark.parametrize(
    "variable, before, now, parameter",
    [
        ("TABLE_NAME", "own", "restored", "ExistingTableName"),
        ("AUDIT_TABLE_NAME", "own", "existing", "ExistingAuditTableName"),
        ("ACS_SECRET_ARN", f"{SECRET}first", f"{SECRET}second", "AcsSecretArn"),
        ("TRANSMITTER_SECRET_ARN", f"{SECRET}first", f"{SECRET}second", "TransmitterSecretArn"),
        ("TRANSMITTER_SECRET_ARN", f"{SECRET}first", "", "TransmitterSecretArn"),
    ],
)
def test_versions_whose_table_or_secret_the_roles_do_not_permit_any_more_stay_unused(functions, account, variable, before, now, parameter):
    functions.set_variables("Other", **{variable: before, "POLICY": "hunter2"})
    functions.publish("a/1", "One", "Other")
    functions.set_variables("Other", **{variable: now, "POLICY": "hunter3"})
    functions.publish("b/2", "One", "Other")
    refused = rollback(account, "", YES="1")
    assert refused.returncode == 1 and "nothing was changed" in refused.stderr, refused
    assert f"{parameter} ({now or 'none'} in place of {before})" in refused.stderr, refused
    assert f"`make deploy`, which changes the rights, too: {parameter}={before} DeploymentType=AllAtOnce" in refused.stderr, refused
    assert "hunter" not in refused.stdout + refused.stderr
    assert functions.live() == {"One": "b/2", "Other": "b/2"}


@pytest.mark.parametrize(
    "before, now",
    [
        ({"TABLE_NAME": "same", "POLICY": "a"}, {"TABLE_NAME": "same", "POLICY": "b"}),
        ({"TRANSMITTER_SECRET_ARN": ""}, {"TRANSMITTER_SECRET_ARN": f"{SECRET}first"}),
        ({}, {"ACS_SECRET_ARN": f"{SECRET}first"}),
        ({"ACS_SECRET_ARN": f"{SECRET}first"}, {"POLICY": "a"}),
    ],
    ids=["another variable", "no secret before", "a variable that is new", "a variable that is gone"],
)
def test_versions_that_use_no_other_table_or_secret_are_returned_to(functions, account, before, now):
    functions.set_variables("One", **before)
    functions.publish("a/1", "One", "Other")
    functions.set_variables("One", **now)
    functions.publish("b/2", "One", "Other")
    done = rollback(account, "", YES="1")
    assert done.returncode == 0 and "warning" not in done.stderr, done
    assert functions.live() == {"One": "a/1", "Other": "a/1"}


PLACED, ONLY_MAIN = '{"main": {}, "eu2": {}}', "{}"


@pytest.fixture
def acs_secret(cloud):
    """The secret of the functions, with the connection strings of these resources."""
    secrets = cloud.client("secretsmanager", REGION)

    def acs_secret(*resources: str) -> str:
        text = json.dumps(dict.fromkeys(resources, "hunter2")) if resources != ("main",) else "hunter2"
        return secrets.create_secret(Name=f"acs-{uuid.uuid4()}", SecretString=text)["ARN"]

    return acs_secret


def after_a_retirement(functions, arn: str, **variables: str) -> None:
    """Two deployments: the first one names the resource eu2, and the current one does not."""
    for deployment, named in [("a/1", {"ACS_PLACEMENT": PLACED, **variables}), ("b/2", {"ACS_PLACEMENT": ONLY_MAIN})]:
        functions.set_variables("One", ACS_SECRET_ARN=arn, **named)
        functions.publish(deployment, "One", "Other")


def test_versions_whose_resource_has_no_connection_string_any_more_stay_unused(functions, account, acs_secret):
    for arn, named in [(acs_secret("main"), {}), (acs_secret("main", "old"), {"ACS_PLACEMENT": "", "POLICY": '{"otherwise": {"resource": "eu2"}}'})]:
        after_a_retirement(functions, arn, **named)
        refused = rollback(account, "", YES="1", FORCE="resources")
        assert refused.returncode == 1 and "nothing was changed" in refused.stderr and "hunter2" not in refused.stderr, refused
        assert "names the resource eu2, without" in refused.stderr and "Store it with `make secret RESOURCE=eu2`" in refused.stderr, refused
        assert functions.live() == {"One": "b/2", "Other": "b/2"}


@pytest.mark.parametrize("before, now", [(PLACED, ONLY_MAIN), (ONLY_MAIN, PLACED)], ids=["still has it", "is not named"])
def test_versions_whose_resources_are_in_the_secret_are_returned_to(functions, account, acs_secret, before, now):
    arn = acs_secret("main", "eu2")
    for deployment, placement in [("a/1", before), ("b/2", now)]:
        functions.set_variables("One", ACS_SECRET_ARN=arn, ACS_PLACEMENT=placement)
        functions.publish(deployment, "One", "Other")
    done = rollback(account, "", YES="1")
    assert done.returncode == 0 and "hunter2" not in done.stdout + done.stderr, done
    assert functions.live() == {"One": "a/1", "Other": "a/1"}


def test_a_secret_that_cannot_be_read_must_be_vouched_for(functions, account):
    after_a_retirement(functions, f"{SECRET}gone")
    refused = rollback(account, "", YES="1")
    assert refused.returncode == 1 and "cannot be read" in refused.stderr and "add FORCE=resources" in refused.stderr, refused
    assert functions.live() == {"One": "b/2", "Other": "b/2"}
    assert rollback(account, "", YES="1", FORCE="resources").returncode == 0
    assert functions.live() == {"One": "a/1", "Other": "a/1"}


def test_the_deployment_of_the_same_artefacts_after_a_return_publishes_new_versions(functions, account):
    for deployment in ["a/1", "b/2"]:
        functions.publish(deployment, "One", "Other")
    name, said = identify(account)
    assert len(name) == 16 and not said
    assert rollback(account, "", YES="1").returncode == 0
    again, said = identify(account)
    assert again.startswith(f"{name}-again-20") and "since `make rollback`" in said, said
    functions.publish(f"{again}/3", "One", "Other")
    assert identify(account) == (name, "")


def test_variables_that_cannot_be_read_do_not_stop_a_return(functions, account, monkeypatch):
    for deployment in ["a/1", "b/2"]:
        functions.publish(deployment, "One", "Other")
    configuration, denied = LambdaFunction.get_configuration, {"Error": {"ErrorCode": "AccessDeniedException", "Message": "kms:Decrypt"}}
    monkeypatch.setattr(LambdaFunction, "get_configuration", lambda *given, **named: {**configuration(*given, **named), "Environment": denied})
    done = rollback(account, "", YES="1")
    assert done.returncode == 0 and "cannot be read, so its tables and secrets were not compared" in done.stderr, done
    assert functions.live() == {"One": "a/1", "Other": "a/1"}


@pytest.fixture
def account(cloud) -> dict[str, str]:
    return {**cloud.account(REGION), "SAM_CONFIG_FILE": "/nonexistent", "STACK": STACK, "PYTHONPATH": str(INFRA / "deploy")}


def rollback(account: dict[str, str], said: str, **variables: str) -> subprocess.CompletedProcess:
    environment = {**account, "ARTEFACTS": os.environ["ARTEFACTS"], **variables}
    command = [sys.executable, INFRA / "operate/rollback.py"]
    return subprocess.run(command, env=environment, input=said, capture_output=True, text=True)


def identify(account: dict[str, str]) -> tuple[str, str]:
    """The name that `make deploy` would give to the next deployment, and what it says."""
    with tempfile.TemporaryDirectory() as artefacts:
        (Path(artefacts) / "SHA256SUMS").write_text("checksums")
        command = [sys.executable, INFRA / "deploy/deployment.py"]
        run = subprocess.run(command, env={**account, "ARTEFACTS": artefacts}, capture_output=True, text=True)
        assert run.returncode == 0, run
        return re.search("This: { Id: (.+?),", (Path(artefacts) / "template.yaml").read_text())[1], run.stdout


def zipped(text: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("bootstrap", text)
    return buffer.getvalue()
