"""The question before a command that cannot be undone easily."""

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
