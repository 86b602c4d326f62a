"""The size of the environment variables of each function. Lambda allows 4 KB of them, as JSON, and finds out only when
CloudFormation has changed half of a stack."""

import json
import re
from typing import Any

import stack_settings

MOST_BYTES = 4096

# A value of fewer bytes is not worth shortening.
LONG_BYTES = 200

REGION, ACCOUNT = "ap-southeast-2", "123456789012"
PSEUDO = {"AWS::NoValue": None, "AWS::Region": REGION, "AWS::AccountId": ACCOUNT}

# What `Ref` returns for a resource of a type, with as many characters as in AWS.
NAMES = {
    "AWS::AppConfig::HostedConfigurationVersion": "1000",
    "AWS::DynamoDB::Table": "{stack}-{name}-1234567890123",
    "AWS::SQS::Queue": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{{stack}}-{{name}}-123456789012",
    "AWS::SecretsManager::Secret": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{{name}}-123456789012-123456",
}


def check(values: dict[str, str], template: dict[str, Any]) -> None:
    """Raises ValueError if a function with these parameters would have too many variables. A parameter that is missing has
    its default."""
    for function, variables in Deployment(values, template).variables().items():
        size = len(json.dumps(variables, separators=(",", ":"), ensure_ascii=False).encode())
        if size > MOST_BYTES:
            bytes_of = {name: len(value.encode()) for name, value in variables.items()}
            longest = sorted((name for name in bytes_of if bytes_of[name] >= LONG_BYTES), key=bytes_of.get, reverse=True)
            # POLICY is the parameter Policy.
            named = ", ".join(f"{name.title().replace('_', '')} ({bytes_of[name]} bytes)" for name in longest)
            raise ValueError(f"the function {function} would have {size} bytes of environment variables, and Lambda allows {MOST_BYTES}. They are counted as JSON, so that each quote in a value has two bytes. Shorten {named}")


class Deployment:
    """A template with the values of its parameters."""

    def __init__(self, values: dict[str, str], template: dict[str, Any]):
        self.template = template
        self.values = {name: values.get(name, str(one.get("Default", ""))) for name, one in template["Parameters"].items()}

    def variables(self) -> dict[str, dict[str, str]]:
        """The variables of each function that the stack has."""
        shared = self.template["Globals"]["Function"]["Environment"]["Variables"]
        found = {}
        for name, one in self.template["Resources"].items():
            is_ours, is_other = one["Type"] == "AWS::Serverless::Function", one["Type"] == "AWS::Lambda::Function"
            if not (is_ours or is_other) or ("Condition" in one and not self.resolved({"Condition": one["Condition"]})):
                continue
            own = one["Properties"].get("Environment", {}).get("Variables", {})
            resolved = {key: self.resolved(value) for key, value in ({**shared, **own} if is_ours else own).items()}
            found[name] = {key: str(value) for key, value in resolved.items() if value is not None}
        return found

    def resolved(self, value: Any) -> Any:
        """A value of the template, with the functions of CloudFormation that variables and conditions use."""
        if isinstance(value, list):
            return [self.resolved(one) for one in value]
        if not isinstance(value, dict):
            return value
        [(function, argument)] = value.items()
        match function:
            case "Condition":
                return self.resolved(self.template["Conditions"][argument])
            case "Ref":
                return self.reference(argument)
            case "Fn::If":
                condition, then, otherwise = argument
                return self.resolved(then if self.resolved({"Condition": condition}) else otherwise)
            case "Fn::FindInMap":
                # `make deploy` writes the digest of the deployment, with its time after a rollback.
                return "0123456789abcdef-after-20260101T000000Z"
            case "Fn::GetAtt":
                name = argument[0] if isinstance(argument, list) else argument.split(".")[0]
                return f"arn:aws:service:{REGION}:{ACCOUNT}:{stack_settings.STACK}-{name}-123456789012"
            case "Fn::Sub":
                return re.sub(r"\$\{([\w:.]+)\}", lambda found: self.substituted(found[1]), argument)
        argument = self.resolved(argument)
        match function:
            case "Fn::Join":
                return argument[0].join(argument[1])
            case "Fn::Split":
                return argument[1].split(argument[0])
            case "Fn::Select":
                return argument[1][int(argument[0])]
            case "Fn::Equals":
                return str(argument[0]) == str(argument[1])
            case "Fn::Not":
                return not argument[0]
            case "Fn::And":
                return all(argument)
            case "Fn::Or":
                return any(argument)
        raise NotImplementedError(f"{function} in a variable or a condition of infra/template.yaml")

    def substituted(self, name: str) -> str:
        return str(self.resolved({"Fn::GetAtt": name.split(".")} if "." in name else {"Ref": name}))

    def reference(self, name: str) -> Any:
        if name == "AWS::StackName":
            return stack_settings.STACK
        if name in PSEUDO:
            return PSEUDO[name]
        if name in self.values:
            is_list = self.template["Parameters"][name]["Type"] == "CommaDelimitedList"
            return self.values[name].split(",") if is_list else self.values[name]
        # SAM makes the versions and aliases of functions.
        kind = self.template["Resources"].get(name, {}).get("Type", "")
        return NAMES.get(kind, "{stack}-{name}-123456789012").format(stack=stack_settings.STACK, name=name)
