"""The diff of a change: its commits that are not in the upstream, and what is not committed."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

# A clone in CI has no commits of its own, and does not know how many were pushed at once. So far it
# was 63 at most.
COMMITS_WITHOUT_UPSTREAM = 80


class UnknownBase(Exception):
    """The revision to compare with does not exist."""


def diff(root: Path, base: str | None = None) -> tuple[str, bytes]:
    """A description of the change, and its diff. `base` is a revision, from `MUTANTS_BASE`."""
    if base:
        start = _git(root, "merge-base", "HEAD", base)
        if not start:
            raise UnknownBase(f"MUTANTS_BASE: `{base}` has no common ancestor with HEAD")
        return f"since {start[:10]} (merge base with {base})", _diff_since(root, start)
    start = _git(root, "merge-base", "HEAD", "@{upstream}")
    changed = _diff_since(root, start or "HEAD")
    if changed:
        return f"since {(start or 'HEAD')[:10]} ({'upstream' if start else 'not committed'})", changed
    commits = _git(root, "rev-list", "--first-parent", "-n", str(COMMITS_WITHOUT_UPSTREAM + 1), "HEAD")
    start = commits.split()[-1]
    return f"since {start[:10]} (the last {COMMITS_WITHOUT_UPSTREAM} commits)", _diff_since(root, start)


def _diff_since(root: Path, start: str) -> bytes:
    """The difference of Rust files between `start` and the working tree, new files included."""
    with tempfile.TemporaryDirectory() as scratch:
        # New files are only in the diff if they are in the index. A copy leaves the index as it is.
        index = Path(scratch) / "index"
        shutil.copy(root / _git(root, "rev-parse", "--git-path", "index"), index)
        environment = os.environ | {"GIT_INDEX_FILE": str(index)}
        for command in (
            ["add", "--intent-to-add", "--", "."],
            # These options override the user's configuration.
            ["diff", "--no-ext-diff", "--no-color", "--no-renames", "--src-prefix=a/", "--dst-prefix=b/", start,
             "--", "*.rs"],
        ):
            done = subprocess.run(["git", *command], cwd=root, env=environment, check=True, capture_output=True)
        return done.stdout


def _git(root: Path, *arguments: str) -> str:
    """The output of git; empty if it fails."""
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""
