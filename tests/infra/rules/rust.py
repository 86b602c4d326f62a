"""Facts from the Rust sources: the dependencies of each crate, and the requests that follow from
them."""

import re
import tomllib
from functools import cache
from pathlib import Path

from expanded import ROOT

CORE = ROOT / "shared/identity-core/src"
STORE = ROOT / "shared/identity-store/src"

# The requests of DynamoDB, as the SDK spells them.
REQUEST = re.compile(
    r"\.((?:batch_(?:get|write)_|transact_get_|(?:get|put|update|delete)_)items?|query|scan|describe_table)\(\)"
)
# The parts of a write transaction.
PART = re.compile(r"\b(Put|Update|Delete)::builder\(\)")


def code(path: Path) -> str:
    """A source file without its tests and without its comments."""
    text = path.read_text().split("#[cfg(test)]\nmod ")[0]
    return re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE)


@cache
def constant(path: str, name: str) -> int | None:
    """A number that a source file names; `None` if it does not."""
    found = re.search(rf"^\s*(?:pub )?const {name}: \w+ = (\d+);", code(ROOT / path), re.MULTILINE)
    return int(found[1]) if found else None


@cache
def dependencies(function: str) -> frozenset[str]:
    """The dependencies of a function's crate, except those for tests."""
    manifest = tomllib.loads((ROOT / "functions" / function / "Cargo.toml").read_text())
    return frozenset(manifest["dependencies"])


@cache
def module(name: str) -> str:
    """An operation or a protocol of the core with all its parts; empty if the name is
    unknown. The other modules of the core send no requests."""
    rooms = [CORE / "operations", CORE / "operations/guests", CORE / "protocol"]
    files = [path for room in rooms for path in [room / f"{name}.rs", *sorted((room / name).glob("*.rs"))]]
    return "".join(code(path) for path in files if path.is_file() and path.name != "tests.rs")


def imported(text: str, root: str) -> set[str]:
    """The modules that a text imports from `root`."""
    names: set[str] = set()
    for use in re.findall(rf"\buse {root}::([^;]+);", text):
        names |= set(re.findall(r"\b([a-z_]+)\b", use))
    return {name for name in names if module(name)}


# The sources of the store's methods, and the table to which each sends its requests. A method that
# the port itself implements uses the adapter.
ADAPTER = {
    CORE / "ports/identity_store.rs": "Identities",
    CORE / "ports/invitation_store.rs": "Identities",
    STORE / "store.rs": "Identities",
    STORE / "invitations/mod.rs": "Identities",
    STORE / "invitations/lists.rs": "Identities",
    STORE / "ledger.rs": "Identities",
    STORE / "phone/mod.rs": "Identities",
    STORE / "directory_cursors.rs": "Identities",
    STORE / "update.rs": "Identities",
    STORE / "audit.rs": "AuditLog",
    STORE / "audit_trail.rs": "AuditLog",
}


@cache
def own_text(function: str) -> str:
    """The text of a function without its tests."""
    sources = sorted((ROOT / "functions" / function / "src").glob("*.rs"))
    return "".join(code(path) for path in sources if path.name != "tests.rs")


@cache
def operations(function: str) -> str:
    """The text of a function, of the operations that it imports, and of what these import."""
    text = own_text(function)
    seen: set[str] = set()
    ahead = imported(text, "identity_core")
    while ahead:
        name = ahead.pop()
        seen.add(name)
        ahead |= imported(module(name), "crate") - seen
    return text + "".join(module(name) for name in sorted(seen))


@cache
def methods_called(function: str) -> frozenset[str]:
    """The methods of the store that a function may call, through its operations."""
    called = set(re.findall(r"\bstore\s*\.\s*([a-z_]+)\(", operations(function)))
    # The edge checks whether an administrator or an inviter was cut off.
    if re.search(r"\b(access\.(administrator|administrator_with|addressed)|rules\.inviter)\(", own_text(function)):
        called.add("find")
    # Connecting to the store reads from it.
    return frozenset({*called, "warm_up"})


@cache
def adapter_functions() -> dict[str, list[tuple[str, str]]]:
    """The text of each method of the adapter with its table, by the method's name."""
    found: dict[str, list[tuple[str, str]]] = {}
    # A method that a trait only declares ends before any brace.
    method = re.compile(r"^    (?:pub(?:\(\w+\))? )?(?:async )?fn (\w+)([^;{]*\{.*?)^    \}", re.M | re.S)
    for path, table in ADAPTER.items():
        for one, text in method.findall(code(path)):
            found.setdefault(one, []).append((table, text))
    return found


@cache
def requests_of(method: str) -> frozenset[tuple[str, str, str | None]]:
    """The requests that a method of the adapter sends: the action, the table, and the index if it
    reads one. Requests within a transaction count as if each were sent alone: AWS requires their
    permissions, and has none for the transaction itself."""
    functions = adapter_functions()
    requests: set[tuple[str, str, str | None]] = set()
    seen, ahead = set(), {method}
    while ahead:
        name = ahead.pop()
        seen.add(name)
        for table, text in functions[name]:
            # An update and an audit table are values that a method of the store passes on.
            called = re.findall(r"\b(?:self|update|table)\s*\.\s*(\w+)\(", text)
            ahead |= {one for one in called if one in functions} - seen
            indexes = [name for constant, name in index_names().items() if re.search(rf"\b{constant}\b", text)]
            asked = [*REQUEST.findall(text), *(f"{kind.lower()}_item" for kind in PART.findall(text))]
            for action in ("".join(word.capitalize() for word in one.split("_")) for one in asked):
                # Only a query reads an index; all other requests use the table.
                requests |= {(action, table, index) for index in (indexes if action == "Query" else [None])}
    if not requests:
        raise ValueError(f"no request is seen in store.{method}; look at this test")
    return frozenset(requests)


@cache
def requests_of_scim() -> frozenset[str]:
    """The actions of all requests of scim-store. Its one user calls all of its methods."""
    text = "".join(code(path) for path in sorted((ROOT / "shared/scim-store/src").glob("*.rs")))
    asked = [*REQUEST.findall(text), *(f"{kind.lower()}_item" for kind in PART.findall(text))]
    return frozenset("".join(word.capitalize() for word in one.split("_")) for one in asked)


@cache
def index_names() -> dict[str, str]:
    return dict(re.findall(r'^pub\(crate\) const (BY_\w+): &str = "([a-z-]+)";', code(STORE / "index.rs"), re.M))


def metrics_declared() -> set[str]:
    """`METRICS` of the telemetry."""
    text = code(ROOT / "shared/lambda-edge/src/telemetry/metrics.rs")
    [names] = re.findall(r"METRICS: \[&str; \d+\] = \[(.*?)\];", text, re.S)
    return set(re.findall(r'"(\w+)"', names))


def metrics_counted() -> set[str]:
    """Each `metric.…` that the code counts, with its name in CloudWatch."""
    names: set[str] = set()
    for folder in ["functions", "shared"]:
        for path in (ROOT / folder).glob("*/src/**/*.rs"):
            if path.stem != "tests" and "tests" not in path.parts[len(ROOT.parts):]:
                names |= set(re.findall(r"\bmetric\.([a-z_]+) =", code(path)))
    return {"".join(word.capitalize() for word in name.split("_")) for name in names}
