"""The template complies with each rule, and the tests detect a template that does not."""

import pytest

import bounds
import data
import deploying_role
import deployment
import expanded
import metrics
import operators
import options
import permissions
import queues
import routes
import secrets_
from rule import RULES

MODULES = [bounds, data, deploying_role, deployment, metrics, operators, options, permissions, queues, routes, secrets_]
TWINS = [(rule.complaints, change) for rule in RULES for change in rule.broken_by]


@pytest.fixture(scope="module")
def stack() -> expanded.Stack:
    return expanded.Stack(expanded.source())


@pytest.fixture(scope="module")
def stack_with_everything() -> expanded.Stack:
    """The same template with all its conditions true."""
    return expanded.Stack(
        expanded.source(),
        PartnerEventBus=",".join(f"aws.partner/auth0.com/example/bus{number}" for number in range(4)),
        EventSenderAccounts="111122223333,444455556666",
        AllowedOrigins="https://app.example.com",
        AlarmEmail="ops@example.com",
        Authorizer="lambda",
        Issuers='[{"issuer": "https://issuer.example", "audiences": ["app"]}]',
        InviteScope="guestpass.invite",
        Transmitters=routes.TRANSMITTERS,
        TransmitterSecretArn="arn:aws:secretsmanager:eu-west-1:123456789012:secret:transmitters",
    )


def name(complaints) -> str:
    return complaints.__name__


@pytest.mark.parametrize("complaints", [rule.complaints for rule in RULES], ids=name)
def test_the_template_keeps(complaints, stack, stack_with_everything):
    assert list(complaints(stack)) == []
    assert list(complaints(stack_with_everything)) == []


@pytest.mark.parametrize("complaints, change", TWINS, ids=lambda one: getattr(one, "name", None) or name(one))
def test_it_is_noticed_when(complaints, change):
    # One complaint is enough: the next one may need other expansions of the template.
    assert next(complaints(change.twin()), None)


def test_every_rule_can_be_broken():
    assert [rule.complaints.__name__ for rule in RULES if not rule.broken_by] == []
    assert {rule.complaints.__module__ for rule in RULES} == {module.__name__ for module in MODULES}
