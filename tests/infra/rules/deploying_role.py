"""The rights of the role that deploys the stack, from the template: CloudFormation's own schema of each
type of resource says what its creation, update and deletion need.

    python tests/infra/rules/deploying_role.py     writes infra/operate/deploying-role.json
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import boto3
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from expanded import ROOT, Stack, source
from rule import put, rule

DOCUMENT = ROOT / "infra/operate/deploying-role.json"

# Where the name of the stack is part of the ARN. `ACCOUNT`, `REGION` and `STACK` are replaced by the reader.
OF_THE_STACK = {
    "cloudformation": [
        "arn:aws:cloudformation:REGION:ACCOUNT:stack/STACK/*",
        "arn:aws:cloudformation:REGION:ACCOUNT:stack/aws-sam-cli-managed-default/*",
        "arn:aws:cloudformation:REGION:aws:transform/Serverless-2016-10-31",
    ],
    "cloudwatch": ["arn:aws:cloudwatch:REGION:ACCOUNT:alarm:STACK-*", "arn:aws:cloudwatch::ACCOUNT:dashboard/STACK"],
    "codedeploy": ["arn:aws:codedeploy:REGION:ACCOUNT:*:STACK-*"],
    "dynamodb": ["arn:aws:dynamodb:REGION:ACCOUNT:table/STACK-*"],
    "events": ["arn:aws:events:REGION:ACCOUNT:event-bus/*", "arn:aws:events:REGION:ACCOUNT:rule/*"],
    "iam": ["arn:aws:iam::ACCOUNT:role/*STACK-*", "arn:aws:iam::ACCOUNT:policy/*STACK-*"],
    "s3": ["arn:aws:s3:::aws-sam-cli-managed-default-*"],
    "scheduler": ["arn:aws:scheduler:REGION:ACCOUNT:schedule/*/STACK-*"],
    # CloudFormation names a secret after its logical ID.
    "secretsmanager": ["arn:aws:secretsmanager:REGION:ACCOUNT:secret:CallerHashKey-*"],
    "sns": ["arn:aws:sns:REGION:ACCOUNT:STACK-*"],
    "sqs": ["arn:aws:sqs:REGION:ACCOUNT:STACK-*"],
}

# Types whose schema says nothing.
UNSAID = {
    "AWS::CodeDeploy::DeploymentGroup": [
        f"codedeploy:{action}"
        for action in ["CreateDeploymentGroup", "DeleteDeploymentGroup", "GetDeploymentGroup", "UpdateDeploymentGroup"]
    ],
    "AWS::EC2::VPCEndpoint": [
        f"ec2:{action}" for action in ["CreateVpcEndpoint", "DeleteVpcEndpoints", "DescribeVpcEndpoints", "ModifyVpcEndpoint"]
    ],
}

# Services that some schemas name, for features that the template does not use.
UNUSED = {"elasticfilesystem", "firehose", "kinesis", "s3files", "vpc-lattice", "vpce"}

# What `make` and CloudFormation need besides the resources: change sets, the zips, the aliases, the records
# that forbid another issuer, a restore, and the requests of `make verify`.
BESIDES = [
    *(f"cloudformation:{action}" for action in [
        "CreateChangeSet", "DeleteStack", "DescribeChangeSet", "DescribeStackEvents", "DescribeStackResource", "DescribeStacks",
        "ExecuteChangeSet", "GetTemplate", "GetTemplateSummary", "ListStackResources",
    ]),
    *(f"codedeploy:{action}" for action in ["CreateDeployment", "GetDeployment", "GetDeploymentConfig", "StopDeployment"]),
    *(f"dynamodb:{action}" for action in ["RestoreTableToPointInTime", "Scan"]),
    *(f"lambda:{action}" for action in ["GetAlias", "InvokeFunction", "ListVersionsByFunction", "UpdateAlias"]),
    *(f"s3:{action}" for action in ["GetObject", "ListBucket", "PutObject"]),
    "events:PutEvents",
    "iam:PassRole",
]


# A generated password belongs to no secret yet, and a search for alarms by the beginning of their names to no
# alarm.
WITHOUT_RESOURCE = {"secretsmanager:GetRandomPassword", "cloudwatch:DescribeAlarms"}


def document() -> dict[str, Any]:
    """The policy, a statement for each service."""
    actions = set(BESIDES)
    for kind in {one["Type"] for one in Stack(source()).expanded["Resources"].values()}:
        actions |= needed_by(kind)
    services: dict[str, set[str]] = {}
    for action in actions:
        service = action if action in WITHOUT_RESOURCE else action.split(":")[0]
        services.setdefault(service, set()).add(action)
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": sorted(wanted), "Resource": OF_THE_STACK.get(service, ["*"])}
            for service, wanted in sorted(services.items())
        ],
    }


def needed_by(kind: str) -> set[str]:
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
    handlers = schema.get("handlers", {})
    needed = [handlers.get(name, {}).get("permissions", []) for name in ["create", "read", "update", "delete"]]
    needed.append(schema.get("tagging", {}).get("permissions", []))
    # Some schemas have texts such as `lambda:*`.
    found = {action for actions in needed for action in actions if "*" not in action}
    found = {action for action in found if action.split(":")[0] not in UNUSED}
    return found or set(UNSAID.get(kind, []))


@rule(put("Resources/Another", {"Type": "AWS::StepFunctions::StateMachine", "Properties": {"RoleArn": "x"}}))
def the_deploying_role_may_make_each_resource(stack: Stack) -> Iterator[str]:
    kept = json.loads(DOCUMENT.read_text())
    granted = {action for statement in kept["Statement"] for action in statement["Action"]}
    for kind in sorted({one["Type"] for one in stack.expanded["Resources"].values()}):
        if not (needed := needed_by(kind)):
            yield f"nothing says what {kind} needs: add it to UNSAID"
        yield from (f"{kind} needs {action}: write {DOCUMENT.name} again" for action in sorted(needed - granted))
    if kept != document():
        yield f"{DOCUMENT.name} is not that of this template: write it again"
    if len(json.dumps(kept, separators=(",", ":"))) > 10_240:
        yield f"{DOCUMENT.name} is longer than IAM allows for the policies of a role"


@rule(put("Metadata/Calls", "lambda:DeleteFunctionConcurrencyOfAll"))
def the_deploying_role_may_do_what_the_commands_of_make_do(stack: Stack) -> Iterator[str]:
    """Each request to AWS in the scripts of `make`, except `make secret`, which stores a secret of another owner."""
    granted = {action for statement in json.loads(DOCUMENT.read_text())["Statement"] for action in statement["Action"]}
    # Only the twin of this rule has such calls in its template.
    yield from {stack.source.get("Metadata", {}).get("Calls", "iam:PassRole")} - granted
    for path in sorted([*ROOT.glob("infra/deploy/*.py"), *ROOT.glob("infra/operate/*.py")]):
        if path.name != "secret.py":
            yield from (f"{path.name} needs {action}" for action in sorted(called_in(path.read_text()) - granted))


def called_in(text: str) -> set[str]:
    """The actions that a script needs: the operations of the services whose clients it makes."""
    names = set(re.findall(r"\.(\w+)\(", text)) | set(re.findall(r'get_paginator\("(\w+)"\)', text))
    actions = set()
    for service in set(re.findall(r'client\("(\w+)"', text)):
        operations = boto3.client(service, region_name="eu-west-1").meta.method_to_api_mapping
        actions |= {f"{service}:{RENAMED.get(operations[name], operations[name])}" for name in names & operations.keys()}
    return actions


# The actions whose name differs from that of the operation.
RENAMED = {"Invoke": "InvokeFunction"}


if __name__ == "__main__":
    DOCUMENT.write_text(json.dumps(document(), indent=2) + "\n")
