"""An AWS in this process: moto, as a server on loopback, which enforces the permissions of each
caller's role."""

import json
import os
import re
import uuid
from collections.abc import Iterator
from functools import cache
from threading import Lock
from typing import Any

import boto3
import moto.settings
from botocore.config import Config
from moto.cloudformation.responses import CloudFormationResponse
from moto.core.authorization import ActionAuthenticatorMixin
from moto.core.exceptions import JsonRESTError
from moto.dynamodb.responses import DynamoHandler
from moto.events.models import EventBus
from moto.iam.access_control import IAMRequest
from moto.secretsmanager.responses import SecretsManagerResponse
from moto.server import ThreadedMotoServer

import artefacts
from expanded import BUCKET, Stack, source
from known import for_moto

REGION = "eu-west-1"
ACCOUNT = "123456789012"
STACK = "guestpass"


class Cloud:
    """The server, and an administrator's clients."""

    def __init__(self) -> None:
        teach_moto_rights()
        serialize_tables()
        # The value of `Ref` for a bus; moto has no id for it.
        EventBus.physical_resource_id = property(lambda bus: bus.name)
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._server.start()
        host, port = self._server.get_host_and_port()
        self.url = f"http://{host}:{port}"

    def stop(self) -> None:
        self._server.stop()

    def account(self, region: str = REGION) -> dict[str, str]:
        """The variables with which an administrator's program finds AWS."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": "/nonexistent",
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": region,
            **{name.upper(): value for name, value in ADMINISTRATOR.items()},
        }

    @cache
    def client(self, service: str, region: str = REGION):
        return boto3.client(service, endpoint_url=self.url, region_name=region, config=PATIENT, **ADMINISTRATOR)

    def deploy(self, connection_string: str, region: str = REGION, **parameters: str) -> "Deployed":
        """Creates the secret with the connection string, and the stack."""
        secret = self.client("secretsmanager", region).create_secret(Name="guestpass/acs", SecretString=connection_string)
        return self.create_stack(STACK, region, AcsSecretArn=secret["ARN"], **parameters)

    def create_stack(self, name: str, region: str = REGION, **parameters: str) -> "Deployed":
        """Uploads the zips to a bucket, and creates a stack with these parameters."""

        def client(service: str):
            return self.client(service, region)

        stack = Stack(source(), **parameters)
        # moto does not generate secrets for a template.
        made = {}
        for secret, properties in stack.of_type("AWS::SecretsManager::Secret").items():
            password = client("secretsmanager").get_random_password(**properties["GenerateSecretString"])
            created = client("secretsmanager").create_secret(Name=f"{name}-{secret}-{uuid.uuid4()}", SecretString=password["RandomPassword"])
            made[secret] = created["ARN"]
        s3 = client("s3")
        if BUCKET not in {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}:
            s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": region})
        for function in stack.functions().values():
            key = function["Code"]["S3Key"]
            s3.put_object(Bucket=BUCKET, Key=key, Body=artefacts.archive(key))
        client("cloudformation").create_stack(
            StackName=name,
            TemplateBody=json.dumps(for_moto(stack.expanded, made, stack.conditions)),
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
            Capabilities=["CAPABILITY_IAM"],
        )
        return Deployed(self, region, name, stack)


class Deployed:
    """The stack in the cloud."""

    def __init__(self, cloud: Cloud, region: str, name: str, stack: Stack):
        self.cloud = cloud
        self.region = region
        self.name = name
        self.stack = stack
        cloudformation = self.client("cloudformation")
        [described] = cloudformation.describe_stacks(StackName=name)["Stacks"]
        self.status = described["StackStatus"]
        self.outputs = {one["OutputKey"]: one["OutputValue"] for one in described["Outputs"]}
        made = cloudformation.describe_stack_resources(StackName=name)["StackResources"]
        # moto has no id for some resources, such as a permission or the version of a function.
        self.ids = {
            one["LogicalResourceId"]: one["PhysicalResourceId"]
            for one in made
            if "LogicalResourceId" in one and "PhysicalResourceId" in one
        }

    def client(self, service: str):
        return self.cloud.client(service, self.region)

    def attach_policies(self) -> None:
        """moto creates a template's role without the managed policies that it names. If they are
        attached, moto cannot delete the role."""
        for role, policy in self._attachments():
            self.client("iam").attach_role_policy(RoleName=role, PolicyArn=policy)

    def detach_policies(self) -> None:
        for role, policy in self._attachments():
            self.client("iam").detach_role_policy(RoleName=role, PolicyArn=policy)

    def _attachments(self) -> Iterator[tuple[str, str]]:
        managed = self.stack.of_type("AWS::IAM::ManagedPolicy")
        for role, properties in self.stack.of_type("AWS::IAM::Role").items():
            for policy in managed.keys() & set(properties.get("ManagedPolicyArns", [])):
                yield self.ids[role], self.ids[policy]

    def environment(self, function: str) -> dict[str, str]:
        """The variables with which Lambda would start a function: those of the deployed function,
        its role's credentials, and the address of AWS."""
        client = self.client("lambda")
        configuration = client.get_function_configuration(FunctionName=self.ids[function])
        role = self.client("iam").get_role(RoleName=configuration["Role"].rsplit("/", 1)[1])["Role"]
        taken = self.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName=function)["Credentials"]
        return {
            # moto stores a parameter that was a number as a number.
            **{name: str(value) for name, value in configuration["Environment"]["Variables"].items()},
            "AWS_ACCESS_KEY_ID": taken["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": taken["SecretAccessKey"],
            "AWS_SESSION_TOKEN": taken["SessionToken"],
            "AWS_REGION": self.region,
            "AWS_ENDPOINT_URL": self.cloud.url,
            "AWS_LAMBDA_FUNCTION_NAME": function,
            "AWS_LAMBDA_FUNCTION_VERSION": "1",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(configuration["MemorySize"]),
        }

    def resolved(self, value: Any) -> Any:
        """A property with the names of the created resources, as CloudFormation would resolve
        it."""
        text = json.dumps(value)
        for name in sorted(self.ids, key=len, reverse=True):
            physical = self.ids[name]
            arn = physical if physical.startswith("arn:") else f"arn:aws:made:{self.region}:{ACCOUNT}:{physical}"
            text = re.sub(rf'"{name}\.Arn"', json.dumps(arn), text)
            text = re.sub(rf'"{name}(\.\w+)?"', json.dumps(physical), text)
        return json.loads(text)


def serialize_tables() -> None:
    """DynamoDB applies each request as a whole. moto serves each request in a separate thread, and
    one request can see an item that another has written halfway."""
    one_at_a_time = Lock()
    dispatch = DynamoHandler._dispatch

    def alone(handler, *arguments, **options):
        with one_at_a_time:
            return dispatch(handler, *arguments, **options)

    DynamoHandler._dispatch = alone


def teach_moto_rights() -> None:
    """moto can restrict a request to the actions of a role, and to its resources if it knows the
    resource of the request. For the services that functions and operators call, it does not know it, and it
    refuses JSON requests in XML. The administrator may do everything."""
    hold = ActionAuthenticatorMixin._authenticate_and_authorize_action

    def unless_administrator(handler, kind: type, resource: str = "*") -> None:
        if f"Credential={ADMINISTRATOR['aws_access_key_id']}/" in handler.headers.get("Authorization", ""):
            return
        if handler._get_action() != "TransactWriteItems":
            return hold(handler, kind, resource)
        # AWS has no permission for a transaction: it requires the permissions for each of its
        # parts.
        for part in json.loads(handler.raw_body)["TransactItems"]:
            [(action, asked)] = part.items()
            hold(handler, of_the_action(kind, f"{action}Item"), arn_of(asked, handler.region))

    def of_the_action(kind: type, action: str):
        return lambda **request: kind(**{**request, "action": action})

    def refuse(request) -> None:
        raise JsonRESTError("AccessDeniedException", f"{request._access_key.arn} may not {request._action}")

    def of_a_table(handler) -> str:
        return arn_of(json.loads(handler.raw_body), handler.region)

    def arn_of(asked: dict, region: str) -> str:
        name = asked.get("TableName") or asked.get("TargetTableName", "*")
        table = f"arn:aws:dynamodb:{region}:{ACCOUNT}:table/{name}"
        return f"{table}/index/{asked['IndexName']}" if "IndexName" in asked else table

    def of_a_secret(handler) -> str:
        return json.loads(handler.raw_body).get("SecretId", "*")

    def of_a_stack(handler) -> str:
        return f"arn:aws:cloudformation:{handler.region}:{ACCOUNT}:stack/{handler._get_param('StackName')}/id"

    IAMRequest._raise_access_denied = refuse
    # moto treats other headers as signed than the SDK for Rust; signing is the SDK's
    # responsibility.
    IAMRequest.check_signature = lambda _: None
    moto.settings.INITIAL_NO_AUTH_ACTION_COUNT = 0
    ActionAuthenticatorMixin._authenticate_and_authorize_action = unless_administrator
    DynamoHandler._determine_resource = of_a_table
    CloudFormationResponse._determine_resource = of_a_stack
    SecretsManagerResponse._determine_resource = of_a_secret


ADMINISTRATOR = {"aws_access_key_id": "administrator", "aws_secret_access_key": "none"}
PATIENT = Config(retries={"max_attempts": 1}, s3={"addressing_style": "path"})
