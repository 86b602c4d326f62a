"""The options that organisations ask for: off by default, and complete if they are on."""

import re
import tomllib
from collections.abc import Iterator
from functools import lru_cache

from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from expanded import ROOT, Stack
from rule import drop, put, rule
from secrets_ import strings

# By default, each of these resources and properties is absent.
KEY = "arn:aws:kms:eu-west-1:123456789012:key/1"
BOUNDARY = "arn:aws:iam::123456789012:policy/boundary"
LAYER = "arn:aws:lambda:eu-west-1:123456789012:layer:roots:3"
ON = {
    "DomainName": "guestpass.example.com", "CertificateArn": "arn:aws:acm:eu-west-1:123456789012:certificate/1",
    "DefaultEndpoint": "no", "SubnetIds": "subnet-1,subnet-2", "SecurityGroupIds": "sg-1", "EndpointsVpcId": "vpc-1",
    "EndpointsRouteTableIds": "rtb-1", "PermissionsBoundaryArn": BOUNDARY, "RolePath": "/team/", "KmsKeyArn": KEY,
    "ProvisionedConcurrency": "2", "TrustRootsLayerArn": LAYER,
}

# The property by which each kind of resource is encrypted.
ENCRYPTED_BY = {
    "AWS::DynamoDB::Table": lambda one: one["SSESpecification"].get("KMSMasterKeyId"),
    "AWS::Lambda::Function": lambda one: one.get("KmsKeyArn"),
    "AWS::Logs::LogGroup": lambda one: one.get("KmsKeyId"),
    "AWS::SQS::Queue": lambda one: one.get("KmsMasterKeyId"),
    "AWS::SecretsManager::Secret": lambda one: one.get("KmsKeyId"),
}


@lru_cache(maxsize=2)
def with_options(stack: Stack) -> Stack:
    """The same for each rule about the two stacks that must keep it."""
    return Stack(stack.source, **{**stack.given, **ON})


@rule(
    put("Parameters/DomainName/Default", "guestpass.example.com"),
    put("Parameters/DefaultEndpoint/Default", "no"),
    put("Parameters/SubnetIds/Default", "subnet-1"),
    put("Parameters/KmsKeyArn/Default", KEY),
    put("Parameters/PermissionsBoundaryArn/Default", BOUNDARY),
    put("Parameters/RolePath/Default", "/team/"),
    put("Parameters/ProvisionedConcurrency/Default", 1),
    put("Parameters/TrustRootsLayerArn/Default", LAYER),
    put("Parameters/AwsEndpoints/Default", "dualstack"),
)
def each_option_is_off_by_default(stack: Stack) -> Iterator[str]:
    for kind in ["AWS::ApiGatewayV2::DomainName", "AWS::ApiGatewayV2::ApiMapping", "AWS::EC2::VPCEndpoint"]:
        yield from (f"{name} is made by default" for name in stack.of_type(kind))
    for kind, key_of in ENCRYPTED_BY.items():
        yield from (f"{name} has a key by default" for name, one in stack.of_type(kind).items() if key_of(one))
    for name, one in stack.functions().items():
        if "VpcConfig" in one:
            yield f"{name} is in a VPC by default"
        if "Layers" in one or "SSL_CERT_FILE" in one["Environment"]["Variables"]:
            yield f"{name} trusts other certificates by default"
        if ENDPOINTS.keys() & one["Environment"]["Variables"].keys():
            yield f"{name} uses other endpoints of AWS by default"
    for name, one in stack.of_type("AWS::IAM::Role").items():
        if "PermissionsBoundary" in one or one.get("Path") != "/":
            yield f"{name} has a boundary or a path by default"
    if any("ProvisionedConcurrencyConfig" in one for one in stack.of_type("AWS::Lambda::Alias").values()):
        yield "executions are started by default"
    if stack.of_type("AWS::ApiGatewayV2::Api")["HttpApi"]["DisableExecuteApiEndpoint"]:
        yield "the address of API Gateway is off by default"


@rule(
    drop("Resources/ApiDomainMapping"),
    put("Resources/ApiDomain/Properties/DomainNameConfigurations/0/SecurityPolicy", "TLS_1_0"),
    drop("Resources/HttpApi/Properties/DisableExecuteApiEndpoint"),
    put("Outputs/ApiUrl/Value", {"Fn::GetAtt": "HttpApi.ApiEndpoint"}),
)
def a_domain_name_leads_to_the_api(stack: Stack) -> Iterator[str]:
    other = with_options(stack)
    if list(other.of_type("AWS::ApiGatewayV2::ApiMapping").values()) != [
        {"ApiId": "HttpApi", "DomainName": "ApiDomain", "Stage": "ApiStage"}
    ]:
        yield "the domain name does not lead to the stage of the API"
    for one in other.of_type("AWS::ApiGatewayV2::DomainName").values():
        [config] = one["DomainNameConfigurations"]
        if one["DomainName"] != ON["DomainName"] or config["SecurityPolicy"] != "TLS_1_2" or config["CertificateArn"] != ON["CertificateArn"]:
            yield f"unexpected domain: {one}"
    if other.of_type("AWS::ApiGatewayV2::Api")["HttpApi"].get("DisableExecuteApiEndpoint") is not True:
        yield "the address of API Gateway is still on"
    for output, value in [("ApiUrl", ""), ("TokenUrl", "/v1/token")]:
        if other.output(output) != f"https://{ON['DomainName']}{value}":
            yield f"unexpected output {output}: {other.output(output)}"


@rule(
    drop("Globals/Function/VpcConfig"),
    drop("Resources/SecretsManagerEndpoint"),
    put("Resources/SqsEndpoint/Properties/PrivateDnsEnabled", False),
    put("Resources/DynamoDbEndpoint/Properties/RouteTableIds", []),
)
def every_function_runs_in_the_subnets_with_endpoints(stack: Stack) -> Iterator[str]:
    other = with_options(stack)
    for name, one in other.functions().items():
        if one.get("VpcConfig") != {"SubnetIds": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]}:
            yield f"{name} is not in the subnets"
    found = {one["ServiceName"].rsplit(".", 1)[1]: one for one in other.of_type("AWS::EC2::VPCEndpoint").values()}
    if set(found) != {"dynamodb", "secretsmanager", "sqs"}:
        yield f"unexpected endpoints: {sorted(found)}"
    for service, one in found.items():
        reached = one.get("RouteTableIds") == ["rtb-1"] if service == "dynamodb" else one.get("PrivateDnsEnabled") is True
        if not reached:
            yield f"requests do not reach the endpoint of {service}"


@rule(
    drop("Resources/GetIdentityRole/Properties/PermissionsBoundary"),
    drop("Resources/GetIdentityRole/Properties/Path"),
    drop("Globals/Function/DeploymentPreference/Role"),
    drop("Resources/DeleteStaleIdentitiesScheduleRole/Properties/Path"),
)
def every_role_has_the_boundary_and_the_path(stack: Stack) -> Iterator[str]:
    for name, one in with_options(stack).of_type("AWS::IAM::Role").items():
        if (one.get("PermissionsBoundary"), one.get("Path")) != (BOUNDARY, "/team/"):
            yield f"{name} has the boundary {one.get('PermissionsBoundary')} and the path {one.get('Path')}"


@rule(
    drop("Globals/Function/KmsKeyArn"),
    put("Resources/IdentityEvents/Properties/KmsMasterKeyId", {"Ref": "AWS::NoValue"}),
    put("Resources/IdentityEvents/Properties/SqsManagedSseEnabled", True),
    put("Resources/AuditLog/Properties/SSESpecification", {"SSEEnabled": True}),
    put("Resources/AccessLogs/Properties/KmsKeyId", {"Ref": "AWS::NoValue"}),
    drop("Resources/CallerHashKey/Properties/KmsKeyId"),
    drop("Resources/WriteLogsAndTraces/Properties/PolicyDocument/Statement/3"),
    drop("Resources/DeleteStaleIdentitiesScheduleRole/Properties/Policies/0/PolicyDocument/Statement/2"),
)
def ones_own_key_encrypts_whatever_is_stored(stack: Stack) -> Iterator[str]:
    other = with_options(stack)
    for kind, key_of in ENCRYPTED_BY.items():
        yield from (f"{name} has another key: {key_of(one)}" for name, one in other.of_type(kind).items() if key_of(one) != KEY)
    yield from (f"{name} has two keys" for name, one in other.of_type("AWS::SQS::Queue").items() if "SqsManagedSseEnabled" in one)
    users = ["WriteLogsAndTraces", *(name for name in other.of_type("AWS::IAM::Role") if name.endswith("ScheduleRole"))]
    yield from (f"{name} does not permit to use the key" for name in users if KEY not in str(other.resources[name]))


@rule(
    drop("Globals/Function/Layers"),
    drop("Globals/Function/Environment/Variables/SSL_CERT_FILE"),
    put("Globals/Function/Environment/Variables/SSL_CERT_FILE", "/opt/roots.pem"),
)
def every_function_trusts_the_added_roots(stack: Stack) -> Iterator[str]:
    """tests/e2e starts each function with such a file. Here: no code makes a TLS connection without it."""
    for name, one in with_options(stack).functions().items():
        if one.get("Layers") != [LAYER] or one["Environment"]["Variables"].get("SSL_CERT_FILE") != "/opt/trust-roots.pem":
            yield f"{name} does not trust the certificates of TrustRootsLayerArn"
    for manifest in sorted([*ROOT.glob("functions/*/Cargo.toml"), *ROOT.glob("shared/*/Cargo.toml")]):
        crate = tomllib.loads(manifest.read_text())
        used = crate.get("dependencies", {}).keys()
        if used & TLS_CLIENTS and not used & TRUSTING and crate["package"]["name"] not in NOT_DEPLOYED:
            yield f"{crate['package']['name']} makes TLS connections ({', '.join(sorted(used & TLS_CLIENTS))}) without trust-roots"


# Crates that connect with TLS, those of ours that trust the added roots, and those of which no function is made.
TLS_CLIENTS = {"aws-config", "aws-smithy-http-client", "hyper-rustls", "native-tls", "reqwest", "tokio-rustls", "ureq"}
TRUSTING = {"https-client", "trust-roots"}
NOT_DEPLOYED = {"acs-emulator", "local-stack"}


# The variable with which the SDKs of AWS choose endpoints, for each value of AwsEndpoints.
ENDPOINTS = {"AWS_USE_FIPS_ENDPOINT": "fips", "AWS_USE_DUALSTACK_ENDPOINT": "dualstack"}


@rule(
    drop("Globals/Function/Environment/Variables/AWS_USE_FIPS_ENDPOINT"),
    put("Globals/Function/Environment/Variables/AWS_USE_DUALSTACK_ENDPOINT", "true"),
    drop("Resources/PreTrafficCheckFunction/Properties/Environment/Variables/AWS_USE_DUALSTACK_ENDPOINT"),
    put("Parameters/AwsEndpoints/AllowedValues", ["default", "fips"]),
)
def every_function_uses_the_chosen_endpoints_of_aws(stack: Stack) -> Iterator[str]:
    if stack.source["Parameters"]["AwsEndpoints"]["AllowedValues"] != ["default", *ENDPOINTS.values()]:
        yield "unexpected values of AwsEndpoints"
    for chosen in ENDPOINTS.values():
        other = Stack(stack.source, **{**stack.given, "AwsEndpoints": chosen})
        for name, one in other.of_type("AWS::Lambda::Function").items():
            variables = one["Environment"]["Variables"]
            if [variable for variable in ENDPOINTS if variables.get(variable) == "true"] != [
                variable for variable, value in ENDPOINTS.items() if value == chosen
            ]:
                yield f"{name} does not use the endpoints of {chosen}"


@rule(drop("Resources/IssueAccessToken/Properties/ProvisionedConcurrencyConfig"))
def token_requests_find_started_executions(stack: Stack) -> Iterator[str]:
    alias = with_options(stack).of_type("AWS::Lambda::Alias")["IssueAccessTokenAliaslive"]
    if str(alias.get("ProvisionedConcurrencyConfig", {}).get("ProvisionedConcurrentExecutions")) != "2":
        yield f"unexpected concurrency: {alias}"


@rule(
    put("Outputs/DashboardUrl/Value", "https://console.aws.amazon.com/"),
    put("Resources/ReadRecords/Properties/PolicyDocument/Statement/0/Resource", "arn:aws:dynamodb:eu-west-1:123456789012:table/t"),
    put("Resources/DeploymentRole/Properties/AssumeRolePolicyDocument/Statement/0/Principal/Service", "codedeploy.amazonaws.com"),
    put("Resources/HttpApi/Properties/Name", "api.eu-west-1.amazonaws.com"),
    drop("Mappings/Consoles/aws-us-gov"),
    put("Mappings/Consoles/aws-cn/Host", "console.aws.amazon.com"),
)
def the_template_fits_each_partition_of_aws(stack: Stack) -> Iterator[str]:
    """China (aws-cn) and GovCloud (aws-us-gov) have other ARNs and hosts than the rest (aws)."""
    for part in ["Globals", "Conditions", "Resources", "Outputs"]:
        for path, text in strings(stack.source[part], part):
            if re.search(r"arn:aws[:-]|console\.", text):
                yield f"{path} is only of one partition: {text}"
            # Principals, the sources of CloudTrail's events, and the names of endpoints are not hosts.
            named = re.sub(r"^com\.amazonaws\.\$\{AWS::Region\}\.\w+$", "", text)
            if "amazonaws" in named and named not in EVERYWHERE:
                yield f"{path} is only of one partition: {text}"
    hosts = {partition: one["Host"] for partition, one in stack.source["Mappings"]["Consoles"].items()}
    if hosts != CONSOLES:
        yield f"unexpected hosts of the console: {hosts}"


# Service principals with the same name in each partition.
EVERYWHERE = {
    f"{service}.amazonaws.com" for service in ["apigateway", "cloudwatch", "cognito-idp", "events", "lambda", "scheduler"]
}
CONSOLES = {
    "aws": "console.aws.amazon.com", "aws-cn": "console.amazonaws.cn", "aws-us-gov": "console.amazonaws-us-gov.com",
}


@rule(put("Resources/Another", {"Type": "AWS::AppConfig::Deployment", "Properties": {}}))
def the_tags_of_the_stack_reach_each_resource_that_can_have_tags(stack: Stack) -> Iterator[str]:
    """CloudFormation passes them on; its schema of a type says whether it can."""
    for kind in sorted({one["Type"] for one in stack.expanded["Resources"].values()}):
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
        tagging = schema.get("tagging", {})
        can_have = "Tags" in schema["properties"] or tagging.get("taggable", True)
        if can_have and not (tagging.get("tagOnCreate") and tagging.get("tagUpdatable")):
            yield f"tags of the stack do not reach {kind}: give it a parameter for tags, or name it in infra/README.md"


@rule(put("Outputs/Long", {"Value": "x" * 1_000_000}))
def the_template_keeps_the_limits_of_cloudformation(stack: Stack) -> Iterator[str]:
    for what, found, most in [
        ("resources", len(stack.expanded["Resources"]), 500),
        ("parameters", len(stack.source["Parameters"]), 200),
        ("bytes", len(str(stack.expanded)), 1_000_000),
    ]:
        if found > most:
            yield f"{found} {what}, and CloudFormation allows {most}"
