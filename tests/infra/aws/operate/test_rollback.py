"""`make rollback` moves the aliases of all functions to the deployment before."""

import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from moto.core.common_models import CloudFormationModel

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
def functions(cloud):
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
    yield Functions(clients)
    clients["cloudformation"].delete_stack(StackName=STACK)


class Functions:
    def __init__(self, clients):
        self._lambda = clients["lambda"]
        made = clients["cloudformation"].describe_stack_resources(StackName=STACK)["StackResources"]
        self._names = {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in made}

    def publish(self, deployment: str, *functions: str) -> None:
        """Publishes a version of each function, and moves its alias there, as a deployment does."""
        for function in functions:
            name = self._names[function]
            self._lambda.update_function_code(FunctionName=name, ZipFile=zipped(f"{function} {deployment}"))
            number = self._lambda.publish_version(FunctionName=name, Description=deployment)["Version"]
            aliases = [one["Name"] for one in self._lambda.list_aliases(FunctionName=name)["Aliases"]]
            move = self._lambda.update_alias if aliases else self._lambda.create_alias
            move(FunctionName=name, Name="live", FunctionVersion=number)

    def live(self) -> dict[str, str]:
        """The deployment to which the alias of each function leads."""
        found = {}
        for function in ["One", "Other"]:
            alias = self._lambda.get_alias(FunctionName=self._names[function], Name="live")
            version = self._lambda.get_function_configuration(
                FunctionName=self._names[function], Qualifier=alias["FunctionVersion"]
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


@pytest.fixture
def account(cloud) -> dict[str, str]:
    return {**cloud.account(REGION), "SAM_CONFIG_FILE": "/nonexistent", "STACK": STACK, "PYTHONPATH": str(INFRA / "deploy")}


def rollback(account: dict[str, str], said: str, **variables: str) -> subprocess.CompletedProcess:
    environment = {**account, "ARTEFACTS": os.environ["ARTEFACTS"], **variables}
    command = [sys.executable, INFRA / "operate/rollback.py"]
    return subprocess.run(command, env=environment, input=said, capture_output=True, text=True)


def zipped(text: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("bootstrap", text)
    return buffer.getvalue()
