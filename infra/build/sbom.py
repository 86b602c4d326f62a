"""CycloneDX SBOMs of what is linked into a function: its dependencies for one target, with the
enabled features. Tests, build scripts and macros leave no code in a binary, so they are
excluded."""

import json
import re
import subprocess
import tomllib
import uuid
from functools import cache
from pathlib import Path

from cyclonedx.model import (
    ExternalReference,
    ExternalReferenceType,
    HashAlgorithm,
    HashType,
    XsUri,
)
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from jsonschema import Draft7Validator
from packageurl import PackageURL

# "<depth><name> v<version>", then its location, or a mark that it was listed before.
LINE = re.compile(r"^(?P<depth>\d+)(?P<name>\D\S*) v(?P<version>\S+)")

# The SBOMs share most of their URLs, and the check of each takes a tenth of a second.
CHECKERS = Draft7Validator.FORMAT_CHECKER.checkers
CHECK, ERRORS = CHECKERS["iri-reference"]
CHECKERS["iri-reference"] = (cache(CHECK), ERRORS)

# name and version
Package = tuple[str, str]


class Tree:
    """The dependency tree of a function, and the metadata of each package."""

    def __init__(self, root: Package, needs: dict[Package, set[Package]], facts: dict):
        self.root, self.facts = root, facts
        reached, todo = {}, [root]
        while todo:
            package = todo.pop()
            if package not in reached:
                reached[package] = needs.get(package, set())
                todo += reached[package]
        self.needs = reached


def trees(root: Path, packages: list[str], target: str) -> dict[str, Tree]:
    """The trees of packages that are built together, because features depend on this set."""
    command = ["cargo", "tree", "--locked", "--target", target, "--prefix", "depth"]
    command += ["--edges", "normal,no-proc-macro", "--charset", "ascii"]
    for name in packages:
        command += ["--package", name]
    needs: dict[Package, set[Package]] = {}
    path: list[Package] = []
    for line in run(command, root).splitlines():
        if not line:
            continue
        found = LINE.match(line)
        if not found:
            raise ValueError(f"unexpected line of `cargo tree`: {line!r}")
        package = (found["name"], found["version"])
        del path[int(found["depth"]) :]
        if path:
            needs.setdefault(path[-1], set()).add(package)
        path.append(package)
    facts = read_metadata(root)
    roots = {name: package for package in facts for name in packages if package[0] == name}
    return {name: Tree(package, needs, facts) for name, package in roots.items()}


def read_metadata(root: Path) -> dict[Package, dict]:
    """The metadata of each package from cargo and the lock file."""
    metadata = json.loads(run(["cargo", "metadata", "--locked", "--format-version", "1"], root))
    lock = tomllib.loads((root / "Cargo.lock").read_text(encoding="utf-8"))
    sums = {(each["name"], each["version"]): each.get("checksum") for each in lock["package"]}
    return {
        (each["name"], each["version"]): {**each, "checksum": sums[(each["name"], each["version"])]}
        for each in metadata["packages"]
    }


def document(tree: Tree, name: str, artefact_sha256: str) -> str:
    """The SBOM of an artefact with this hash."""
    components = {package: component(package, tree.facts[package]) for package in tree.needs}
    subject = components.pop(tree.root)
    subject.type = ComponentType.APPLICATION
    subject.hashes = [HashType(alg=HashAlgorithm.SHA_256, content=artefact_sha256)]
    # The serial number is not random: the same artefact has the same SBOM.
    serial = uuid.uuid5(uuid.NAMESPACE_URL, f"guestpass:{name}:{artefact_sha256}")
    bom = Bom(serial_number=serial, components=components.values())
    bom.metadata.component = subject
    of = {**components, tree.root: subject}
    for package, needed in tree.needs.items():
        bom.register_dependency(of[package], [of[each] for each in needed])
    written = json.loads(JsonV1Dot6(bom).output_as_string())
    # A timestamp would make each SBOM different.
    del written["metadata"]["timestamp"]
    text = json.dumps(written, indent=2, sort_keys=True) + "\n"
    problem = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if problem:
        raise ValueError(f"the SBOM of {name} is not valid CycloneDX 1.6: {problem}")
    return text


def component(package: Package, facts: dict) -> Component:
    name, version = package
    # Our own packages are not in a registry.
    public = facts["source"] is not None
    made = Component(
        type=ComponentType.LIBRARY,
        name=name,
        version=version,
        bom_ref=f"{name}@{version}",
        purl=PackageURL("cargo", None, name, version) if public else None,
    )
    if facts["license"]:
        # An older way to write OR.
        expression = facts["license"].replace("/", " OR ")
        made.licenses = [LicenseExpression(expression)]
    if facts["checksum"]:
        made.hashes = [HashType(alg=HashAlgorithm.SHA_256, content=facts["checksum"])]
    if facts["repository"]:
        where = XsUri(facts["repository"])
        made.external_references = [ExternalReference(type=ExternalReferenceType.VCS, url=where)]
    return made


def run(command: list[str], root: Path) -> str:
    return subprocess.run(command, cwd=root, check=True, stdout=subprocess.PIPE, text=True).stdout
