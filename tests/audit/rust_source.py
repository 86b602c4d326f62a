"""Reads Rust source as text: good enough for this project, which rustfmt formats."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def tracked(*patterns: str) -> list[str]:
    """The files of the repository that match, as paths from its root."""
    listed = ["git", "ls-files", "-co", "--exclude-standard", "-z", "--", *patterns]
    paths = subprocess.check_output(listed, cwd=ROOT, text=True).split("\0")
    return sorted(path for path in paths if path and (ROOT / path).is_file())


def is_test(path: str) -> bool:
    """Whether a file has only tests and what they need."""
    parts = path.split("/")
    name = parts[-1]
    return parts[0] == "tests" or "tests" in parts or name == "tests.rs" or name.startswith("test_")


def without_comments(text: str) -> str:
    """The text without comments and without the content of strings."""
    pattern = r'//[^\n]*|r(#*)"(?:.|\n)*?"\1|"(?:\\.|[^"\\])*"|\'(?:\\.[^\']*|[^\'\\])\''
    return re.sub(pattern, lambda match: "" if match[0].startswith("//") else '""', text)


def without_tests(code: str) -> str:
    """The code without the items that only tests have. The code has no comments."""
    while match := re.search(r"#\[cfg\(test\)\]\s*", code):
        end = match.end()
        depth = 0
        while end < len(code):
            character = code[end]
            depth += (character == "{") - (character == "}")
            end += 1
            if depth == 0 and character in ";}":
                break
        code = code[: match.start()] + code[end:]
    return code
