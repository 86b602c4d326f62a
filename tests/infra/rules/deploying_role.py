"""The rights of the role that deploys the stack, from the template: CloudFormation's own schema of each
type of resource says what its creation, update and deletion need.

    python tests/infra/rules/deploying_role.py     writes infra/operate/deploying-role.json
"""

import json
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

import boto3
from cfnlint.data import AdditionalSpecs
from cfnlint.helpers import load_resource
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from expanded import ROOT, Stack, source
from rule import put, rule

class Scope(NamedTuple):
    """Where an action is allowed."""

    resources: tuple[str, ...]
    condition: str = "{}"


DOCUMENT = ROOT / "infra/operate/deploying-role.json"
README = ROOT / "infra/README.md"

# The actions that IAM knows, and the types of resources of each. One without a type can only be granted on `*`.
ACTIONS = load_resource(AdditionalSpecs, "Policies.json")

# The stack in which SAM keeps its bucket for the zips. The first deployment of a region creates both.
SAM_STACK = "aws-sam-cli-managed-default"

# Where the name of the stack is part of the ARN, or at least the type of the resource. `ACCOUNT`, `REGION` and `STACK`
# are replaced by the reader.
OF_THE_STACK = {
    # The names of APIs are random, and a domain name has the name that its owner chose.
    "apigateway": [f"arn:aws:apigateway:REGION::/{path}" for path in ["apis*", "domainnames*", "tags/*"]],
    "appconfig": ["arn:aws:appconfig:REGION:ACCOUNT:application/*"],
    "cloudformation": [
        "arn:aws:cloudformation:REGION:ACCOUNT:stack/STACK/*",
        f"arn:aws:cloudformation:REGION:ACCOUNT:stack/{SAM_STACK}/*",
        "arn:aws:cloudformation:REGION:aws:transform/Serverless-2016-10-31",
    ],
    "cloudwatch": ["arn:aws:cloudwatch:REGION:ACCOUNT:alarm:STACK-*", "arn:aws:cloudwatch::ACCOUNT:dashboard/STACK"],
    "codedeploy": ["arn:aws:codedeploy:REGION:ACCOUNT:*:STACK-*", "arn:aws:codedeploy:REGION:ACCOUNT:deploymentconfig:CodeDeployDefault.*"],
    "dynamodb": ["arn:aws:dynamodb:REGION:ACCOUNT:table/STACK-*"],
    "ec2": ["arn:aws:ec2:REGION:ACCOUNT:vpc-endpoint/*"],
    # A rule of another bus than the default one has the name of the bus before its own.
    "events": [
        "arn:aws:events:REGION:ACCOUNT:event-bus/STACK-*",
        "arn:aws:events:REGION:ACCOUNT:rule/STACK-*",
        "arn:aws:events:REGION:ACCOUNT:rule/*/STACK-*",
    ],
    "iam": ["arn:aws:iam::ACCOUNT:role/*STACK-*", "arn:aws:iam::ACCOUNT:policy/*STACK-*"],
    # A mapping has a random name. The layer of TrustRootsLayerArn can be in another account.
    "lambda": [
        "arn:aws:lambda:REGION:ACCOUNT:function:STACK-*",
        "arn:aws:lambda:REGION:ACCOUNT:event-source-mapping:*",
        "arn:aws:lambda:REGION:*:layer:*",
    ],
    "logs": [f"arn:aws:logs:REGION:ACCOUNT:log-group:{name}" for name in ["STACK-*", "/aws/vendedlogs/STACK/*"]],
    "s3": [f"arn:aws:s3:::{SAM_STACK}-*"],
    "scheduler": ["arn:aws:scheduler:REGION:ACCOUNT:schedule/*/STACK-*"],
    # CloudFormation names a secret after its logical ID.
    "secretsmanager": ["arn:aws:secretsmanager:REGION:ACCOUNT:secret:CallerHashKey-*"],
    "sns": ["arn:aws:sns:REGION:ACCOUNT:STACK-*"],
    "sqs": ["arn:aws:sqs:REGION:ACCOUNT:STACK-*"],
}

# What the schema of a type does not say.
UNSAID = {
    # What AWS documents for an access log.
    "AWS::ApiGatewayV2::Stage": [
        f"logs:{action}" for action in ["DeleteLogDelivery", "GetLogDelivery", "ListLogDeliveries", "UpdateLogDelivery"]
    ],
    # The first domain name of an account makes a role of API Gateway.
    "AWS::ApiGatewayV2::DomainName": ["iam:CreateServiceLinkedRole"],
    "AWS::CodeDeploy::DeploymentGroup": [
        f"codedeploy:{action}"
        for action in ["CreateDeploymentGroup", "DeleteDeploymentGroup", "GetDeploymentGroup", "UpdateDeploymentGroup"]
    ],
    # For private DNS.
    "AWS::EC2::VPCEndpoint": ["route53:AssociateVPCWithHostedZone"],
}

# Services that some schemas name, for features that the template does not use.
UNUSED = {"elasticfilesystem", "firehose", "kinesis", "s3files", "vpc-lattice", "vpce"}

# Actions that some schemas name, too: for such features, or unknown to IAM.
UNUSED_ACTIONS = {
    *(f"iam:{verb}{kind}Policy" for verb in ["Attach", "Detach"] for kind in ["Group", "User"]),
    *(f"dynamodb:{verb}KinesisStreamingDestination" for verb in ["Disable", "Enable", "Update"]),
    *(f"dynamodb:{action}" for action in ["AssociateTableReplica", "CreateTableReplica", "DescribeImport", "ImportTable"]),
    *(f"logs:{action}" for action in [
        "CreateLogStream", "DeleteIndexPolicy", "DeleteResourcePolicy", "DescribeLogStreams", "PutBearerTokenAuthentication",
        "PutDataProtectionPolicy", "PutIndexPolicy", "PutLogEvents", "PutLogGroupDeletionProtection",
    ]),
    "codedeploy:RegisterOnPremisesInstance", "lambda:GetCodeSigningConfig", "lambda:PassCapacityProvider",
    "secretsmanager:RemoveRegionsFromReplication", "secretsmanager:ReplicateSecretToRegions",
    "kms:ReEncrypt", "s3:GetObjectMetadata", "s3:REST.PUT.OBJECT", "s3:getObject",
}

# What `make`, the operator and CloudFormation need besides the resources: change sets, the end of an update, the zips, the
# aliases, the records that forbid another issuer, a restore, and the requests of `make verify`.
BESIDES = [
    *(f"cloudformation:{action}" for action in [
        "CancelUpdateStack", "CreateChangeSet", "DeleteStack", "DescribeChangeSet", "DescribeStackEvents", "DescribeStackResource",
        "DescribeStacks", "ExecuteChangeSet", "GetTemplate", "GetTemplateSummary", "ListStackResources",
    ]),
    *(f"codedeploy:{action}" for action in ["CreateDeployment", "GetDeployment", "GetDeploymentConfig", "StopDeployment"]),
    *(f"dynamodb:{action}" for action in ["RestoreTableToPointInTime", "Scan"]),
    *(f"lambda:{action}" for action in ["GetAlias", "InvokeFunction", "ListVersionsByFunction", "UpdateAlias"]),
    *(f"s3:{action}" for action in [
        "GetObject", "ListBucket", "PutObject",
        # SAM's bucket, as SAM 1.170 makes it, and what CloudFormation does if that fails.
        "CreateBucket", "DeleteBucket", "DeleteBucketPolicy", "GetBucketPolicy", "PutBucketPolicy", "PutBucketPublicAccessBlock",
        "PutBucketTagging", "PutBucketVersioning", "PutEncryptionConfiguration", "TagResource",
    ]),
    "events:PutEvents",
    "iam:PassRole",
]


# A search for alarms by the beginning of their names belongs to no alarm. A new endpoint can be in subnets of another account.
WITHOUT_RESOURCE = {"cloudwatch:DescribeAlarms", "ec2:CreateVpcEndpoint"}

# The stack has its own key for the topic of the alarms, whose name is random. It has this tag. Other keys may only be used,
# and only by these services for the caller.
OWN_KEY = "AWS::KMS::Key"
USERS_OF_KEYS = {"StringLike": {"kms:ViaService": [
    f"{service}.REGION.*" for service in ["dynamodb", "events", "lambda", "s3", "secretsmanager"]
]}}
OWN_TAG = "guestpass:stack"
KEYS = Scope(("arn:aws:kms:REGION:ACCOUNT:key/*",), json.dumps({"StringEquals": {f"aws:ResourceTag/{OWN_TAG}": "STACK"}}))
WITH_OWN_KEY = {f"kms:{action}" for action in [
    "DisableKey", "DisableKeyRotation", "EnableKey", "PutKeyPolicy", "ScheduleKeyDeletion", "UntagResource", "UpdateKeyDescription",
]}

# Other resources with random names have the tags of CloudFormation, which only CloudFormation can set.
TAGGED = Scope(
    (*OF_THE_STACK["appconfig"], *OF_THE_STACK["ec2"]),
    json.dumps({"StringEquals": {"aws:ResourceTag/aws:cloudformation:stack-name": "STACK"}}),
)
WITH_TAG = {"appconfig:DeleteApplication", "appconfig:DeleteConfigurationProfile", "ec2:DeleteVpcEndpoints", "ec2:ModifyVpcEndpoint"}
# What an endpoint is connected to belongs to the VPC.
OF_THE_VPC = Scope(tuple(f"arn:aws:ec2:*:*:{kind}/*" for kind in ["route-table", "security-group", "subnet"]))

# Of the roles of services, only that of API Gateway.
LINKED_ROLE = Scope(
    ("arn:aws:iam::ACCOUNT:role/aws-service-role/ops.apigateway.amazonaws.com/*",),
    json.dumps({"StringEquals": {"iam:AWSServiceName": "ops.apigateway.amazonaws.com"}}),
)

# Reads of settings. Those of DynamoDB, S3 and Secrets Manager would also read contents.
READ = re.compile(r"^((?:appconfig|cloudformation|codedeploy|events|iam|lambda|logs|sns|sqs):(?:Describe|Get|List)).*")

# What may be changed of any resource, since IAM has no limit for it, or a new resource has no tag yet. infra/README.md
# names each of them.
OPEN = {
    "apigateway:TagResource", "apigateway:UntagResource", "appconfig:CreateApplication", "codedeploy:StopDeployment",
    "ec2:CreateVpcEndpoint", "events:PutPermission", "events:RemovePermission", "kms:CreateKey", "kms:EnableKeyRotation",
    "kms:TagResource", "lambda:AssociateRuntimeAlias", "logs:CreateLogDelivery", "logs:DeleteLogDelivery",
    "logs:DeleteQueryDefinition", "logs:PutQueryDefinition", "logs:PutResourcePolicy", "logs:UpdateLogDelivery",
    "route53:AssociateVPCWithHostedZone",
}

# A mapping may invoke a function of the stack only.
OF_OUR_FUNCTIONS = {"StringLike": {"lambda:FunctionArn": ["arn:aws:lambda:REGION:ACCOUNT:function:STACK-*"]}}
WITH_FUNCTION = {f"lambda:{verb}EventSourceMapping" for verb in ["Create", "Delete", "Update"]}


def scopes(action: str) -> list[Scope]:
    service, name = action.split(":")
    if action in WITH_FUNCTION:
        return [Scope(("*",), json.dumps(OF_OUR_FUNCTIONS))]
    if not ACTIONS[service]["Actions"].get(name.lower(), {}).get("Resources") or action in WITHOUT_RESOURCE:
        return [Scope(("*",))]
    if action == "iam:CreateServiceLinkedRole":
        return [LINKED_ROLE]
    if action in WITH_OWN_KEY:
        return [KEYS]
    if action in WITH_TAG:
        return [TAGGED, OF_THE_VPC] if action == "ec2:ModifyVpcEndpoint" else [TAGGED]
    if service == "kms" and action not in needed_by(OWN_KEY):
        return [Scope(("*",), json.dumps(USERS_OF_KEYS))]
    return [Scope(tuple(OF_THE_STACK.get(service, ["*"])))]


def document() -> dict[str, Any]:
    """The policy. IAM limits its length. So all resources of the stack are in one statement, which is the same as one for
    each service: an action of a service has no effect on the resources of another one. And of these, everything may be read."""
    actions = set(BESIDES)
    for kind in {one["Type"] for one in Stack(source()).expanded["Resources"].values()}:
        actions |= needed_by(kind)
    statements: dict[Scope, list[str]] = {}
    for action in sorted(actions):
        for scope in scopes(action):
            statements.setdefault(scope, []).append(action)
    of_the_stack = {scope: statements.pop(scope) for scope in map(Scope, map(tuple, OF_THE_STACK.values()))}
    resources = tuple(resource for scope in of_the_stack for resource in scope.resources)
    statements[Scope(resources)] = sorted({READ.sub(r"\1*", action) for wanted in of_the_stack.values() for action in wanted})
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": wanted, "Resource": list(scope.resources)}
            | ({"Condition": condition} if (condition := json.loads(scope.condition)) else {})
            for scope, wanted in statements.items()
        ],
    }


def needed_by(kind: str) -> set[str]:
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
    handlers = schema.get("handlers", {})
    needed = [handlers.get(name, {}).get("permissions", []) for name in ["create", "read", "update", "delete"]]
    needed.append(schema.get("tagging", {}).get("permissions", []))
    # Some schemas have texts such as `lambda:*`.
    found = {action for actions in needed for action in actions if "*" not in action}
    found = {action for action in found - UNUSED_ACTIONS if action.split(":")[0] not in UNUSED}
    return found | set(UNSAID.get(kind, []))


@rule(put("Resources/Another", {"Type": "AWS::StepFunctions::StateMachine", "Properties": {"RoleArn": "x"}}))
def the_deploying_role_may_make_each_resource(stack: Stack) -> Iterator[str]:
    kept = json.loads(DOCUMENT.read_text())
    for kind in sorted({one["Type"] for one in stack.expanded["Resources"].values()}):
        if not (needed := needed_by(kind)):
            yield f"nothing says what {kind} needs: add it to UNSAID"
        yield from (f"{kind} needs {action}: write {DOCUMENT.name} again" for action in not_granted(needed))
    if kept != document():
        yield f"{DOCUMENT.name} is not that of this template: write it again"
    # As long as a reader can make it.
    text = json.dumps(kept, separators=(",", ":")).replace("ACCOUNT", "1" * 12).replace("REGION", "ap-southeast-2").replace("STACK", "s" * 24)
    if len(text) > 10_240:
        yield f"{DOCUMENT.name} is longer than IAM allows for the policies of a role"


@rule(put("Metadata/Calls", "lambda:DeleteFunctionConcurrencyOfAll"))
def the_deploying_role_may_do_what_the_commands_of_make_do(stack: Stack) -> Iterator[str]:
    """Each request to AWS in the scripts of `make`, except `make secret`, which stores a secret of another owner."""
    # Only the twin of this rule has such calls in its template.
    yield from not_granted({stack.source.get("Metadata", {}).get("Calls", "iam:PassRole")})
    for path in sorted([*ROOT.glob("infra/deploy/*.py"), *ROOT.glob("infra/operate/*.py")]):
        if path.name != "secret.py":
            yield from (f"{path.name} needs {action}" for action in not_granted(called_in(path.read_text())))


# A command of the AWS CLI in a text can be on two lines.
COMMAND = re.compile(r"aws\s+cloudformation\s+([a-z-]+)")


@rule(put("Metadata/Text", "run `aws cloudformation\ncontinue-update-rollback`"))
def the_deploying_role_may_do_what_a_text_tells_the_operator_to_run(stack: Stack) -> Iterator[str]:
    texts = {str(path.relative_to(ROOT)): path.read_text() for kind in ["md", "py"] for path in ROOT.glob(f"infra/**/*.{kind}")}
    # Only the twin of this rule has such a text in its template.
    texts["infra/template.yaml"] = stack.source.get("Metadata", {}).get("Text", "")
    commands = {(command, name) for name, text in texts.items() for command in COMMAND.findall(text)}
    if not {("cancel-update-stack", f"infra/{name}") for name in ["README.md", "operate/rollback.py"]} <= commands:
        yield "this rule does not find the commands of the texts"
    for command, name in sorted(commands):
        action = "cloudformation:" + "".join(word.capitalize() for word in command.split("-"))
        yield from (f"{name} names `aws cloudformation {command}`, which needs {missing}" for missing in not_granted({action}))


def not_granted(actions: set[str]) -> list[str]:
    granted = [action for statement in json.loads(DOCUMENT.read_text())["Statement"] for action in statement["Action"]]
    return sorted(action for action in actions if not any(fnmatchcase(action, pattern) for pattern in granted))


HERE, OTHER = "arn:aws:{}:REGION:ACCOUNT:{}STACK-Name-1", "arn:aws:{}:REGION:ACCOUNT:{}other-Name-1"
ALLOWED = {
    "codedeploy:GetDeploymentConfig": "arn:aws:codedeploy:REGION:ACCOUNT:deploymentconfig:CodeDeployDefault.LambdaAllAtOnce",
    "cloudformation:CreateChangeSet": "arn:aws:cloudformation:REGION:ACCOUNT:stack/aws-sam-cli-managed-default/1",
    **dict.fromkeys(
        ["s3:CreateBucket", "s3:PutBucketPolicy", "s3:PutBucketVersioning", "s3:PutEncryptionConfiguration"],
        "arn:aws:s3:::aws-sam-cli-managed-default-samclisourcebucket-1",
    ),
    "lambda:UpdateFunctionCode": HERE.format("lambda", "function:"),
    "lambda:InvokeFunction": HERE.format("lambda", "function:") + ":live",
    "lambda:GetLayerVersion": "arn:aws:lambda:REGION:111122223333:layer:roots:1",
    "events:PutEvents": "arn:aws:events:REGION:ACCOUNT:event-bus/STACK-events",
    "events:PutRule": HERE.format("events", "rule/aws.partner/auth0.com/a/b/"),
    "events:PutTargets": HERE.format("events", "rule/"),
    "logs:DeleteLogGroup": "arn:aws:logs:REGION:ACCOUNT:log-group:STACK-Logs-1:*",
    "logs:PutRetentionPolicy": "arn:aws:logs:REGION:ACCOUNT:log-group:/aws/vendedlogs/STACK/api",
    "apigateway:POST": "arn:aws:apigateway:REGION::/apis",
    "apigateway:PATCH": "arn:aws:apigateway:REGION::/apis/a1b2c3d4e5/stages/$default",
    "apigateway:DELETE": "arn:aws:apigateway:REGION::/domainnames/api.example.com/apimappings/1",
    "appconfig:CreateHostedConfigurationVersion": "arn:aws:appconfig:REGION:ACCOUNT:application/1/configurationprofile/2",
    "ec2:CreateTags": "arn:aws:ec2:REGION:ACCOUNT:vpc-endpoint/vpce-1",
    "ec2:ModifyVpcEndpoint": "arn:aws:ec2:REGION:111122223333:subnet/subnet-1",
    "kms:EnableKeyRotation": "arn:aws:kms:REGION:ACCOUNT:key/1",
}
FORBIDDEN = {
    "cloudformation:DeleteStack": "arn:aws:cloudformation:REGION:ACCOUNT:stack/other/1",
    "s3:CreateBucket": "arn:aws:s3:::other",
    "lambda:UpdateFunctionCode": OTHER.format("lambda", "function:"),
    "lambda:InvokeFunction": OTHER.format("lambda", "function:"),
    "events:PutEvents": "arn:aws:events:REGION:ACCOUNT:event-bus/default",
    "events:PutRule": OTHER.format("events", "rule/"),
    "dynamodb:Scan": OTHER.format("dynamodb", "table/"),
    "apigateway:DELETE": "arn:aws:apigateway:REGION::/restapis/other",
    "iam:CreateRole": "arn:aws:iam::ACCOUNT:role/other",
    **dict.fromkeys(["logs:DeleteLogGroup", "logs:PutMetricFilter"], "arn:aws:logs:REGION:ACCOUNT:log-group:other:*"),
    **dict.fromkeys(["ec2:CreateTags", "ec2:DeleteTags"], "arn:aws:ec2:REGION:ACCOUNT:instance/i-1"),
    # These have a condition.
    "iam:CreateServiceLinkedRole": "arn:aws:iam::ACCOUNT:role/aws-service-role/ops.apigateway.amazonaws.com/AWSServiceRoleForAPIGateway",
    "lambda:CreateEventSourceMapping": "*",
    "kms:Decrypt": "*",
    **dict.fromkeys(["kms:DisableKey", "kms:PutKeyPolicy", "kms:ScheduleKeyDeletion"], "arn:aws:kms:REGION:ACCOUNT:key/1"),
    **dict.fromkeys(["ec2:DeleteVpcEndpoints", "ec2:ModifyVpcEndpoint"], "arn:aws:ec2:REGION:ACCOUNT:vpc-endpoint/vpce-1"),
    **dict.fromkeys(["appconfig:DeleteApplication", "appconfig:DeleteConfigurationProfile"], "arn:aws:appconfig:REGION:ACCOUNT:application/1"),
}


@rule(
    put("Metadata/Allowed", {"lambda:UpdateFunctionCode": OTHER.format("lambda", "function:")}),
    put("Metadata/Forbidden", {"events:PutEvents": "arn:aws:events:REGION:ACCOUNT:event-bus/STACK-events"}),
)
def the_deploying_role_may_change_this_stack_only(stack: Stack) -> Iterator[str]:
    statements = json.loads(DOCUMENT.read_text())["Statement"]
    # Only the twins of this rule have such members in their templates.
    changed = stack.source.get("Metadata", {})
    for action, resource in (ALLOWED | changed.get("Allowed", {})).items():
        if not is_allowed(statements, action, resource):
            yield f"{action} is not allowed on {resource}"
    for action, resource in (FORBIDDEN | changed.get("Forbidden", {})).items():
        if is_allowed(statements, action, resource):
            yield f"{action} is allowed on {resource}"
    for statement in statements:
        if statement["Resource"] == ["*"]:
            yield from open_to_all(statement)
            continue
        for action in {action for action in statement["Action"] if not action.endswith("*")}:
            service, name = action.split(":")
            if not ACTIONS[service]["Actions"].get(name.lower(), {}).get("Resources"):
                yield f"{action} is never allowed: it can only be granted on *"


@rule(put("Resources/AlarmKey/Properties/Tags", [{"Key": "other", "Value": {"Ref": "AWS::StackName"}}]))
def a_key_of_the_stack_has_the_tag_with_which_the_deploying_role_may_delete_it(stack: Stack) -> Iterator[str]:
    for name, key in stack.source["Resources"].items():
        own = {"Key": OWN_TAG, "Value": {"Ref": "AWS::StackName"}}
        if key["Type"] == OWN_KEY and own not in key["Properties"].get("Tags", []):
            yield f"{name} has no tag {OWN_TAG} with the name of the stack"


def open_to_all(statement: dict[str, Any]) -> Iterator[str]:
    """What a statement permits for all resources although it is not in OPEN, or the document does not name it."""
    text = README.read_text()
    for action in statement["Action"] if "Condition" not in statement else []:
        changes = not re.match("(Describe|Get|List)", action.split(":")[1])
        if changes and action not in OPEN:
            yield f"{action} is allowed on each resource of the account"
        if changes and f"`{action}`" not in text:
            yield f"{README.name} does not say that {action} is allowed on each resource of the account"


def is_allowed(statements: list[dict[str, Any]], action: str, resource: str) -> bool:
    """Without the values of any condition."""
    return any(
        any(fnmatchcase(action, pattern) for pattern in one["Action"])
        and "Condition" not in one
        and any(fnmatchcase(resource, pattern) for pattern in one["Resource"])
        for one in statements
    )


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
