"""T01: each function has exactly the permissions that its dependencies imply."""

import re
from collections.abc import Iterator

import rust
from expanded import Stack
from rule import drop, put, rule

Rights = set[tuple[str, str]]

# With these parameters, the functions of transmitters exist.
SIGNALS = {
    "Transmitters": '[{"name": "idp", "kind": "ssf", "issuer": "https://idp.example", "audiences": ["app"]}]',
    "TransmitterSecretArn": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:transmitters",
}

# The functions with a schedule, each with the queue of its failures.
SCHEDULED = {"DeleteStaleIdentities": "CleanupFailures", "WatchEntraUsers": "EntraWatchFailures"}

# Traces have no resource ARN that a policy could name.
WITHOUT_RESOURCE = {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}


# Lambda connects a function to subnets with the rights of its role.
OF_SUBNETS = {
    f"ec2:{action}"
    for action in [
        "CreateNetworkInterface", "DescribeNetworkInterfaces", "DescribeSubnets", "DeleteNetworkInterface",
        "AssignPrivateIpAddresses", "UnassignPrivateIpAddresses",
    ]
}


# A right for one version would change with each deployment, and IAM applies a change late. The name of one deployment
# group would be a circular reference.
OF_THE_CHECK = {
    ("lambda:InvokeFunction", "IssueAccessToken.Arn:*"),
    (
        "codedeploy:PutLifecycleEventHookExecutionStatus",
        "arn:AWS::Partition:codedeploy:AWS::Region:AWS::AccountId:deploymentgroup:ServerlessDeploymentApplication/*",
    ),
}


def implied(stack: Stack, function: str) -> Rights:
    """The permissions that a function needs, by its Cargo.toml, its code, and its event sources."""
    crate = stack.crate_of(function)
    dependencies = rust.dependencies(crate)
    rights = {("logs:CreateLogStream", "Logs.Arn"), ("logs:PutLogEvents", "Logs.Arn")}
    rights |= {(action, "*") for action in WITHOUT_RESOURCE}
    if stack.parameters["SubnetIds"] != [""]:
        rights |= {(action, "*") for action in OF_SUBNETS}
    if key := stack.parameters["KmsKeyArn"]:
        rights |= {("kms:Decrypt", key), ("kms:GenerateDataKey", key)}
    if "acs-secret" in dependencies:
        rights.add(("secretsmanager:GetSecretValue", stack.parameters["AcsSecretArn"]))
    if "CALLER_HASH_SECRET_ARN" in rust.own_text(crate):
        rights.add(("secretsmanager:GetSecretValue", "CallerHashKey"))
    reads_transmitters = "TRANSMITTER_SECRET_ARN" in rust.own_text(crate) or "graph-transmitters" in dependencies
    if reads_transmitters and stack.parameters["TransmitterSecretArn"]:
        rights.add(("secretsmanager:GetSecretValue", stack.parameters["TransmitterSecretArn"]))
    if "scim-store" in dependencies:
        rights |= {(f"dynamodb:{action}", "ScimUsers.Arn") for action in rust.requests_of_scim()}
    if "event-queue" in dependencies:
        rights.add(("sqs:SendMessage", "IdentityEvents.Arn"))
    if "identity-store" in dependencies:
        rights |= {
            (f"dynamodb:{action}", f"{table}.Arn{f'/index/{index}' if index else ''}")
            for method in rust.methods_called(crate)
            for action, table, index in rust.requests_of(method)
        }
    for mapping in stack.of_type("AWS::Lambda::EventSourceMapping").values():
        if function_of(mapping) == function:
            wanted = ["ReceiveMessage", "DeleteMessage", "GetQueueAttributes"]
            rights |= {(f"sqs:{action}", mapping["EventSourceArn"]) for action in wanted}
    for config in stack.of_type("AWS::Lambda::EventInvokeConfig").values():
        if function_of(config) == function:
            rights.add(("sqs:SendMessage", config["DestinationConfig"]["OnFailure"]["Destination"]))
    return rights


def function_of(properties: dict) -> str:
    """The function that an alias, a version or a plain reference names."""
    return re.sub(r"(Alias\w+|\.Arn)$", "", properties["FunctionName"])


def granted(stack: Stack, role: str) -> Rights:
    """The permissions of a role, from its own policies and from those of the template."""
    properties = stack.of_type("AWS::IAM::Role")[role]
    managed = stack.of_type("AWS::IAM::ManagedPolicy")
    documents = [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
    for arn in properties.get("ManagedPolicyArns", []):
        # An AWS managed policy is a permission by its name.
        documents.append(managed[arn]["PolicyDocument"] if arn in managed else {"Statement": [{"Action": arn}]})
    return {
        (action, resource)
        for document in documents
        for statement in document["Statement"]
        for action in as_list(statement.get("Action", f"Not{statement.get('NotAction')}"))
        for resource in as_list(statement.get("Resource", "-"))
    }


def as_list(value):
    return value if isinstance(value, list) else [value]


def table(rights: Rights) -> list[str]:
    return sorted(f"{action} on {resource}" for action, resource in rights)


@rule(
    put("Resources/GetIdentityRole/Properties/ManagedPolicyArns/2", {"Ref": "ChangeRecords"}),
    put("Resources/ReadRecords/Properties/PolicyDocument/Statement/0/Action", ["dynamodb:GetItem", "dynamodb:Scan"]),
    put("Resources/ReadRecords/Properties/PolicyDocument/Statement/0/Resource", "*"),
    put("Resources/CleanUpRecords/Properties/PolicyDocument/Statement/0/Action", "dynamodb:DeleteItem"),
    drop("Resources/CreateIdentityRole/Properties/ManagedPolicyArns/1"),
    drop("Resources/ListIdentitiesRole/Properties/ManagedPolicyArns/1"),
    put("Resources/ListIdentitiesRole/Properties/ManagedPolicyArns/1", {"Ref": "WriteAudit"}),
    put("Resources/RevokeOnEventRole/Properties/ManagedPolicyArns/1", {"Ref": "ReadCallerHashKey"}),
    put("Resources/ReadCallerHashKey/Properties/PolicyDocument/Statement/0/Resource", {"Ref": "AcsSecretArn"}),
    put("Resources/GetIdentity/Properties/Role", {"Fn::GetAtt": "DeleteIdentityRole.Arn"}),
    drop("Resources/ExchangeGuestPassRole/Properties/ManagedPolicyArns/3").with_parameters(InviteScope="invite"),
    drop("Resources/ListInvitationsRole/Properties/ManagedPolicyArns/2").with_parameters(InviteScope="invite"),
    put("Resources/CreateInvitationRole/Properties/ManagedPolicyArns/3", {"Ref": "ReadAcsSecret"}).with_parameters(
        InviteScope="invite"
    ),
    drop("Resources/RevokeInvitationRole/Properties/ManagedPolicyArns/1").with_parameters(InviteScope="invite"),
    drop("Resources/ReceiveSecurityEventRole/Properties/ManagedPolicyArns/1").with_parameters(**SIGNALS),
    drop("Resources/ReceiveSecurityEventRole/Properties/ManagedPolicyArns/2").with_parameters(**SIGNALS),
    drop("Resources/PollSecurityEventsRole/Properties/ManagedPolicyArns/2").with_parameters(**SIGNALS),
    drop("Resources/ReceiveSecurityEventRole/Properties/ManagedPolicyArns/3").with_parameters(**SIGNALS),
    put("Resources/ChangeScimUsers/Properties/PolicyDocument/Statement/0/Action", "dynamodb:Scan").with_parameters(
        **SIGNALS
    ),
    put("Resources/ReceiveSecurityEventRole/Properties/ManagedPolicyArns/1", {"Ref": "ReadRecords"}).with_parameters(
        **SIGNALS
    ),
)
def t01_each_function_has_the_rights_its_dependencies_imply(stack: Stack) -> Iterator[str]:
    for function, properties in stack.functions().items():
        role = properties["Role"].removesuffix(".Arn")
        may, needs = table(granted(stack, role)), table(implied(stack, function))
        if may != needs:
            yield f"{function} has the permissions {may}, but needs {needs}"


@rule(
    put("Resources/ReadRecords/Properties/PolicyDocument/Statement/0/Action", "dynamodb:*"),
    put("Resources/ReadAcsSecret/Properties/PolicyDocument/Statement/0/Resource", "*"),
    put("Resources/ExchangeTeamsTokenRole/Properties/ManagedPolicyArns/1", "arn:aws:iam::aws:policy/AdministratorAccess"),
    put("Resources/PreTrafficCheckRole/Properties/Policies/0/PolicyDocument/Statement/0/Resource/1", {"Fn::Sub": "${DeleteIdentity.Arn}:*"}),
)
def t01_nothing_is_allowed_by_a_wildcard_or_by_the_name_of_a_policy(stack: Stack) -> Iterator[str]:
    for role in stack.of_type("AWS::IAM::Role"):
        for action, resource in granted(stack, role):
            if action in WITHOUT_RESOURCE | OF_SUBNETS:
                continue
            # AWS's own role for CodeDeploy, which rolls a bad version back.
            if action.endswith("/AWSCodeDeployRoleForLambda") and role == "DeploymentRole":
                continue
            if role == "PreTrafficCheckRole" and (action, resource) in OF_THE_CHECK:
                continue
            if "*" in action or "*" in resource or ":policy/" in action or action.startswith("Not"):
                yield f"{role} has the permission {action} on {resource}"


@rule(
    put("Resources/ExchangeTeamsTokenRole/Properties/ManagedPolicyArns/1", {"Ref": "ChangeRecords"}),
    put("Resources/ExchangeTeamsTokenRole/Properties/ManagedPolicyArns/1", {"Ref": "FindByAcsId"}),
    put("Resources/ExchangeTeamsTokenRole/Properties/ManagedPolicyArns/1", {"Ref": "WriteAudit"}),
    put("Resources/ReadRecords/Properties/PolicyDocument/Statement/0/Action", "dynamodb:Query"),
)
def t01_a_teams_exchange_reads_the_callers_record_and_nothing_else(stack: Stack) -> Iterator[str]:
    rights = granted(stack, stack.functions()["ExchangeTeamsToken"]["Role"].removesuffix(".Arn"))
    of_tables = {right for right in rights if right[0].startswith("dynamodb:")}
    if of_tables != {("dynamodb:GetItem", "Identities.Arn")}:
        yield f"exchange-teams-token has the permissions {table(of_tables)}"


@rule(
    put("Resources/WriteAudit/Properties/PolicyDocument/Statement/0/Action", ["dynamodb:PutItem", "dynamodb:DeleteItem"]),
    put("Resources/ChangeRecords/Properties/PolicyDocument/Statement/0/Resource", [
        {"Fn::GetAtt": "Identities.Arn"}, {"Fn::GetAtt": "AuditLog.Arn"},
    ]),
    put("Resources/CleanUpRecords/Properties/PolicyDocument/Statement/0/Resource", {"Fn::GetAtt": "AuditLog.Arn"}),
)
def t01_no_function_changes_or_deletes_what_is_in_the_audit_log(stack: Stack) -> Iterator[str]:
    for function, properties in stack.functions().items():
        for action, resource in granted(stack, properties["Role"].removesuffix(".Arn")):
            if resource.startswith("AuditLog.") and action != "dynamodb:PutItem":
                yield f"{function} has the permission {action} on {resource}"


@rule(
    put("Resources/GetIdentityRole/Properties/AssumeRolePolicyDocument/Statement/0/Principal", {"AWS": "*"}),
    put("Resources/GetIdentityRole/Properties/AssumeRolePolicyDocument/Statement/0/Action", "sts:*"),
)
def t01_only_the_service_that_needs_a_role_takes_it(stack: Stack) -> Iterator[str]:
    services = {
        "DeploymentRole": "codedeploy.AWS::Region.AWS::URLSuffix",
        "DeleteStaleIdentitiesScheduleRole": "scheduler.amazonaws.com",
        "PollSecurityEventsScheduleRole": "scheduler.amazonaws.com",
        "WatchEntraUsersScheduleRole": "scheduler.amazonaws.com",
    }
    for role, properties in stack.of_type("AWS::IAM::Role").items():
        expected = services.get(role, "lambda.amazonaws.com")
        for statement in properties["AssumeRolePolicyDocument"]["Statement"]:
            who = as_list(statement["Principal"].get("Service", []))
            if who != [expected] or as_list(statement["Action"]) != ["sts:AssumeRole"]:
                yield f"{role} can be assumed by {statement['Principal']} with {statement['Action']}"


@rule(
    drop("Resources/DeleteStaleIdentitiesScheduleRole/Properties/Policies/0/PolicyDocument/Statement/1"),
    drop("Resources/WatchEntraUsersScheduleRole/Properties/Policies/0/PolicyDocument/Statement/0").with_parameters(**SIGNALS),
)
def t01_the_schedule_may_start_its_function_and_tell_of_its_failure(stack: Stack) -> Iterator[str]:
    for function, failures in SCHEDULED.items():
        if function in stack.functions():
            rights = table(granted(stack, f"{function}ScheduleRole"))
            expected = [f"lambda:InvokeFunction on {function}Aliaslive", f"sqs:SendMessage on {failures}.Arn"]
            if rights != expected:
                yield f"the schedule of {function} has the permissions {rights}"
