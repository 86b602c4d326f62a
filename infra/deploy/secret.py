"""Puts the connection string of ACS into Secrets Manager, from standard input: as an argument, it
would be in the shell's history and in the list of processes, where every user can read it.

    pbpaste | make secret            or `make secret`, and paste: nothing is shown

SECRET names it (guestpass/acs). Prints its ARN."""

import base64
import binascii
import getpass
import os
import sys

from botocore.exceptions import BotoCoreError, ClientError

import place

NAME = os.environ.get("SECRET") or "guestpass/acs"

COPY = (
    "copy it whole from the resource's page \"Keys\" in the Azure portal: "
    "endpoint=https://…;accesskey=…"
)


def main() -> None:
    text = read()
    problem = wrong_with(text)
    if problem:
        sys.exit(f"secret: {problem}; {COPY}")
    try:
        arn, is_new = put(place.client("secretsmanager"), text)
    except (BotoCoreError, ClientError) as error:
        # These errors name the operation and the cause, but do not contain the request.
        sys.exit(f"secret: {error}")
    if is_new:
        print(f"made the secret {NAME}; this is the template's parameter AcsSecretArn:")
    else:
        print(f"put a new version of {NAME}; the functions read it when ACS refuses the old key:")
    print(arn)


def read() -> str:
    if sys.stdin.isatty():
        return getpass.getpass("Connection string (nothing is shown): ").strip()
    return sys.stdin.read().strip()


def wrong_with(text: str) -> str | None:
    """Why it is not a connection string; the reason does not quote it."""
    if not text:
        return "there is nothing on standard input"
    pairs = {}
    for part in filter(None, (part.strip() for part in text.split(";"))):
        name, separator, value = part.partition("=")
        if not separator:
            return "that is no connection string"
        pairs[name.strip().lower()] = value.strip()
    if not pairs.get("endpoint", "").lower().startswith("https://"):
        return "it has no endpoint=https://…"
    try:
        key = base64.b64decode(pairs.get("accesskey", ""), validate=True)
    # The first error is for invalid base64, the second for characters that are not ASCII.
    except (binascii.Error, ValueError):
        key = b""
    return None if key else "it has no accesskey= in base64"


def put(client, text: str) -> tuple[str, bool]:
    try:
        return client.put_secret_value(SecretId=NAME, SecretString=text)["ARN"], False
    except client.exceptions.InvalidRequestException as error:
        if "deletion" not in str(error):
            raise
        sys.exit(
            f"secret: {NAME} is being deleted; `aws secretsmanager restore-secret --secret-id {NAME}` "
            "brings it back, or SECRET=… names another"
        )
    except client.exceptions.ResourceNotFoundException:
        description = "The connection string of the Communication Services resource of Guestpass"
        made = client.create_secret(Name=NAME, Description=description, SecretString=text)
        return made["ARN"], True


if __name__ == "__main__":
    main()
