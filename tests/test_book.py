"""The book and the repository around it: what the pages say of the code is so."""

import ast
import importlib
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import distributions
from pathlib import Path

import pytest
import yaml
from oracles import ntm as oracle
from packaging.specifiers import SpecifierSet

import implementation

ROOT = Path(__file__).parents[1]
BOOK = ROOT / "book"
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
ROW = re.compile(
    r"^\| \{eq\}`eq-(?P<equation>\d)` "
    r"\| \{py:(func|mod)\}`~?(?P<function>[\w.]+)` "
    r"\| \[[^]]+\]\(\.\./notebooks/(?P<notebook>[\w-]+)\.ipynb\) "
    r"\| `(?P<test>\w+)` \|$",
    re.MULTILINE,
)


def text(*path):
    return ROOT.joinpath(*path).read_text(encoding="utf-8")


def sources(notebook, kind):
    cells = json.loads(text("notebooks", notebook + ".ipynb"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == kind]


# --- The table on the API page: equation -> function -> notebook -> test

TABLE = [row.groupdict() for row in ROW.finditer(text("book", "api.md"))]


def equations_named(docstring):
    """The equations that a docstring names: "eq 3", "eqs 5, 6", "eqs 5 to 9".

    >>> sorted(equations_named("a softmax (eq 5); see eqs 2, 3 and eqs 7 to 9"))
    [2, 3, 5, 7, 8, 9]
    """
    named = set()
    for numbers, last in re.findall(r"\beqs? (\d(?:, \d)*)(?: to (\d))?", docstring):
        listed = [int(number) for number in numbers.split(", ")]
        named |= set(listed) | set(range(listed[-1], int(last or listed[-1]) + 1))
    return named


def imported_names(notebook):
    """What a notebook imports from implementation.py, by name."""
    trees = [ast.parse(source) for source in sources(notebook, "code")]
    imports = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return {name.name for node in imports if node.module == "implementation" for name in node.names}


def test_table_has_a_row_for_every_equation():
    assert [int(row["equation"]) for row in TABLE] == list(range(1, 10))
    rows = [line for line in text("book", "api.md").splitlines() if line.startswith("| {eq}")]
    assert len(rows) == len(TABLE), "a row that this test cannot read is not checked"


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"equation {row['equation']}")
def test_row_is_true(row):
    module, _, function = row["function"].partition(".")
    assert module == "implementation"
    holder = getattr(implementation, function) if function else implementation
    assert int(row["equation"]) in equations_named(holder.__doc__)

    labels = re.findall(r"^\$\$ \(eq-(\d)\)$", "\n".join(sources(row["notebook"], "markdown")), re.MULTILINE)
    assert row["equation"] in labels
    if function:
        assert function in imported_names(row["notebook"])
        assert function in oracle.SIGNATURES, "the oracle does not know this function"

    tests = {node.name for node in ast.parse(text("tests", "test_equations.py")).body if hasattr(node, "name")}
    assert {row["test"], "test_equation_equals_the_oracle", "test_gradients_equal_finite_differences"} <= tests


# --- Pages


def test_every_equation_of_the_paper_is_shown_once():
    pages = [source for path in NOTEBOOKS for source in sources(path.stem, "markdown")]
    pages += [path.read_text(encoding="utf-8") for path in BOOK.glob("*.md")]
    labels = re.findall(r"^\$\$ \(eq-(\d+)\)$", "\n".join(pages), re.MULTILINE)
    assert sorted(map(int, labels)) == list(range(1, 11))


def test_map_links_every_chapter_and_no_other():
    linked = re.findall(r"^:link: \.\./notebooks/([\w-]+)$", text("book", "intro.md"), re.MULTILINE)
    assert linked == [path.stem for path in NOTEBOOKS]


def test_names_on_the_notation_page_are_names_in_the_code():
    cells = re.findall(r"^\| \$.*?\$[^|]*\| `([^`]+)`", text("book", "notation.md"), re.MULTILINE)
    assert len(cells) > 20
    words = set(re.findall(r"\w+", text("implementation.py")))
    assert {cell.partition("[")[0] for cell in cells} <= words


def test_notation_page_lists_every_parameter_of_a_head_and_of_the_equations():
    listed = set(re.findall(r"`(\w+)`", text("book", "notation.md")))
    arguments = {name for signature in map(oracle.arguments, oracle.SIGNATURES) for name in signature}
    plural = {"weightings", "erase_vectors", "add_vectors"}  # of write_heads
    assert arguments - plural <= listed


def test_every_entry_of_the_bibliography_is_cited_on_its_page():
    entries = set(re.findall(r"^@\w+\{(\w+),", text("book", "references.bib"), re.MULTILINE))
    cited = set(re.findall(r"\{cite:[pt]\}`(\w+)`", text("book", "bibliography.md")))
    assert entries == cited


def test_glossary_is_in_order():
    """Alphabetical, by the first name of each entry, so that a reader of the source finds it too."""
    entries = re.findall(r"(?:\n\n|\{glossary\}\n)(\w[^\n]*)\n", text("book", "glossary.md").partition("```")[2])
    assert len(entries) > 30
    assert entries == sorted(entries, key=lambda entry: re.sub(r"\W", " ", entry).lower())


def test_pages_name_no_machine_and_load_nothing_from_elsewhere():
    for path in [*BOOK.glob("*.md"), ROOT / "_config.yml", *BOOK.glob("_static/*.css"), *BOOK.glob("_static/*.svg")]:
        source = path.read_text(encoding="utf-8").replace('xmlns="http://www.w3.org/2000/svg"', "")
        assert not re.search(r"https?://|/home/|/root/|/tmp/", source), path.name


def test_pictures_of_pages_without_code_are_those_of_their_chapters(monkeypatch):
    monkeypatch.syspath_prepend(str(BOOK))
    picture = importlib.import_module("picture")
    assert {path.name for path in (BOOK / "_static").glob("*.png")} == picture.PICTURES.keys()
    for file, (chapter, name) in picture.PICTURES.items():
        assert (BOOK / "_static" / file).read_bytes() == picture.figure(chapter, name), f"{file}: run `make notebooks`"


# --- Equation numbers


@pytest.fixture
def paper_equations(monkeypatch):
    monkeypatch.syspath_prepend(str(BOOK / "_ext"))
    return importlib.import_module("paper_equations")


@pytest.mark.parametrize("number", range(1, 11))
def test_number_of_an_equation_is_the_papers(paper_equations, number):
    assert paper_equations.equation_tag(f"eq-{number}") == str(number)


def test_equation_of_our_own_has_a_name(paper_equations):
    assert paper_equations.equation_tag("eq-loss-in-bits") == "loss in bits"


@pytest.mark.parametrize("label", ["eq-0", "eq-11", "eq-05", "eq-", "eq-5a", "eq-A", "loss", "5", "eq_5", "eq-a--b"])
def test_label_that_could_be_confused_is_refused(paper_equations, label):
    assert paper_equations.equation_tag(label) is None


PAGES = {
    "index": "# First\n\nSee {eq}`eq-5` and {eq}`eq-cost`.\n\n```{toctree}\nother\n```\n\n$$a$$ (eq-9)\n",
    "other": "# Second\n\n$$b$$ (eq-5)\n\n$$c$$ (eq-cost)\n",
}


def build(folder, pages):
    """Build MyST pages as the book is built, and return what Sphinx complains about."""
    for name, page in pages.items():
        (folder / f"{name}.md").write_text(page, encoding="utf-8")
    (folder / "conf.py").write_text(
        f"import sys\nsys.path.insert(0, {str(BOOK / '_ext')!r})\n"
        "extensions = ['myst_parser', 'paper_equations']\n"
        "myst_enable_extensions = ['dollarmath']\nnumfig = True\nmath_numfig = False\n"
    )
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "-n", "--keep-going", "-b", "html", folder, folder / "out"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stderr


def test_numbers_and_references_agree_across_pages(tmp_path):
    assert build(tmp_path, PAGES) == ""
    index = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    other = (tmp_path / "out" / "other.html").read_text(encoding="utf-8")
    assert 'href="other.html#equation-eq-5">(5)<' in index
    assert 'href="other.html#equation-eq-cost">(cost)<' in index
    assert '<span class="eqno">(9)<' in index
    assert re.findall(r'<span class="eqno">\((\w+)\)<', other) == ["5", "cost"]


@pytest.mark.parametrize(
    ("page", "complaint"),
    [
        ("$$d$$ (eq-11)", "equation label 'eq-11'"),
        ("$$d$$ (eq-5)", "duplicate label of equation eq-5"),
        ("{eq}`eq-7`", "equation not found: eq-7"),
    ],
)
def test_wrong_label_fails_the_build(tmp_path, page, complaint):
    assert complaint in build(tmp_path, {**PAGES, "other": f"{PAGES['other']}\n{page}\n"})


# --- The repository


def test_versions_agree():
    version = tomllib.loads(text("pyproject.toml"))["project"]["version"]
    assert yaml.safe_load(text("CITATION.cff"))["version"] == version
    assert re.search(r"^## (\S+)", text("CHANGELOG.md"), re.MULTILINE).group(1) == version


def test_constraints_pin_what_the_project_needs():
    pins = dict(re.findall(r"^([\w.-]+)==(\S+)$", text("constraints.txt"), re.MULTILINE))
    pinned = {re.sub(r"[-_.]+", "-", name).lower() for name in pins}
    project = tomllib.loads(text("pyproject.toml"))["project"]
    wanted = project["dependencies"] + sum(project["optional-dependencies"].values(), [])
    names = {re.match(r"[\w-]+", requirement).group().lower() for requirement in wanted}
    assert names - {project["name"]} <= pinned
    assert not any("+" in version for version in pins.values()), "local versions exist on one machine only"


def test_pinned_versions_run_on_every_python_that_is_supported():
    """From 3.11.0 to 3.14; 3.10 is refused for a reason."""
    pins = re.findall(r"^([\w.-]+)==", text("constraints.txt"), re.MULTILINE)
    here = {re.sub(r"[-_.]+", "-", d.name).lower(): d for d in distributions()}
    needs = {pin: here[re.sub(r"[-_.]+", "-", pin).lower()].metadata["Requires-Python"] or "" for pin in pins}
    for python in ("3.11.0", "3.12.0", "3.13.0", "3.14.0"):
        assert [pin for pin, need in needs.items() if python not in SpecifierSet(need)] == []
    assert {pin for pin, need in needs.items() if "3.10.20" not in SpecifierSet(need)} >= {"numpy", "matplotlib"}
    assert tomllib.loads(text("pyproject.toml"))["project"]["requires-python"] == ">=3.11"


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_lead_somewhere(page):
    targets = re.findall(r"\]\(([^)\s]+)\)", text(page))
    assert [target for target in targets if "://" not in target and not (ROOT / target).exists()] == []


def test_readme_names_only_commands_that_exist():
    targets = set(re.findall(r"^(\w+):.*## ", text("Makefile"), re.MULTILINE))
    pages = text("README.md") + text("CONTRIBUTING.md") + text("book", "intro.md")
    commands = re.findall(r"^make (\w+)|`make (\w+)", pages, re.MULTILINE)
    assert {a or b for a, b in commands} <= targets


needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")


def make(*arguments):
    """Run make as a reader would, also when these tests are themselves run by make."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(["make", *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@needs_make
@pytest.mark.parametrize("target", ["help", "book", "test", "notebooks"])
def test_make_knows_its_commands(target):
    """A dry run: what make would do, without doing it."""
    result = make("-n", target)
    assert result.returncode == 0, result.stderr


@needs_make
def test_unsupported_python_is_told_so(tmp_path):
    old = tmp_path / "python3.8"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.8.1 && exit\nexit 1\n')
    old.chmod(0o755)
    result = make("book", f"PYTHON={old}", f"VENV={tmp_path / 'venv'}")
    assert result.returncode != 0
    assert "Python 3.8.1" in result.stderr
    assert "Python 3.11, 3.12, 3.13 or 3.14 is needed" in result.stderr
