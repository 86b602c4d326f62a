"""How the user permits what a command refuses otherwise: by an answer, or by FORCE."""

import os
import re
import sys

from stack_settings import STACK


def require(purpose: str, refusal: str) -> None:
    """Ends the program with `refusal`, unless the user types the name of the stack."""
    try:
        typed = input(f"Type {STACK} to {purpose}: ")
    except EOFError:
        typed = ""
    if typed.strip() != STACK:
        sys.exit(f"{refusal}: the name of the stack was not typed")


def forced() -> list[str]:
    """The words in FORCE, which has the same name for all checks: a deployment can need several of them."""
    return re.findall(r"[^\s,]+", os.environ.get("FORCE", ""))


def is_forced(word: str) -> bool:
    """Whether FORCE permits what the check of this word refuses."""
    return word in forced()


def force(word: str) -> str:
    """What to add to the command, with the words that it has already."""
    return f"FORCE={','.join([*forced(), word])}"
