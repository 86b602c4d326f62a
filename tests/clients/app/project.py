"""Writes the project of an app that depends on the packed client and on Microsoft's package, in the versions and with the
hashes of the client's own lock file: project.py <directory of the app> <packed client>"""

import json
import shutil
import sys
from pathlib import Path

sys.dont_write_bytecode = True
TESTS = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TESTS / "packages"))

from node_project import add  # noqa: E402

LOCK = TESTS.parent / "shared" / "clients" / "typescript" / "package-lock.json"
MICROSOFT = "@azure/communication-common"


def main() -> None:
    project, client = map(Path, sys.argv[1:])
    locked = json.loads(LOCK.read_text())
    version = locked["packages"][""]["devDependencies"][MICROSOFT]
    about = {"name": "app", "private": True, "dependencies": {MICROSOFT: version}}
    packages = {"": {"name": "app", "dependencies": {MICROSOFT: version}}} | needed(MICROSOFT, locked["packages"])
    lock = {"name": "app", "lockfileVersion": locked["lockfileVersion"], "requires": True, "packages": packages}
    shutil.copy(client, project)
    add(client, about, lock)
    (project / "package.json").write_text(json.dumps(about))
    (project / "package-lock.json").write_text(json.dumps(lock))


def needed(name: str, locked: dict) -> dict:
    """A package and all that it needs. Each has one version in the lock file, so that none is in a folder of another."""
    found, left = {}, [name]
    while left:
        place = f"node_modules/{left.pop()}"
        if place not in found:
            found[place] = {key: value for key, value in locked[place].items() if key != "dev"}
            left += found[place].get("dependencies", {})
    return found


if __name__ == "__main__":
    main()
