"""T06: the template, the defaults of parameters, and the environments contain no secret."""

import math
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from expanded import Stack
from rule import put, rule

VARIABLES = "Resources/IssueAccessToken/Properties/Environment/Variables"

# A resolved secret would be in the function's configuration, where every principal that may read it
# can see the secret.
RESOLVED = re.compile(r"\{\{resolve:")
KNOWN = re.compile(r"accesskey=|-----BEGIN|AKIA[A-Z0-9]{12}|eyJ[\w-]{8,}\.", re.IGNORECASE)
WORD = re.compile(r"[A-Za-z0-9+/=_-]{20,}")


def looks_random(text: str) -> bool:
    """Whether a word has as many bits per letter as a key, and more than normal words. It measures
    how often each letter occurs, and how often the kind of letter changes."""
    entropy = -sum(n / len(text) * math.log2(n / len(text)) for n in Counter(text).values())
    kinds = ["a" if one.islower() else "A" if one.isupper() else "0" if one.isdigit() else "-" for one in text]
    turns = sum(one != other for one, other in zip(kinds, kinds[1:])) / len(text)
    return entropy > 3.5 and turns > 0.45


def strings(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, member in value.items():
            yield from strings(member, f"{path}/{name}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from strings(item, f"{path}/{index}")
    else:
        yield path, str(value)


@rule(
    put("Parameters/Policy/Default", "Zk3vQ9xT2mB7nL5pR8sW1yC4dF6gH0jK"),
    put(f"{VARIABLES}/KEY", "/qcYF0lwTcXZBk2/hncFre3VwT4QgbBs5FzDPparaRMVM1BI0bv12dZ4mn3"),
    put(f"{VARIABLES}/ACS", "endpoint=https://x.communication.azure.com/;AccessKey=aaaa"),
)
def t06_nothing_in_the_template_looks_like_a_secret(stack: Stack) -> Iterator[str]:
    # SAM generates names that are as random as a key.
    names = set(stack.expanded["Resources"])
    for path, text in [*strings(stack.source), *strings(stack.expanded)]:
        if KNOWN.search(text):
            yield f"{path} looks like a key"
        words = set(WORD.findall(text)) - names
        yield from (f"{path} contains a random-looking word" for word in words if looks_random(word))


@rule(
    put(f"{VARIABLES}/CALLER_HASH_KEY", {"Ref": "CallerHashKey"}),
    put(f"{VARIABLES}/CALLER_HASH_SECRET_ARN", "a key"),
    put("Resources/CallerHashKey/Properties/SecretString", "a key"),
    put("Resources/CallerHashKey/Properties/GenerateSecretString/PasswordLength", 16),
    put(f"{VARIABLES}/ACS_KEY", "{{resolve:secretsmanager:guestpass/acs}}"),
    put(f"{VARIABLES}/ACS_CONNECTION_STRING", {"Ref": "Policy"}),
    put("Parameters/AcsSecretArn/Default", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:acs"),
)
def t06_a_secret_is_named_and_never_given(stack: Stack) -> Iterator[str]:
    yield from (f"{path} is a dynamic reference to a secret" for path, text in strings(stack.expanded) if RESOLVED.search(text))
    made = stack.of_type("AWS::SecretsManager::Secret")
    for name, secret in made.items():
        if "SecretString" in secret or secret["GenerateSecretString"].get("PasswordLength", 32) < 32:
            yield f"{name} is not generated, or too short"
    for function, properties in stack.functions().items():
        for name, value in properties["Environment"]["Variables"].items():
            is_secret = re.search(r"KEY|SECRET|TOKEN|PASSWORD|CONNECTION", name) and not name.endswith("_SCOPE")
            given = {stack.parameters[parameter] for parameter in ["AcsSecretArn", "TransmitterSecretArn"]}
            is_named = name.endswith("_ARN") and value in {*given, *made}
            if is_secret and not is_named:
                yield f"{function} has the variable {name}"
    if "Default" in stack.source["Parameters"]["AcsSecretArn"]:
        yield "the secret has a fixed name, so that an account can have only one stack"
