"""Signs SHA256SUMS with a key of minisign, or verifies its signature. The SBOMs and all artefacts are in
SHA256SUMS, so that one signature covers them. It also covers its own time, by which `make deploy` recognises
artefacts that are older than the deployed ones.

    signature.py sign <directory>                 KEY is the file of the secret key
    signature.py verify <directory> <public key>  the file of the public key; prints the time of the signature"""

import getpass
import os
import re
import sys
import time
from pathlib import Path

import minisign

SUMS = "SHA256SUMS"
SIGNATURE = "SHA256SUMS.minisig"


def sign(directory: Path) -> None:
    path = os.environ.get("KEY")
    if not path:
        sys.exit("sign: missing KEY: `make sign KEY=minisign.key`; `minisign -G` creates a pair of keys")
    try:
        key = minisign.SecretKey.from_file(path)
        if key.is_encrypted():
            key.decrypt(password())
        # As minisign writes it.
        comment = f"timestamp:{int(time.time())}\tfile:{SUMS}"
        signature = key.sign((directory / SUMS).read_bytes(), trusted_comment=comment)
    except (OSError, minisign.Error) as error:
        sys.exit(f"sign: failed to sign with the key in {path}: {error}")
    (directory / SIGNATURE).write_bytes(bytes(signature) + b"\n")
    print(f"signed {directory / SUMS}; the signature is in {SIGNATURE}")


def password() -> str:
    """Reads the password of the secret key. Other users could see it in an argument."""
    if sys.stdin.isatty():
        return getpass.getpass("Password of the secret key (nothing is shown): ")
    return sys.stdin.readline().rstrip("\n")


def verify(directory: Path, public_key: str) -> None:
    try:
        key = minisign.PublicKey.from_file(public_key)
    except (OSError, minisign.Error) as error:
        sys.exit(f"sign: the public key in {public_key} is not usable: {error}")
    try:
        signature = minisign.Signature.from_file(directory / SIGNATURE)
        key.verify((directory / SUMS).read_bytes(), signature)
    except FileNotFoundError:
        sys.exit(f"sign: {SIGNATURE} is missing in {directory}, but a public key is configured: run `make sign`")
    except minisign.Error as error:
        sys.exit(f"sign: {SUMS} in {directory} is not signed with the key in {public_key}: {error}")
    # The signature covers this comment, too.
    if signed := re.search(r"(?:^|\s)timestamp:(\d{1,10})(?:\s|$)", signature.trusted_comment or ""):
        print(time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(int(signed[1]))))


if __name__ == "__main__":
    command, directory = sys.argv[1], Path(sys.argv[2])
    sign(directory) if command == "sign" else verify(directory, sys.argv[3])
