"""Stores the connection string of ACS in Secrets Manager and prints the ARN of the secret. It reads
standard input, because arguments are in the shell's history and visible to other users.

    make secret                           asks for the connection string, without echo
    pbpaste | make secret                 reads it from a pipe
    make secret RESOURCE=eu2              adds or replaces that of another resource
    make secret RESOURCE=eu2 REMOVE=yes   removes it, if neither AcsPlacement nor Policy of the stack names it

SECRET is the name of the secret (guestpass/acs). Its text is the connection string of the only resource,
main, or a JSON object with one for the name of each resource."""

import base64
import binascii
import getpass
import json
import os
import re
import sys
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

import json_values
import stack_settings
from stack_settings import STACK

NAME = os.environ.get("SECRET") or "guestpass/acs"
MAIN = "main"
RESOURCE = os.environ.get("RESOURCE") or MAIN
REMOVES = os.environ.get("REMOVE") == "yes"

COPY = (
    "copy the whole connection string from the page \"Keys\" of the resource in the Azure portal: "
    "endpoint=https://…;accesskey=…"
)


# The names that only connection strings of other services have, and hosts of services with the same names.
OTHER_NAMES = {"accountkey", "instrumentationkey", "sharedaccesskey", "secret"}
OTHER_HOSTS = (".service.signalr.net", ".webpubsub.azure.com")

# What copying adds around a connection string, such as quotes. The functions remove the same: acs-client
# and this file are tested with the same table (pasted.json).
QUOTES = "\"'`\u00b4\u2018\u2019\u201c\u201d\u201e"
INVISIBLE = re.compile("[\u0000-\u001f\u007f-\u009f\u00ad\u034f\u061c\u180e\ufeff\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f]")


def main() -> None:
    if not re.fullmatch("[a-z0-9-]{1,16}", RESOURCE):
        sys.exit(f"secret: invalid value {RESOURCE!r} for RESOURCE: must be 1 to 16 lower-case letters, digits and hyphens")
    text = None
    if not REMOVES:
        text = clean(read())
        if problem := find_problem(text):
            sys.exit(f"secret: {problem}; {COPY}")
    try:
        arn, what = put(stack_settings.client("secretsmanager"), text)
    except (BotoCoreError, ClientError) as error:
        # These errors name the operation and the cause, but do not contain the request.
        sys.exit(f"secret: {error}")
    print(f"{what}:")
    print(arn)


def read() -> str:
    if sys.stdin.isatty():
        return getpass.getpass("Connection string (nothing is shown): ")
    return sys.stdin.read()


def clean(text: str) -> str:
    """The connection string without what copying adds, such as the name of a variable in front."""
    text = trim(text)
    first = text.split(";")[0].lower()
    found = [match.start(1) for match in re.finditer(r"(?=(endpoint|accesskey)\s*=)", first)]
    starts = [at for at in found if at and (first[at - 1] in "=:,{" or is_added(first[at - 1]))]
    lines = text[min(starts, default=0) :].splitlines()
    return INVISIBLE.sub("", trim("".join(line.strip() for line in lines)))


def trim(text: str) -> str:
    while text and (is_added(text[0]) or text[0] == ","):
        text = text[1:]
    while text and (is_added(text[-1]) or text[-1] in ",)]}"):
        text = text[:-1]
    return text


def is_added(character: str) -> bool:
    return character.isspace() or character in QUOTES or bool(INVISIBLE.match(character))


def find_problem(text: str) -> str | None:
    """Why the text is not a connection string. The reason does not quote the text."""
    if not text:
        return "missing connection string: standard input is empty"
    if not text.isascii():
        return "invalid connection string: it contains a character that is not ASCII"
    pairs = {"endpoint": [], "accesskey": []}
    for part in filter(None, (trim(part) for part in text.split(";"))):
        name, separator, value = part.partition("=")
        if not separator:
            return "invalid connection string: a part has no `=`"
        name = trim(name).lower()
        if name in OTHER_NAMES:
            return "invalid connection string: it belongs to another Azure service"
        pairs.setdefault(name, []).append(trim(value))
    for name in ["endpoint", "accesskey"]:
        if len(pairs[name]) > 1:
            return f"invalid connection string: `{name}=` occurs twice"
        if not pairs[name] or not pairs[name][0]:
            return f"invalid connection string: missing `{name}=`"
        if re.search(r"[<>{}$*]|\.\.\.|^%.+%$", pairs[name][0]):
            return f"invalid connection string: the value of `{name}=` is a placeholder"
    return find_problem_of_endpoint(pairs["endpoint"][0]) or find_problem_of_key(pairs["accesskey"][0])


def find_problem_of_endpoint(value: str) -> str | None:
    try:
        url = urlsplit(value.rstrip("/\\"))
        host = url.hostname or ""
    except ValueError:
        host = ""
    if not host or "%" in value or url.scheme.lower() != "https":
        return "invalid connection string: `endpoint=` must be an https URL"
    if host.endswith(OTHER_HOSTS):
        return "invalid connection string: it belongs to another Azure service"
    if url.path or url.query or url.fragment or url.username is not None:
        return "invalid connection string: `endpoint=` must be only https:// and the host"
    return None


def find_problem_of_key(value: str) -> str | None:
    # Some scripts lose the `=` at the end.
    text = value.removesuffix("=").removesuffix("=")
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        key = b""
    # Python ignores the unused bits of the last character, which are set if the key is incomplete.
    is_complete = base64.b64encode(key).decode().rstrip("=") == text
    return None if key and is_complete else "invalid connection string: `accesskey=` is not base64, or is incomplete"


def changed(current: str | None, resource: str, string: str | None) -> str:
    """The text of the secret after the resource got this connection string, or lost its own."""
    strings = by_resource(current)
    if string is None and strings.pop(resource, None) is None:
        sys.exit(f"secret: the secret {NAME} has no connection string of the resource {resource}")
    if string is not None:
        strings[resource] = string
    if not strings:
        sys.exit(f"secret: the resource {resource} is the last one of the secret {NAME}, so it cannot be removed")
    # With one resource, the text is the same as before there were several.
    return strings[MAIN] if list(strings) == [MAIN] else json.dumps(strings, indent=1)


def by_resource(text: str | None) -> dict[str, str]:
    """The connection strings in the text of the secret, which can be absent."""
    if text is None:
        return {}
    return read_json(text) if text.lstrip("\ufeff \t\r\n").startswith("{") else {MAIN: text}


def outcome(current: str | None, resource: str, string: str | None) -> str:
    """What was done to a secret that existed, and when the functions use it. A process reads the secret when it starts, and
    the connection string of a resource again when ACS refuses its key."""
    if current is None:
        return f"stored the first connection string in the secret {NAME}; its ARN is the parameter AcsSecretArn"
    if string is None:
        return f"removed the resource {resource} from the secret {NAME}; older processes keep it until Lambda ends them, and `make rollback` to a deployment that names it needs it back"
    if resource not in by_resource(current):
        return (
            f"added the resource {resource} to the secret {NAME}; only processes that start from now on know it, "
            "so deploy before it gets identities"
        )
    if endpoint_of(by_resource(current)[resource]) != endpoint_of(string):
        return (
            f"updated the secret {NAME}, with another endpoint of the resource {resource}; processes that run keep the old one "
            "for hours, so deploy with another LogLevel, which starts new ones, and with DeploymentType=AllAtOnce if ServerErrors is active"
        )
    return f"updated the secret {NAME}; the functions read it when they start, and when ACS refuses the old key"


def endpoint_of(string: str) -> str:
    """The endpoint of a connection string in the secret, which another tool may have written."""
    return next((part[len("endpoint=") :].rstrip("/") for part in clean(string).lower().split(";") if part.startswith("endpoint=")), "")


def read_json(text: str) -> dict[str, str]:
    try:
        strings = json.loads(text.lstrip("\ufeff"))
    except ValueError:
        strings = None
    # The error does not quote the text.
    if not isinstance(strings, dict) or not all(isinstance(string, str) for string in strings.values()):
        sys.exit(f"secret: the secret {NAME} contains invalid JSON: must be an object of connection strings by resource")
    return strings


def refuse_if_named(arn: str) -> None:
    """Ends the program if functions of the stack would not start without the connection string of the resource."""
    try:
        stack = stack_settings.deployed_stack()
        if stack and stack["StackStatus"].endswith("_IN_PROGRESS"):
            sys.exit(f"secret: nothing was changed: a deployment of the stack {STACK} is in progress, and its older versions may need the connection string of the resource {RESOURCE}. Wait until it has finished, and try again")
        parameters = stack_settings.deployed_parameters(stack)
        named = json_values.named_resources(parameters.get("Policy") or "", parameters.get("AcsPlacement") or "")
        why = f"it does not use the secret {NAME}" if parameters else "it does not exist"
    except (BotoCoreError, ClientError, ValueError) as error:
        parameters, named, why = {}, set(), str(error)
    # The parameter may lack the hyphen and the six random characters at the end of an ARN.
    if parameters.get("AcsSecretArn") not in (arn, arn[:-7]):
        print(f"secret: warning: the parameters of the stack {STACK} were not checked ({why}). Functions of a stack whose AcsPlacement or Policy names the resource {RESOURCE} do not start without its connection string", file=sys.stderr)
    elif RESOURCE in named:
        sys.exit(f"secret: nothing was changed: AcsPlacement or Policy of the stack {STACK} names the resource {RESOURCE}, so functions would not start without its connection string. Take it out of both, deploy, and try again")


def put(client, string: str | None) -> tuple[str, str]:
    """The ARN of the secret, and what was done."""
    try:
        try:
            found = client.get_secret_value(SecretId=NAME)
            current = found["SecretString"]
            if string is None:
                refuse_if_named(found["ARN"])
        except client.exceptions.ResourceNotFoundException:
            # The secret does not exist, or has no value yet.
            current = None
        text = changed(current, RESOURCE, string)
        return client.put_secret_value(SecretId=NAME, SecretString=text)["ARN"], outcome(current, RESOURCE, string)
    except client.exceptions.InvalidRequestException as error:
        if "deletion" not in str(error):
            raise
        sys.exit(
            f"secret: the secret {NAME} is scheduled for deletion; restore it with "
            f"`aws secretsmanager restore-secret --secret-id {NAME}`, or set SECRET to another name"
        )
    except client.exceptions.ResourceNotFoundException:
        description = "The connection string of the Communication Services resource of Guestpass"
        created = client.create_secret(Name=NAME, Description=description, SecretString=text)
        return created["ARN"], f"created the secret {NAME}; its ARN is the parameter AcsSecretArn"


if __name__ == "__main__":
    main()
