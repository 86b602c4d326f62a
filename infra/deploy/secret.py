"""Stores the connection string of ACS in Secrets Manager and prints the ARN of the secret. It reads
standard input, because arguments are in the shell's history and visible to other users.

    make secret              asks for the connection string, without echo
    pbpaste | make secret    reads it from a pipe

SECRET is the name of the secret (guestpass/acs)."""

import base64
import binascii
import getpass
import os
import re
import sys

from botocore.exceptions import BotoCoreError, ClientError

import stack_settings

NAME = os.environ.get("SECRET") or "guestpass/acs"

COPY = (
    "copy the whole connection string from the page \"Keys\" of the resource in the Azure portal: "
    "endpoint=https://…;accesskey=…"
)


# What copying adds around a connection string or one of its values: blanks, quotes, commas, a byte
# order mark and other invisible characters. The functions ignore it, too.
ADDED = " \t\r\n\"'`,\u00a0\u00ad\u200b\u200c\u200d\u2060\ufeff\u2018\u2019\u201c\u201d"


def main() -> None:
    text = clean(read())
    problem = find_problem(text)
    if problem:
        sys.exit(f"secret: {problem}; {COPY}")
    try:
        arn, is_new = put(stack_settings.client("secretsmanager"), text)
    except (BotoCoreError, ClientError) as error:
        # These errors name the operation and the cause, but do not contain the request.
        sys.exit(f"secret: {error}")
    if is_new:
        print(f"created the secret {NAME}; its ARN is the parameter AcsSecretArn:")
    else:
        print(f"updated the secret {NAME}; the functions read it when ACS refuses the old key:")
    print(arn)


def read() -> str:
    if sys.stdin.isatty():
        return getpass.getpass("Connection string (nothing is shown): ")
    return sys.stdin.read()


def clean(text: str) -> str:
    """The connection string without what copying adds, such as the name of a variable in front."""
    text = text.strip(ADDED)
    first = re.search(rf"(?i)(^|[=:{{{re.escape(ADDED)}])((endpoint|accesskey)\s*=)", text.split(";")[0])
    return text[first.start(2) :] if first else text


def find_problem(text: str) -> str | None:
    """Why the text is not a connection string. The reason does not quote the text."""
    if not text:
        return "missing connection string: standard input is empty"
    pairs = {}
    for part in filter(None, (part.strip(ADDED) for part in text.split(";"))):
        name, separator, value = part.partition("=")
        if not separator:
            return "invalid connection string: a part has no `=`"
        pairs[name.strip(ADDED).lower()] = value.strip(ADDED)
    if not pairs.get("endpoint", "").lower().startswith("https://"):
        return "invalid connection string: missing `endpoint=https://…`"
    key = pairs.get("accesskey", "")
    try:
        # Some scripts lose the `=` at the end.
        key = base64.b64decode(key + "=" * (-len(key) % 4), validate=True)
    # The first error is for invalid base64, the second for characters that are not ASCII.
    except (binascii.Error, ValueError):
        key = b""
    return None if key else "invalid connection string: `accesskey=` is missing or is not base64"


def put(client, text: str) -> tuple[str, bool]:
    try:
        return client.put_secret_value(SecretId=NAME, SecretString=text)["ARN"], False
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
        return created["ARN"], True


if __name__ == "__main__":
    main()
