"""What the project says of itself: the packages that it needs, their oldest versions, and what `make` runs when."""

import ast
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
RUNTIME = [Requirement(line) for line in PROJECT["project"]["dependencies"]]
TOOLS = [Requirement(line) for line in PROJECT["project"]["optional-dependencies"]["dev"]]
COURSE = [ROOT / "implementation.py", *sorted((ROOT / "course").rglob("*.py"))]
AROUND = [path for folder in ("tests", "book") for path in sorted((ROOT / folder).rglob("*.py"))]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def plain(name):
    """A package's name, as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


# --- What is imported is declared


def code(path):
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return text
    return "\n\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"] if cell["cell_type"] == "code")


def imported(source):
    """The packages that a source imports, without Python's own and without its neighbours (from . import x).

    >>> sorted(imported("import torch.nn, json; from numpy import array; from .x import y\\ndef f(): import PIL.Image"))
    ['PIL', 'numpy', 'torch']
    """
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add(node.module)
    return {name.partition(".")[0] for name in names} - sys.stdlib_module_names


def undeclared(paths, requirements):
    """What is imported, and neither declared nor a file of the project's own."""
    own = {"implementation", "course"} | {path.stem for path in AROUND} | {path.parent.name for path in AROUND}
    names = set().union(*(imported(code(path)) for path in paths)) - own
    known, declared = packages_distributions(), {plain(requirement.name) for requirement in requirements}
    return {name for name in names if not declared.intersection(map(plain, known.get(name, [])))}


def test_course_and_notebooks_import_what_is_declared():
    assert undeclared([*COURSE, *NOTEBOOKS], RUNTIME) == set()


def test_tests_and_book_import_what_is_declared():
    assert undeclared(AROUND, RUNTIME + TOOLS) == set()


def test_an_import_that_is_not_declared_is_found():
    assert undeclared(COURSE, [need for need in RUNTIME if need.name != "pillow"]) == {"PIL"}
    assert undeclared(NOTEBOOKS, []) >= {"torch"}


def test_every_package_of_the_course_is_installed():
    packages = {".".join(path.parent.relative_to(ROOT).parts) for path in COURSE[1:]}
    assert packages == set(PROJECT["tool"]["setuptools"]["packages"])


# --- Versions: the exact ones, and the oldest


def pins(name):
    lines = re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE)
    return dict(lines)


def test_the_oldest_versions_are_those_that_are_declared():
    """`>=2.6` is tried with 2.6.0. What else is held back there, some old version needs."""
    oldest = pins("constraints-oldest.txt")
    declared = {need.name: {Version(bound.version) for bound in need.specifier} for need in RUNTIME}
    assert {name: {Version(oldest[name])} for name in declared} == declared
    assert all(len(need.specifier) == 1 and str(need.specifier).startswith(">=") for need in RUNTIME)


def test_the_oldest_versions_take_the_place_of_the_exact_ones():
    """`make oldest` puts one for the other by name, and so both lists must spell it in the same way."""
    exact, oldest = pins("constraints.txt"), pins("constraints-oldest.txt")
    assert {need.name for need in RUNTIME} <= exact.keys()
    assert {plain(name) for name in oldest} & {plain(name) for name in exact} <= oldest.keys() & exact.keys()


# --- What make runs when: a copy of the project with programs that do nothing but say that they were called

needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
PROGRAM = """#!/bin/sh
echo "$(basename "$0") $*" >>called
for last; do :; done
case "$*" in *--nbval*) if test -e save-meanwhile; then rm save-meanwhile; touch "$last"; fi; test ! -e broken;; esac
"""


class Copy:
    """The Makefile with two chapters, in a folder of its own."""

    def __init__(self, folder):
        self.folder = folder
        shutil.copy(ROOT / "Makefile", folder)
        files = ["implementation.py", "course/training.py", "book/intro.md", "_config.yml", "_toc.yml"]
        files += ["pyproject.toml", "constraints.txt", "notebooks/01-a.ipynb", "notebooks/02-b.ipynb"]
        for name in [*files, "venv/bin/python", "venv/bin/jupyter-book", "venv/.stamp-ready"]:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(PROGRAM if "bin" in name else "")
            path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def age(self):
        """Let time go by: whatever is there becomes older, in the same order."""
        for path in self.folder.rglob("*"):
            then = path.stat().st_mtime_ns - 60 * 10**9
            os.utime(path, ns=(then, then))

    def make(self, *arguments):
        """Run make a minute later, and return which notebooks it ran and how often it built the site, or None."""
        self.age()
        called = self.folder / "called"
        called.write_text("")
        clean = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "SYSTEMROOT")}
        command = ["make", "VENV=venv", *arguments]
        result = subprocess.run(command, cwd=self.folder, env=clean, capture_output=True, text=True, check=False)
        self.said = result.stdout + result.stderr
        runs = [line.split() for line in called.read_text().splitlines()]
        notebooks = [re.findall(r"notebooks/(\S+)\.ipynb", " ".join(run)) for run in runs if "--nbval" in run]
        assert len(notebooks) <= 1, "the workers share one list"
        built = sum(run[0] == "jupyter-book" for run in runs)
        return (sum(notebooks, []), built) if result.returncode == 0 else None

    def touch(self, name):
        self.age()
        (self.folder / name).touch()


@pytest.fixture
def project(tmp_path):
    """A copy in which the book was made, and is up to date."""
    copy = Copy(tmp_path)
    assert copy.make("book") == (["01-a", "02-b"], 1), copy.said
    assert copy.make("book") == ([], 0), copy.said
    return copy


@needs_make
@pytest.mark.parametrize(
    ("changed", "notebooks"),
    [
        ("notebooks/01-a.ipynb", ["01-a"]),
        ("notebooks/02-b.ipynb", ["02-b"]),
        ("implementation.py", ["01-a", "02-b"]),
        ("course/training.py", ["01-a", "02-b"]),
        ("venv/.stamp-ready", ["01-a", "02-b"]),
        ("book/intro.md", []),
        ("_toc.yml", []),
    ],
)
def test_book_runs_the_notebooks_that_something_changed_for(project, changed, notebooks):
    project.touch(changed)
    assert project.make("book") == (notebooks, 1), project.said
    assert project.make("book") == ([], 0), project.said


@needs_make
def test_a_dry_run_says_the_same_and_changes_nothing(project):
    project.touch("notebooks/02-b.ipynb")
    assert project.make("-n", "book") == ([], 0)
    assert re.findall(r"--nbval .*", project.said)[0].split()[-1] == "notebooks/02-b.ipynb"
    assert project.make("book") == (["02-b"], 1)


@needs_make
def test_a_notebook_that_failed_is_run_again(project):
    project.touch("notebooks/01-a.ipynb")
    (project.folder / "broken").touch()
    assert project.make("book") is None
    assert project.make("book") is None
    (project.folder / "broken").unlink()
    assert project.make("book") == (["01-a"], 1), project.said


@needs_make
def test_a_notebook_that_is_saved_while_it_is_run_is_run_again(project):
    project.touch("notebooks/01-a.ipynb")
    (project.folder / "save-meanwhile").touch()
    assert project.make("book") == (["01-a"], 1), project.said
    assert project.make("book") == (["01-a"], 1), project.said
    assert project.make("book") == ([], 0)


@needs_make
def test_verify_runs_all_notebooks_or_those_that_are_named(project):
    assert project.make("verify") == (["01-a", "02-b"], 0), project.said
    assert project.make("verify", "NOTEBOOKS=notebooks/02-b.ipynb") == (["02-b"], 0), project.said


@needs_make
def test_what_was_verified_by_hand_is_not_run_again(project):
    project.touch("implementation.py")
    assert project.make("verify", "NOTEBOOKS=notebooks/02-b.ipynb") == (["02-b"], 0), project.said
    assert project.make("book") == (["01-a"], 1), project.said


# --- What is run elsewhere


def test_a_commit_is_checked_with_the_programs_that_make_installs():
    """Nothing else is fetched, and none of them is unknown here."""
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    hooks = repository["hooks"]
    assert repository["repo"] == "local" and {hook["language"] for hook in hooks} == {"system", "pygrep"}
    tools = {plain(need.name) for need in TOOLS}
    programs = {hook["entry"].split()[0] for hook in hooks if hook["language"] == "system"}
    assert programs and {program.removeprefix(".venv/bin/") for program in programs} <= tools


def test_workflows_run_commands_of_the_makefile_and_may_do_little():
    targets = set(re.findall(r"^(\w+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    flows = {path.stem: yaml.safe_load(path.read_text()) for path in (ROOT / ".github" / "workflows").glob("*.yml")}
    commands = {
        step["run"]
        for flow in flows.values()
        for job in flow["jobs"].values()
        for step in job["steps"]
        if "run" in step
    }
    assert {".ci/run"} < commands <= {".ci/run"} | {f"make {target}" for target in targets}
    assert all(flow["permissions"] == {"contents": "read"} for flow in flows.values())
    more = {
        name: job["permissions"]
        for flow in flows.values()
        for name, job in flow["jobs"].items()
        if "permissions" in job
    }
    assert more == {"publish": {"pages": "write", "id-token": "write"}}
    publish = flows["ci"]["jobs"]["publish"]
    assert set(publish["needs"]) == flows["ci"]["jobs"].keys() - {"publish"}
    assert {"vars.PUBLISH_PAGES == 'true'", "github.ref == 'refs/heads/main'"} <= set(publish["if"].split(" && "))
