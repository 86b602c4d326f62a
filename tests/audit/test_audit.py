"""The checks find what they look for, and nothing else."""

import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import installs
import names
import structure
from rust_source import is_test, without_comments, without_tests

ROOT = Path(__file__).resolve().parents[2]


class Source(unittest.TestCase):
    def test_comments_and_strings_are_not_code(self):
        code = without_comments('use a::b; // use c::d;\nlet x = "use e::f;" + r#"g"h"#;\n/// [`crate::i`]\n')
        self.assertEqual(code, 'use a::b; \nlet x = "" + "";\n\n')

    def test_a_quote_in_a_character_or_a_lifetime_does_not_begin_a_string(self):
        self.assertEqual(without_comments("f('\"', b'\\'', &'a x); // no"), 'f("", b"", &\'a x); ')

    def test_what_only_tests_have_is_left_out(self):
        code = without_tests("a();\n#[cfg(test)]\nmod tests;\nb();\n#[cfg(test)]\nmod more { fn c() { d() } }\ne();")
        self.assertEqual(code.split(), ["a();", "b();", "e();"])

    def test_files_of_tests_are_recognised(self):
        paths = ["shared/a/src/tests.rs", "shared/a/tests/b.rs", "tests/e2e/src/lib.rs", "infra/deploy/test_x.py"]
        self.assertTrue(all(is_test(path) for path in paths))
        self.assertFalse(is_test("shared/a/src/attests.rs"))


class Names(unittest.TestCase):
    FILES = {
        "a.rs": "pub struct Config;\nstruct World;\n// pub struct Cause;\npub(crate) enum Cause {}",
        "b.rs": "    pub(crate) trait Config {}\npub struct Job;",
    }

    def test_a_name_of_two_types_and_a_name_that_says_too_little_are_reported(self):
        wrong = names.problems(names.types(self.FILES), {})
        self.assertEqual(len(wrong), 2)
        self.assertIn("Config is the name of 2 types: a.rs:1, b.rs:1", wrong)
        self.assertIn("Job says too little: b.rs:2", wrong)

    def test_an_exception_must_be_needed(self):
        wrong = names.problems(names.types(self.FILES), {"Config": "reason", "Cause": "reason"})
        self.assertEqual([line for line in wrong if "Job" not in line],
                         ["exceptions.toml permits Cause, which is not used twice"])


class Structure(unittest.TestCase):
    @staticmethod
    def circles(**modules: str) -> list[list[str]]:
        modules = {name.replace("__", "::"): text for name, text in modules.items()}
        graph = structure.uses({name: structure.Module(text) for name, text in ({"": ""} | modules).items()})
        return structure.circles(graph)

    def test_two_modules_that_use_each_other_are_a_circle(self):
        self.assertEqual(self.circles(a="use crate::b::B;", b="fn f() { crate::a::g() }"), [["a", "b"]])
        self.assertEqual(self.circles(a="use crate::b::B;", b="use std::fmt;"), [])

    def test_a_path_through_a_re_export_leads_to_the_definition(self):
        modules = {"a": "pub use self::b::B; pub use self::c::*;", "a__b": "use super::C;", "a__c": "pub struct C;"}
        self.assertEqual(self.circles(**modules), [])
        modules["a__c"] += "use super::B;"
        self.assertEqual(self.circles(**modules), [["a::b", "a::c"]])

    def test_a_child_that_uses_its_parent_is_a_circle_if_the_parent_uses_it(self):
        modules = {"a": "mod b; struct A; fn f() { b::g() }", "a__b": "use super::{A, f as h};"}
        self.assertEqual(self.circles(**modules), [["a", "a::b"]])

    def test_a_use_tree_is_read_as_its_paths(self):
        paths = [("::".join(path), name) for path, name in structure.flat("a::{b,c::{self,d@e},f::*}")]
        self.assertEqual(paths, [("a::b", "b"), ("a::c::self", "self"), ("a::c::d", "e"), ("a::f::*", "*")])


class Installs(unittest.TestCase):
    def count(self, path: str, text: str) -> int:
        return len(installs.problems({path: text}))

    def test_a_command_that_installs_without_a_hash_is_reported(self):
        for command in [
            "pip install x==1",
            "python3 -m pip install \\\n  -r requirements.txt",
            "pip download x",
            "npm install",
            "npm i x",
            "npx x",
            "cargo install --locked x",
            "cargo +nightly install x",
            'run(["cargo", "install", "x"])',
            "pipx run x",
            "uv pip install x",
        ]:
            self.assertGreater(self.count("tests/run", command), 0, command)

    def test_a_command_that_installs_with_a_hash_is_not_reported(self):
        for command in [
            "pip install \\\n  --require-hashes -r requirements.txt",
            "npm ci --ignore-scripts",
            "cargo build",
        ]:
            self.assertEqual(self.count("tests/run", command), 0, command)
        self.assertEqual(self.count(installs.INSTALL_CRATE, "cargo install x"), 0)
        self.assertEqual(self.count(installs.INSTALL_CRATE, "pip install x"), 1)

    def test_a_script_that_fetches_anything_but_what_is_permitted_is_reported(self):
        for path in ["a/Makefile", "a/b.sh", "a/b.Dockerfile", "a/b.py", ".github/workflows/ci.yml", ".github/actions/a/action.yml"]:
            for command in ["apt-get install x", "curl -O https://x", "wget x", 'run(["curl", "x"])', "x | \\\n  sudo apt-get install y"]:
                self.assertEqual(self.count(path, command), 1, (path, command))
        self.assertEqual(self.count("a/run", "#!/bin/sh\ncurl x"), 1)
        for path, text in [("README.md", "curl x"), ("a/b.rs", '"curl x"'), ("a/run", "#!/bin/sh\n# curl x\ncurling")]:
            self.assertEqual(self.count(path, text), 0, (path, text))

    def test_what_a_script_is_permitted_to_fetch_is_permitted_there_only_and_must_be_needed(self):
        for path, permitted in installs.PERMITTED.items():
            text = "#!/bin/sh\n" + "\n".join(permitted)
            self.assertEqual(self.count(path, text), 0, path)
            self.assertEqual(self.count(path, f"{text} && curl https://x"), 1, path)
            self.assertEqual(self.count(path, "#!/bin/sh\n" + "\n".join(permitted[1:])), 1, path)
            self.assertEqual(self.count(f"elsewhere/{path}", text), len(permitted), path)

    def test_a_package_without_a_hash_is_reported(self):
        hashed = "# x\na==1 ; python_version > '3' \\\n    --hash=sha256:00\n"
        self.assertEqual(self.count("a/requirements.txt", hashed), 0)
        self.assertEqual(installs.problems({"a/requirements.txt": hashed + "b==1\n"}), ["a/requirements.txt: no hash for b==1"])
        lock = '{"packages": {"": {}, "node_modules/a": {"integrity": "sha512-0"}%s}}'
        self.assertEqual(self.count("a/package-lock.json", lock % ""), 0)
        self.assertEqual(self.count("a/package-lock.json", lock % ', "node_modules/b": {}'), 1)

    def test_an_action_that_is_not_fixed_to_a_commit_is_reported(self):
        for path in [".github/workflows/ci.yml", ".github/actions/a/action.yml"]:
            self.assertEqual(self.count(path, f"    - uses: a/b@{'0' * 40} # v1\n    - uses: ./c"), 0)
            self.assertEqual(self.count(path, "      - uses: a/b@v1"), 1)


class Repository(unittest.TestCase):
    def report_after(self, *texts: str) -> str:
        """What tests/audit/run says in a repository after a commit with each text."""
        with tempfile.TemporaryDirectory() as scratch:
            audit = Path(scratch, "tests", "audit", "run")
            audit.parent.mkdir(parents=True)
            shutil.copy(ROOT / "tests" / "audit" / "run", audit)

            def git(*arguments):
                who = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"]
                subprocess.run(["git", "-C", scratch, *who, *arguments], check=True, capture_output=True)

            git("init")
            for text in texts:
                Path(scratch, "leaked").write_text(text)
                git("add", "--all")
                git("commit", "--message", "x")
            return subprocess.run([audit], capture_output=True, text=True).stderr

    def test_s04_a_secret_that_a_later_commit_removed_is_reported(self):
        self.assertNotIn("a secret in the history", self.report_after("nothing"))
        self.assertIn("a secret in the history", self.report_after("AK" + "IA" + "Q" * 16, ""))

    def test_s04_the_handle_of_an_invitation_is_reported_unless_it_is_a_fake_one(self):
        handle, fakes = "gp_" + "Vb3kXw9pQz7mRt2sLd8fYA", ["gp_" + "0" * 22, "gp_" + "BwcH" * 5 + "Bw"]
        report = self.report_after(f"{fakes[0]} {handle}")
        self.assertIn("the handle of an invitation", report)
        self.assertIn("a secret in the history", report)
        self.assertIn("a secret in the history", self.report_after(f"https://app.example/join#{handle}", ""))
        report = self.report_after(" ".join(fakes))
        self.assertNotIn("handle", report)
        self.assertNotIn("a secret in the history", report)

    CI = (ROOT / ".github" / "workflows" / "ci.yml").read_text()

    def test_s05_ci_runs_the_tests_and_can_only_read_the_repository(self):
        self.assertEqual(rights_and_steps(self.CI), [])
        self.assertEqual(values(self.CI, "run"), ["make test", "make mutants-diff", "make artefacts infra"])

    def test_s05_a_right_a_secret_or_another_step_is_reported(self):
        for old, new in [
            ("permissions: {}", "permissions: write-all"),
            ("permissions: {}", ""),
            ("    permissions: { contents: read }", "    permissions: write-all"),
            ("    permissions: { contents: read }", "    permissions: { contents: read, id-token: write }"),
            ("    permissions: { contents: read }", "    permissions:\n      id-token: write"),
            ("    permissions: { contents: read }", '    "permissions": { id-token: write }'),
            ("pull_request:", "pull_request_target:"),
            ("persist-credentials: false", "persist-credentials: true"),
            ("        with: { persist-credentials: false }", ""),
            ("{ persist-credentials: false }", "{ persist-credentials: false, token: x }"),
            ("{ persist-credentials: false }", "{ persist-credentials: false, ref: x }"),
            ("        with: { persist-credentials: false }", "        with:\n          token: x"),
            ('CARGO_INCREMENTAL: "0"', "TOKEN: ${{ github.token }}"),
            ('CARGO_INCREMENTAL: "0"', "KEY: ${{ secrets.KEY }}"),
            ('CARGO_INCREMENTAL: "0"', "KEY: ${{ toJSON(secrets) }}"),
            ("      - run: make test", f"      - uses: a/b@{'0' * 40}\n      - run: make test"),
        ]:
            self.assertIn(old, self.CI)
            self.assertTrue(rights_and_steps(self.CI.replace(old, new, 1)), new)
        for step in ["      - run: curl x", "      - run: |\n          x", "      - { run: x }", '      - "run": x']:
            twin = self.CI.replace("      - run: make test", f"{step}\n      - run: make test")
            self.assertNotEqual(values(twin, "run"), values(self.CI, "run"), step)

    RELEASE = (ROOT / ".github" / "workflows" / "release.yml").read_text()

    def test_s05_a_release_gives_rights_and_secrets_only_to_the_steps_that_need_them(self):
        self.assertEqual(rights_and_steps_of_release(self.RELEASE), [])

    def test_s05_another_right_or_another_use_of_a_secret_in_a_release_is_reported(self):
        for old, new in [
            ('push: { tags: ["v*"] }', "push:"),
            ("workflow_dispatch:", "workflow_dispatch:\n  pull_request:"),
            ("permissions: {}", ""),
            ("permissions: { contents: read }", "permissions: { contents: write }"),
            ("permissions: { contents: write }", "permissions: write-all"),
            ("permissions: { contents: write }", "permissions: { contents: write, id-token: write }"),
            ("    if: github.ref_type == 'tag'\n", ""),
            ("    environment: release\n", ""),
            ("persist-credentials: false", "persist-credentials: true"),
            ('TARGET: "${{ matrix.target }}"', "TARGET: ${{ secrets.MINISIGN_KEY }}"),
            ('TAG: "${{ github.ref_name }}", PYTHONPATH', "KEY: ${{ secrets.MINISIGN_KEY }}, PYTHONPATH"),
            ('TAG: "${{ github.ref_name }}", PYTHONPATH', "TOKEN: ${{ github.token }}, PYTHONPATH"),
            ("merge-multiple: true", "merge-multiple: true, github-token: ${{ github.token }}"),
            ("infra/sign/release release", "curl x"),
            ("--draft ", ""),
            ("      - run: make crates", f"      - uses: a/b@{'0' * 40}\n      - run: make crates"),
            ("      - name: Add SBOMs", f"      - uses: a/b@{'0' * 40}\n      - name: Add SBOMs"),
        ]:
            self.assertIn(old, self.RELEASE)
            self.assertTrue(rights_and_steps_of_release(self.RELEASE.replace(old, new, 1)), new)


def values(workflow: str, name: str) -> list[str]:
    """The text after each member of this name, also where it is in braces or quotes. What is in a comment does not count."""
    lines = [line.split(" #")[0].rstrip() for line in workflow.splitlines() if not line.lstrip().startswith("#")]
    return [found[1] for line in lines if (found := re.search(rf"""(?<![\w-]){name}["']?\s*:\s*(.*)$""", line))]


def rights_and_steps(workflow: str) -> list[str]:
    """What a workflow of the tests must not have: a right but that to read the repository, a secret, or an action but the
    checkout, which leaves no credentials behind."""
    jobs = values(workflow, "runs-on")
    wrong = [] if re.search(r"(?m)^permissions: \{\}$", workflow) else ["the workflow has rights by default"]
    rights = values(workflow, "permissions")
    wrong += [f"unexpected permissions: {one}" for one in rights if one not in ("{}", "{ contents: read }")]
    wrong += [f"unexpected action: {one}" for one in values(workflow, "uses") if not re.fullmatch(r"actions/checkout@[0-9a-f]{40}", one)]
    inputs = values(workflow, "with")
    permitted = r"\{ persist-credentials: false(, fetch-depth: \d+)? \}"
    wrong += [f"unexpected inputs of an action: {one}" for one in inputs if not re.fullmatch(permitted, one)]
    if len(values(workflow, "uses")) != len(inputs) or len(inputs) != len(jobs):
        wrong.append("each job must have one checkout, with inputs")
    names = ["pull_request_target", "workflow_run", r"\bsecrets\b", r"github\.token", "GITHUB_TOKEN"]
    return wrong + [f"unexpected {name}" for name in names if re.search(name, workflow)]


# What only the last job of a release has: the steps with the key and with the token, and the rest.
OF_LAST_JOB = [
    "    if: github.ref_type == 'tag'\n",
    "    environment: release\n",
    "    permissions: { contents: write }\n",
    r"""      - name: Sign the checksums
        run: |
          (umask 077 && printf '%s\n' "$MINISIGN_KEY" >"$RUNNER_TEMP/key")
          printf '%s\n' "$MINISIGN_PASSWORD" | KEY="$RUNNER_TEMP/key" infra/sign/release release
          rm "$RUNNER_TEMP/key"
        env:
          MINISIGN_KEY: ${{ secrets.MINISIGN_KEY }}
          MINISIGN_PASSWORD: ${{ secrets.MINISIGN_PASSWORD }}
""",
    """      - name: Create a draft of the release
        run: find release -type f -print0 | xargs -0 gh release create "$TAG" --draft --verify-tag --title "$TAG"
        env: { GH_TOKEN: "${{ github.token }}", TAG: "${{ github.ref_name }}" }
""",
]
ARTEFACT_STEP = r"      - uses: actions/(up|down)load-artifact@[0-9a-f]{40} .*\n        with: ((?!token|secrets).)*\n"


def rights_and_steps_of_release(workflow: str) -> list[str]:
    """What the workflow of a release must not have: in its other jobs, what a workflow of the tests must not have, but steps
    that keep artefacts; in its last job, more than the rights and the secrets above."""
    others, _, last = re.sub(ARTEFACT_STEP, "", workflow).partition("\n  release:\n")
    is_started_by_a_tag = '\non:\n  push: { tags: ["v*"] }\n  workflow_dispatch:\n\npermissions' in workflow
    wrong = [] if is_started_by_a_tag else ["the workflow is started by something else than a tag or a maintainer"]
    for text in OF_LAST_JOB:
        wrong += [] if text in last else [f"missing, or changed: {text}"]
        last = last.replace(text, "")
    return wrong + rights_and_steps(others) + rights_and_steps(f"permissions: {{}}\n{last}")


if __name__ == "__main__":
    unittest.main()
