"""Each `SET=…` of the documents is what `make deploy` accepts."""

import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "infra").rglob("*.md")])

# A word of the shell, of which a part can be in quotes. Prose ends it with a backquote or with punctuation.
WORD = re.compile(r"""SET=((?:"(?:\\.|[^"\\])*"|'[^']*'|[^\s"'`);]+(?<![.,:]))+)""")


def examples() -> Iterator[tuple[str, str]]:
    """The name of the document, and the value of SET as the shell passes it on."""
    for path in DOCUMENTS:
        for written in WORD.findall(path.read_text()):
            yield str(path.relative_to(ROOT)), "".join(shlex.split(written))


@pytest.fixture
def deploy(monkeypatch) -> Callable[[str], None]:
    """Reads and checks a SET as `make deploy` does."""
    monkeypatch.syspath_prepend(str(ROOT / "infra/deploy"))
    monkeypatch.setenv("SAM_CONFIG_FILE", "/nonexistent")
    import parameters

    def read(value: str) -> None:
        value = re.sub(r"ID of the \w+", "00000000-0000-0000-0000-000000000000", value)
        for name, one in parameters.requested_parameters(value).items():
            # `…` and `$SOURCE` stand for something of the reader's.
            if not re.search(r"[…$]", one):
                parameters.check_value(name, one)

    return read


def test_each_example_of_set_is_accepted(deploy):
    found = 0
    for document, value in examples():
        found += 1
        # `Name` stands for a parameter.
        if value == "Name=value":
            continue
        try:
            deploy(value)
        except SystemExit as refusal:
            pytest.fail(f"{document}: SET={value} is refused: {refusal}")
    written = sum(path.read_text().count("SET=") for path in DOCUMENTS)
    assert found == written, "each SET= is a word of the shell"
