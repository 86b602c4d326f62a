"""Checks values that are valid alone, but not together. Each check raises ValueError with the reason."""

from typing import Any

from checks import variables
from checks.transmitters import check_secret, check_transmitters, users_of

# A parameter, another one that it needs, and why.
NEEDS = [
    ("SubnetIds", "SecurityGroupIds", "a function in a VPC needs a security group"),
    ("SecurityGroupIds", "SubnetIds", "without subnets, the functions are outside of a VPC, and have no security group"),
    ("EndpointsVpcId", "SubnetIds", "without subnets, the functions are outside of a VPC, and the stack makes no endpoints"),
    ("EndpointsVpcId", "EndpointsRouteTableIds", "the endpoint of DynamoDB is a route in these tables"),
    ("EndpointsRouteTableIds", "EndpointsVpcId", "without it, the stack makes no endpoints"),
    ("DomainName", "CertificateArn", "API Gateway serves a domain name only with its certificate"),
]


def check(values: dict[str, str], template: dict[str, Any]) -> None:
    """The parameters that are given. One that is missing has its default."""
    for name, needed, why in NEEDS:
        if values.get(name) and not values.get(needed):
            raise ValueError(f"{name} is set, but {needed} is empty: {why}. Set both, or leave {name} empty")
    check_transmitters_together(values)
    variables.check(values, template)


def check_transmitters_together(values: dict[str, str]) -> None:
    transmitters = values.get("Transmitters", "")
    try:
        check_transmitters(transmitters, users_of(values))
        check_secret(transmitters, values.get("TransmitterSecretArn", ""))
    except ValueError as error:
        raise ValueError(f"invalid value of Transmitters: {error}") from None
