"""Reads JSON as strictly as the functions do."""

import json
import re
from typing import Any

GUID = "[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"


def is_https_or_loopback(url: str) -> bool:
    return bool(re.match(r"https://|http://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]*)?([/?#]|\Z)", url))


def is_list_of_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) and one for one in value)


def members(value: Any, what: str, known: set[str]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{what} must be a JSON object")
    if unknown := sorted(value.keys() - known):
        raise ValueError(f"unknown member {unknown[0]!r} of {what}: must be one of {', '.join(sorted(known))}")
    return value


def parsed(text: str) -> Any:
    """The JSON, as strictly as the functions read it."""
    try:
        value = json.loads(text, object_pairs_hook=without_duplicates, parse_constant=refuse_constant)
        json.dumps(value, ensure_ascii=False).encode()  # Fails for one half of a surrogate pair.
    except (ValueError, RecursionError) as error:
        raise ValueError(f"must be valid JSON: {error}") from None
    return value


def without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a member occurs twice")
    return dict(pairs)


def refuse_constant(name: str) -> None:
    raise ValueError(f"unexpected {name}")
