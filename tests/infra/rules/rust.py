"""What the Rust sources say: who depends on what, and which requests that leads to."""

import re
import tomllib
from functools import cache
from pathlib import Path

from expanded import ROOT

CORE = ROOT / "shared/identity-core/src"
STORE = ROOT / "shared/identity-store/src"

# The requests that DynamoDB has, as the SDK spells them.
REQUEST = re.compile(
    r"\.((?:batch_|transact_)?(?:get|put|update|delete|write)_items?|query|scan|describe_table)\(\)"
)


def code(path: Path) -> str:
    """A source file without its tests and without its comments."""
    text = path.read_text().split("#[cfg(test)]\nmod ")[0]
    return re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE)


@cache
def constant(path: str, name: str) -> int | None:
    """A number that a source file names; none if it does not."""
    found = re.search(rf"^\s*(?:pub )?const {name}: \w+ = (\d+);", code(ROOT / path), re.MULTILINE)
    return int(found[1]) if found else None


@cache
def dependencies(function: str) -> frozenset[str]:
    """What the crate of a function depends on, but for its tests."""
    manifest = tomllib.loads((ROOT / "functions" / function / "Cargo.toml").read_text())
    return frozenset(manifest["dependencies"])


@cache
def module(name: str) -> str:
    """A module of the core with all its parts; empty if there is none of that name."""
    files = [CORE / f"{name}.rs", *sorted((CORE / name).glob("*.rs"))]
    return "".join(code(path) for path in files if path.is_file() and path.name != "tests.rs")


def imported(text: str, root: str) -> set[str]:
    """The modules that a text imports from `root`."""
    names: set[str] = set()
    for use in re.findall(rf"\buse {root}::([^;]+);", text):
        names |= set(re.findall(r"\b([a-z_]+)\b", use))
    return {name for name in names if module(name)}


# Of a module that only names things, nothing runs.
NOUNS = {"ports", "record", "identity", "event", "policy", "error", "secret", "testing"}


# What the operations call the ports behind which a table is, and the sources of its adapter.
ADAPTERS = {"store": ["lib.rs", "ledger.rs"], "audit": ["audit.rs"]}


@cache
def operations(function: str) -> str:
    """The text of a function, of the operations that it imports, and of what these import."""
    sources = (ROOT / "functions" / function / "src").glob("*.rs")
    text = "".join(code(path) for path in sources if path.name != "tests.rs")
    seen: set[str] = set()
    ahead = imported(text, "identity_core") - NOUNS
    while ahead:
        name = ahead.pop()
        seen.add(name)
        ahead |= imported(module(name), "crate") - NOUNS - seen
    return text + "".join(module(name) for name in sorted(seen))


@cache
def methods_called(function: str, port: str) -> frozenset[str]:
    """The methods of a port that a function may call, by its operations."""
    called = set(re.findall(rf"\b{port}\s*\.\s*([a-z_]+)\(", operations(function)))
    # To connect to the store is to read.
    return frozenset(called | ({"warm_up"} if port == "store" else set()))


@cache
def adapter_functions(port: str) -> dict[str, str]:
    """The text of each method of a port's adapter, by its name."""
    text = "".join(code(STORE / name) for name in ADAPTERS[port] if (STORE / name).is_file())
    found = re.findall(r"^    (?:pub(?:\(crate\))? )?(?:async )?fn (\w+)(.*?)^    \}", text, re.M | re.S)
    return dict(found)


@cache
def requests_of(method: str, port: str = "store") -> frozenset[tuple[str, str | None]]:
    """The requests that a method of a port's adapter sends: the action, and the index if it
    reads one."""
    functions = adapter_functions(port)
    text, names = "", {method}
    seen: set[str] = set()
    while names:
        name = names.pop()
        seen.add(name)
        text += functions[name]
        called = re.findall(r"\bself\s*\.\s*(\w+)\(", functions[name])
        names |= {one for one in called if one in functions} - seen
    indexes = [name for constant, name in index_names().items() if re.search(rf"\b{constant}\b", text)]
    requests: set[tuple[str, str | None]] = set()
    for request in REQUEST.findall(text):
        action = "".join(word.capitalize() for word in request.split("_"))
        # Only a query reads an index; all else is of the table.
        requests |= {(action, index) for index in (indexes if action == "Query" else [None])}
    if not requests:
        raise ValueError(f"no request is seen in {port}.{method}; look at this test")
    return frozenset(requests)


@cache
def edge_names(variable: str) -> bool:
    """Whether the functions' common edge reads this variable."""
    sources = (ROOT / "shared/lambda-edge/src").rglob("*.rs")
    return any(f'"{variable}"' in code(path) for path in sources if path.name not in ("tests.rs", "testing.rs"))


@cache
def index_names() -> dict[str, str]:
    return dict(re.findall(r'^const (BY_\w+): &str = "([a-z-]+)";', code(STORE / "lib.rs"), re.M))


def metrics_declared() -> set[str]:
    """`METRICS` of the telemetry."""
    text = code(ROOT / "shared/lambda-edge/src/telemetry/metrics.rs")
    [names] = re.findall(r"METRICS: \[&str; \d+\] = \[(.*?)\];", text, re.S)
    return set(re.findall(r'"(\w+)"', names))


def metrics_counted() -> set[str]:
    """Each `metric.…` that some code counts, as CloudWatch has it."""
    names: set[str] = set()
    for folder in ["functions", "shared"]:
        for path in (ROOT / folder).glob("*/src/**/*.rs"):
            if path.stem != "tests" and "tests" not in path.parts[len(ROOT.parts):]:
                names |= set(re.findall(r"\bmetric\.([a-z_]+) =", code(path)))
    return {"".join(word.capitalize() for word in name.split("_")) for name in names}
