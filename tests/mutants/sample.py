"""Chooses the mutants to test, and checks the list of equivalent ones."""

import hashlib
import re


def identity(mutant: dict) -> str:
    """The mutant's name without line and column, which change with the lines above."""
    return mutant["file"] + ": " + mutant["name"].split(": ", 1)[1]


def sample(mutants: list[dict], size: int, seed: str) -> list[dict]:
    """At most `size` of the mutants: those with the lowest hashes.

    So if a change becomes larger, its sample has only new mutants and some of the earlier sample.
    """

    def rank(mutant: dict) -> tuple[bytes, str]:
        return hashlib.sha256(f"{seed} {identity(mutant)}".encode()).digest(), mutant["name"]

    chosen = {mutant["name"] for mutant in sorted(mutants, key=rank)[:size]}
    return [mutant for mutant in mutants if mutant["name"] in chosen]


def without_exceptions(mutants: list[dict], patterns: list[str]) -> list[dict]:
    """The mutants that no pattern matches. cargo-mutants 27.1 ignores exclude_re for `delete field` mutants."""
    return [mutant for mutant in mutants if not any(re.search(pattern, mutant["name"]) for pattern in patterns)]


def unneeded_exceptions(mutants: list[dict], patterns: list[str]) -> list[str]:
    """The patterns that match no mutant. Each could hide a later mutant that is not equivalent."""
    return [pattern for pattern in patterns if not any(re.search(pattern, mutant["name"]) for mutant in mutants)]
