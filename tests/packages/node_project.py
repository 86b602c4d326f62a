"""Writes a Node.js project that has the locked packages of this directory and the built ones:
node_project.py <directory of the project> <npm package>…"""

import base64
import hashlib
import json
import shutil
import sys
import tarfile
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main() -> None:
    project = Path(sys.argv[1])
    about = json.loads((HERE / "package.json").read_text())
    lock = json.loads((HERE / "package-lock.json").read_text())
    for path in map(Path, sys.argv[2:]):
        shutil.copy(path, project)
        add(path, about, lock)
    (project / "package.json").write_text(json.dumps(about))
    (project / "package-lock.json").write_text(json.dumps(lock))


def add(path: Path, about: dict, lock: dict) -> None:
    """Adds a package and the hash of its file, as npm does for the file of a package."""
    with tarfile.open(path) as archive:
        own = json.load(archive.extractfile("package/package.json"))
    hash = base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()
    name, file = own["name"], f"file:{path.name}"
    about["dependencies"][name] = lock["packages"][""]["dependencies"][name] = file
    kept = {key: own[key] for key in ["version", "bin", "cpu", "os", "engines", "optionalDependencies"] if key in own}
    lock["packages"][f"node_modules/{name}"] = kept | {"resolved": file, "integrity": f"sha512-{hash}"}


if __name__ == "__main__":
    main()
