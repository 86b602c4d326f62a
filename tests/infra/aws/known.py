"""The resources of a template that moto can create."""

import copy
import re
from typing import Any, NamedTuple

# moto 5.2 creates none of these from a template. The rules check them in the template; the tests
# create those that they need with the services' own API.
UNKNOWN = {
    "AWS::ApiGatewayV2::Api",
    "AWS::ApiGatewayV2::Authorizer",
    "AWS::ApiGatewayV2::Integration",
    "AWS::ApiGatewayV2::Route",
    "AWS::ApiGatewayV2::Stage",
    "AWS::AppConfig::Application",
    "AWS::AppConfig::ConfigurationProfile",
    "AWS::AppConfig::HostedConfigurationVersion",
    "AWS::CloudWatch::Alarm",
    "AWS::CodeDeploy::Application",
    "AWS::CodeDeploy::DeploymentGroup",
    "AWS::Lambda::Alias",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Logs::MetricFilter",
    "AWS::Logs::QueryDefinition",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
    "AWS::Scheduler::Schedule",
    "AWS::SecretsManager::Secret",
}


class Gone(NamedTuple):
    """A resource that moto does not create."""

    kind: str
    # The text that replaces a reference to it.
    text: str


def for_moto(template: dict[str, Any], made: dict[str, str], conditions: dict[str, bool]) -> dict[str, Any]:
    """The template without the resources that moto does not support. A reference to an alias
    becomes one to its function; a reference to another of them becomes the resource that was
    created in its place, or its name as text."""
    template = copy.deepcopy(template)
    gone = {
        name: Gone(one["Type"], made.get(name, name))
        for name, one in template["Resources"].items()
        if one["Type"] in UNKNOWN
    }
    resources = {name: one for name, one in template["Resources"].items() if name not in gone}
    for resource in resources.values():
        resource.pop("DependsOn", None)
        resource.pop("UpdatePolicy", None)
        if resource["Type"] == "AWS::KMS::Key":
            # moto expects them as KMS itself, not as CloudFormation names them.
            tags = resource["Properties"]["Tags"]
            resource["Properties"]["Tags"] = [{"TagKey": tag["Key"], "TagValue": tag["Value"]} for tag in tags]
    template["Resources"] = without(gone, chosen(conditions, resources))
    template["Outputs"] = without(gone, template["Outputs"])
    return template


def chosen(conditions: dict[str, bool], value: Any) -> Any:
    """The value without the items of lists that a condition leaves out: moto would put nulls there."""
    if isinstance(value, dict):
        return {name: chosen(conditions, member) for name, member in value.items()}
    if not isinstance(value, list):
        return value
    return [chosen(conditions, item) for item in value if not is_left_out(conditions, item)]


def is_left_out(conditions: dict[str, bool], item: Any) -> bool:
    if not isinstance(item, dict) or "Fn::If" not in item:
        return False
    condition, then, otherwise = item["Fn::If"]
    return (then if conditions[condition] else otherwise) == {"Ref": "AWS::NoValue"}


def without(gone: dict[str, Gone], value: Any) -> Any:
    if isinstance(value, list):
        return [without(gone, item) for item in value]
    if not isinstance(value, dict):
        return value
    [(name, argument), *others] = value.items() or [(None, None)]
    if not others and name in ("Ref", "Fn::GetAtt"):
        named = argument if isinstance(argument, str) else argument[0]
        found = gone.get(named.split(".")[0])
        if found and found.kind == "AWS::Lambda::Alias":
            return {"Ref": named.split("Alias")[0]}
        return value if found is None else named.replace(named.split(".")[0], found.text)
    if not others and name == "Fn::Sub":
        text, *names = [argument] if isinstance(argument, str) else argument
        text = re.sub(r"\$\{(\w+)(\.\w+)?\}", lambda found: found[1] if found[1] in gone else found[0], text)
        return {"Fn::Sub": [text, *without(gone, names)] if names else text}
    return {name: without(gone, member) for name, member in value.items()}
