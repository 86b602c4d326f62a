"""The template as CloudFormation gets it: expanded by SAM, its conditions decided, and its
references written as text, so that two of them can be compared.

`!Ref Identities` is `Identities`, `!GetAtt Identities.Arn` is `Identities.Arn`, and a
parameter is its value, or its name in `<…>` if it must be given one."""

import copy
import functools
import os
import re
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("AWS_DEFAULT_REGION", "eu-west-1")  # SAM asks boto3 for the partition

from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

ROOT = Path(__file__).resolve().parents[3]

# `make deploy` gives SAM the zips; here only their names matter.
BUCKET = "artefacts"


@functools.cache
def source() -> dict[str, Any]:
    """`infra/template.yaml`, before it is expanded. Mutations are made to a copy: to parse it takes four
    times as long as to expand it."""
    return yaml_parse((ROOT / "infra/template.yaml").read_text())


@functools.cache
def openapi() -> dict[str, Any]:
    """`infra/openapi.yaml`, which no rule changes."""
    return yaml_parse((ROOT / "infra/openapi.yaml").read_text())


def expand(template: dict[str, Any], parameters: dict[str, Any]) -> dict[str, Any]:
    """SAM's expansion of the template. It inserts the values of some parameters."""
    template = copy.deepcopy(template)
    for resource in template["Resources"].values():
        code = resource.get("Properties", {}).get("CodeUri")
        if code:
            resource["Properties"]["CodeUri"] = {"Bucket": BUCKET, "Key": f"{Path(code).name}.zip"}
    return Translator({}, Parser()).translate(sam_template=template, parameter_values=parameters)


class Route(NamedTuple):
    """A route of the API."""

    name: str
    function: str
    authorization: str
    authorizer: str | None
    scopes: tuple[str, ...]


class Stack:
    """An expanded template, and its values with some parameters."""

    def __init__(self, template: dict[str, Any], **parameters: str):
        self.source = template
        self.given = parameters
        self.parameters = {
            name: as_typed(one["Type"], parameters.get(name, one.get("Default", f"<{name}>")))
            for name, one in template["Parameters"].items()
        }
        self.expanded = expand(template, self.parameters)
        conditions = self.expanded.get("Conditions", {})
        # A condition may only use conditions that stand above it.
        self.conditions: dict[str, bool] = {}
        for name, condition in conditions.items():
            self.conditions[name] = self._resolved(condition)
        self.resources = {
            name: self._resolved(resource)
            for name, resource in self.expanded["Resources"].items()
            if self.conditions.get(resource.get("Condition"), True)
        }

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """The properties of all resources of a type, by their names."""
        return {
            name: resource.get("Properties", {})
            for name, resource in self.resources.items()
            if resource["Type"] == kind
        }

    def functions(self) -> dict[str, dict[str, Any]]:
        """The functions of the service. PreTrafficCheckFunction, whose code is in the template, does not count."""
        found = self.of_type("AWS::Lambda::Function")
        return {name: one for name, one in found.items() if "S3Key" in one["Code"]}

    def crate_of(self, function: str) -> str:
        """The directory under `functions/` from which a function is built."""
        return self.functions()[function]["Code"]["S3Key"].removesuffix(".zip")

    def output(self, name: str) -> Any:
        """The value of an output."""
        return self._resolved(self.expanded["Outputs"][name]["Value"])

    def routes(self) -> dict[tuple[str, str], "Route"]:
        """Each route of the API, by method and path."""
        integrations = self.of_type("AWS::ApiGatewayV2::Integration")
        found = {}
        for name, one in self.of_type("AWS::ApiGatewayV2::Route").items():
            method, path = one["RouteKey"].split(" ")
            uri = integrations[one["Target"].removeprefix("integrations/")]["IntegrationUri"]
            function = re.search(r"functions/(\w+?)(?:Alias\w+)?/", uri)[1]
            access = (one.get("AuthorizationType", "NONE"), one.get("AuthorizerId"), tuple(one.get("AuthorizationScopes", [])))
            found[method, path] = Route(name, function, *access)
        return found

    def _resolved(self, value: Any) -> Any:
        if isinstance(value, list):
            items = [self._resolved(item) for item in value]
            return [item for item in items if item is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            [(name, argument)] = value.items()
            if name == "Ref":
                return self._ref(argument)
            if name == "Condition" and isinstance(argument, str):
                return self.conditions[argument]
            if name.startswith("Fn::"):
                return self._function(name, argument)
        members = {name: self._resolved(member) for name, member in value.items()}
        return {name: member for name, member in members.items() if member is not NO_VALUE}

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return NO_VALUE
        return self.parameters.get(name, name)

    def _function(self, name: str, argument: Any) -> Any:
        if name == "Fn::If":
            condition, then, otherwise = argument
            return self._resolved(then if self.conditions[condition] else otherwise)
        argument = self._resolved(argument)
        match name:
            case "Fn::GetAtt":
                return argument if isinstance(argument, str) else ".".join(argument)
            case "Fn::Sub":
                text, names = argument if isinstance(argument, list) else (argument, {})
                return re.sub(r"\$\{([^}!]+)\}", lambda found: str(names.get(found[1], self._ref(found[1]))), text)
            case "Fn::FindInMap":
                mapping, key, name = argument
                return self.source["Mappings"][mapping][PSEUDO.get(key, str(key))][name]
            case "Fn::Join":
                separator, items = argument
                return separator.join(items)
            case "Fn::Select":
                index, items = argument
                return items[int(index)]
            case "Fn::Split":
                separator, text = argument
                return text.split(separator)
            case "Fn::Equals":
                return argument[0] == argument[1]
            case "Fn::Not":
                return not argument[0]
            case "Fn::And":
                return all(argument)
            case "Fn::Or":
                return any(argument)
        raise ValueError(f"no rule here knows {name}")


# The pseudo parameters that are keys of a mapping.
PSEUDO = {"AWS::Partition": "aws"}


def as_typed(kind: str, value: Any) -> Any:
    """A parameter's value as CloudFormation hands it to SAM."""
    return str(value).split(",") if kind == "CommaDelimitedList" else value


class _NoValue:
    """The value that `AWS::NoValue` leaves."""


NO_VALUE = _NoValue()
