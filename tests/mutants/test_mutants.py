"""Tests of the choice of mutants: python3 -m unittest discover tests/mutants"""

import subprocess
import tempfile
import unittest
from pathlib import Path

import change
from cargo_mutants import CargoMutants
from sample import sample, unneeded_exceptions, without_exceptions


def mutant(line: int, description: str, file: str = "src/lib.rs") -> dict:
    return {"file": file, "name": f"{file}:{line}:5: {description}"}


MUTANTS = [mutant(number, f"replace f{number} with ()") for number in range(200)]


def names(mutants: list[dict]) -> list[str]:
    return [each["name"] for each in mutants]


class Sample(unittest.TestCase):
    def test_the_same_seed_gives_the_same_mutants_and_another_seed_gives_others(self):
        self.assertEqual(sample(MUTANTS, 40, "1"), sample(MUTANTS, 40, "1"))
        self.assertNotEqual(sample(MUTANTS, 40, "1"), sample(MUTANTS, 40, "2"))
        self.assertEqual(len(sample(MUTANTS, 40, "1")), 40)

    def test_of_a_small_change_every_mutant_is_chosen(self):
        self.assertEqual(sample(MUTANTS[:30], 40, "1"), MUTANTS[:30])

    def test_a_larger_change_takes_no_other_mutants_of_a_smaller_one(self):
        small = MUTANTS[:80]
        of_large = [each for each in sample(MUTANTS, 40, "1") if each in small]
        self.assertTrue(of_large)
        self.assertLessEqual(set(names(of_large)), set(names(sample(small, 40, "1"))))

    def test_lines_inserted_above_do_not_change_the_sample(self):
        moved = [mutant(number + 7, f"replace f{number} with ()") for number in range(200)]
        places = [MUTANTS.index(each) for each in sample(MUTANTS, 40, "1")]
        self.assertEqual(places, [moved.index(each) for each in sample(moved, 40, "1")])


class Exceptions(unittest.TestCase):
    def test_an_exception_excludes_every_kind_of_mutant(self):
        field = mutant(1, "delete field a from struct B expression in c")
        self.assertEqual(without_exceptions([field, MUTANTS[3]], ["field a from"]), [MUTANTS[3]])

    def test_an_exception_that_matches_nothing_is_reported(self):
        self.assertEqual(unneeded_exceptions(MUTANTS, [r"f3 with", r"gone"]), ["gone"])


class Change(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.upstream, self.clone = Path(scratch.name) / "upstream", Path(scratch.name) / "clone"
        subprocess.run(["git", "init", "-q", "-b", "main", self.upstream], check=True)
        history = "".join(
            f"commit refs/heads/main\ncommitter a <a@example.com> {number} +0000\ndata 1\nx\n"
            f"M 644 inline a{number}.rs\ndata 3\n//\n\n"
            for number in range(90)
        )
        subprocess.run(["git", "fast-import", "--quiet"], cwd=self.upstream, input=history, text=True, check=True)
        subprocess.run(["git", "reset", "-q", "--hard"], cwd=self.upstream, check=True)
        subprocess.run(["git", "clone", "-q", self.upstream, self.clone], check=True)

    def commit(self, where: Path, file: str) -> None:
        (where / file).write_text(f"// {file}\n", encoding="utf-8")
        for command in (
            ["add", "."],
            ["-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-qm", file],
        ):
            subprocess.run(["git", *command], cwd=where, check=True)

    def changed(self, base: str | None = None) -> set[str]:
        _, diff = change.diff(self.clone, base)
        return {line[6:] for line in diff.decode().splitlines() if line.startswith("+++ b/")}

    def test_a_branch_is_compared_with_its_upstream(self):
        self.commit(self.clone, "b.rs")
        self.commit(self.upstream, "c.rs")
        subprocess.run(["git", "fetch", "-q"], cwd=self.clone, check=True)
        self.assertEqual(self.changed(), {"b.rs"})

    def test_uncommitted_files_belong_to_the_change_and_stay_out_of_the_index(self):
        (self.clone / "a3.rs").write_text("// changed\n", encoding="utf-8")
        (self.clone / "new.rs").write_text("// new\n", encoding="utf-8")
        (self.clone / "notes.txt").write_text("no code\n", encoding="utf-8")
        self.assertEqual(self.changed(), {"a3.rs", "new.rs"})
        status = subprocess.check_output(["git", "status", "--short"], cwd=self.clone, text=True)
        self.assertIn("?? new.rs", status)

    def test_a_fresh_clone_is_compared_with_its_80th_ancestor(self):
        self.assertEqual(self.changed(), {f"a{number}.rs" for number in range(10, 90)})

    def test_a_given_base_is_used_and_an_unknown_one_is_reported(self):
        self.assertEqual(self.changed("HEAD~2"), {"a88.rs", "a89.rs"})
        with self.assertRaisesRegex(change.UnknownBase, "`nowhere`"):
            self.changed("nowhere")

    def test_a_history_of_less_than_80_commits_is_compared_with_its_first_commit(self):
        subprocess.run(["git", "reset", "-q", "--hard", "HEAD~87"], cwd=self.clone, check=True)
        subprocess.run(["git", "branch", "-q", "--unset-upstream"], cwd=self.clone, check=True)
        self.assertEqual(self.changed(), {"a1.rs", "a2.rs"})


class Copy(unittest.TestCase):
    def test_a_crate_that_was_renamed_leaves_no_directory_in_the_copy(self):
        with tempfile.TemporaryDirectory() as scratch:
            root, kept = Path(scratch) / "root", Path(scratch) / "kept"
            subprocess.run(["git", "init", "-q", root], check=True)
            tool = CargoMutants(root, kept)
            for crate in ("old", "new"):
                (root / "shared" / crate / "src").mkdir(parents=True)
                (root / "shared" / crate / "src" / "lib.rs").write_text("//", encoding="utf-8")
                tool.copy_tree()
                (root / "shared" / crate / "src" / "lib.rs").unlink()
            self.assertEqual([path.name for path in (kept / "tree" / "shared").iterdir()], ["new"])


if __name__ == "__main__":
    unittest.main()
