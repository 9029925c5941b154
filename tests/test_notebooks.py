"""The guard of the notebooks: sees what `pytest --nbval` cannot, which only compares a cell with what is stored."""

import ast
import copy
import re
from pathlib import Path

import nbformat
import pytest
import yaml

ROOT = Path(__file__).parents[1]
PATHS = sorted((ROOT / "notebooks").glob("*.ipynb"))
MAX_LINES = 15  # of a code cell
MAX_IGNORED = 0.1  # share of all code cells whose output nbval may ignore
IMAGES = {"image/png", "image/jpeg", "image/svg+xml"}
PICTURE = re.compile(r"<(img|svg|canvas)\b")
METADATA = {"kernelspec", "language_info"}
CELL_METADATA = {"tags", "mystnb", "jupyter"}
ELSEWHERE = re.compile(r"sys\.path|PYTHONPATH|chdir|^\s*[%!]", re.MULTILINE)
PASSING = {  # true only of one run, or of one machine
    "a time": re.compile(r"\b20\d\d-\d\d-\d\d\b|\b\d\d:\d\d:\d\d\b"),
    "an address in memory": re.compile(r"\b0x[0-9a-f]{6,}\b"),
    "a path of a machine": re.compile(r"/(home|Users|tmp|root)/"),
}


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]


def tags(cell):
    return cell.metadata.get("tags", [])


def texts(cell):
    """All that a cell shows in words."""
    for output in cell.outputs:
        yield output.get("text", "")
        yield "\n".join(output.get("traceback", []))
        for kind, data in output.get("data", {}).items():
            if kind.startswith("text/") and not PICTURE.search(data):
                yield data


def shows_something(source):
    """Whether a cell must have outputs: it prints, or it ends in an expression, which Jupyter displays.

    >>> [shows_something(source) for source in ("print(1)", "x = 1; x", "for i in x:\\n    print(i)", "plt.show()")]
    [True, True, True, True]
    >>> [shows_something(source) for source in ("x = 1", "def f():\\n    print(1)", "assert x", "x;", "import os")]
    [False, False, False, False, False]
    """
    body = ast.parse(source).body
    if isinstance(body[-1], ast.Expr) and not source.rstrip().endswith(";"):
        return True
    definitions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
    pending = [node for node in body if not isinstance(node, definitions)]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("print", "display", "plt.show"):
            return True
        pending += [child for child in ast.iter_child_nodes(node) if not isinstance(child, definitions)]
    return False


# --- The checks: each takes a notebook and yields what is wrong with it


def unexecuted(notebook):
    """Cells are run once, from the first to the last."""
    counts = [cell.execution_count for cell in code_cells(notebook)]
    if counts != list(range(1, len(counts) + 1)):
        yield f"execution counts are {counts}: run the notebook from the top, with `make notebooks`"


def missing_outputs(notebook):
    for cell in code_cells(notebook):
        if shows_something(cell.source) and not cell.outputs:
            yield f"no stored output: {cell.source!r}"


def unexpected_errors(notebook):
    for cell in code_cells(notebook):
        failed = any(output.output_type == "error" for output in cell.outputs)
        if failed != ("raises-exception" in tags(cell)):
            yield f"{'an error' if failed else 'no error, but the tag raises-exception'}: {cell.source!r}"


def unlabelled_figures(notebook):
    """A figure has a text for who cannot see it, a caption, and a name to refer to."""
    for cell in code_cells(notebook):
        if any(IMAGES & output.get("data", {}).keys() for output in cell.outputs):
            meta = cell.metadata.get("mystnb", {})
            given = {**meta.get("image", {}), **meta.get("figure", {})}
            missing = [key for key in ("alt", "caption", "name") if not str(given.get(key, "")).strip()]
            if missing:
                yield f"a figure without {' and '.join(missing)}: {cell.source!r}"


def long_cells(notebook):
    for cell in code_cells(notebook):
        lines = len(cell.source.strip().splitlines())
        if lines > MAX_LINES:
            yield f"{lines} lines, but {MAX_LINES} at most: {cell.source!r}"


def unchecked_ignores(notebook):
    """A cell whose output is not compared must check itself."""
    for cell in code_cells(notebook):
        statements = ast.walk(ast.parse(cell.source))
        if "nbval-ignore-output" in tags(cell) and not any(isinstance(node, ast.Assert) for node in statements):
            yield f"output is ignored, but nothing is asserted: {cell.source!r}"


def silent_tags(notebook):
    """Tags that would keep a cell from being run or compared at all."""
    for cell in code_cells(notebook):
        for tag in {"nbval-skip", "skip-execution", "remove-output", "remove-cell"}.intersection(tags(cell)):
            yield f"tag {tag}: {cell.source!r}"


def passing_outputs(notebook):
    for cell in code_cells(notebook):
        for name, pattern in PASSING.items():
            found = pattern.search("\n".join(texts(cell)))
            if found and "nbval-ignore-output" not in tags(cell):
                yield f"{name} ({found.group()}) in the output of {cell.source!r}"


def stray_metadata(notebook):
    """No times, no versions, nothing that an editor keeps for itself."""
    for key in notebook.metadata.keys() - METADATA:
        yield f"metadata {key}: run `make notebooks`"
    if notebook.metadata.get("kernelspec", {}).get("name") != "python3":
        yield "the kernel must be python3"
    for key in notebook.metadata.get("language_info", {}).keys() - {"name"}:
        yield f"metadata language_info.{key}: run `make notebooks`"
    for cell in notebook.cells:
        for key in cell.metadata.keys() - CELL_METADATA:
            yield f"cell metadata {key}: {cell.source!r}"


def missing_title(notebook):
    first = notebook.cells[0]
    titles = [c for c in notebook.cells if c.cell_type == "markdown" and re.match(r"# \S", c.source)]
    if first.cell_type != "markdown" or titles != [first]:
        yield "the first cell, and no other, must start with a title (# ...)"


def reaching_out(notebook):
    """A notebook imports what is installed, and stays where it is."""
    for cell in code_cells(notebook):
        if ELSEWHERE.search(cell.source):
            yield f"changes where Python or the shell look: {cell.source!r}"


CHECKS = (
    unexecuted,
    missing_outputs,
    unexpected_errors,
    unlabelled_figures,
    long_cells,
    unchecked_ignores,
    silent_tags,
    passing_outputs,
    stray_metadata,
    missing_title,
    reaching_out,
)


def share_ignored(notebooks):
    cells = [cell for notebook in notebooks for cell in code_cells(notebook)]
    return sum("nbval-ignore-output" in tags(cell) for cell in cells) / len(cells)


# --- The notebooks of the book


@pytest.fixture(scope="module")
def notebooks():
    return {path.stem: nbformat.read(path, as_version=4) for path in PATHS}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", [path.stem for path in PATHS])
def test_notebook(notebooks, name, check):
    assert list(check(notebooks[name])) == []


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_notebook_is_valid(path):
    nbformat.validate(nbformat.read(path, as_version=nbformat.NO_CONVERT))


def test_few_outputs_are_ignored(notebooks):
    assert share_ignored(notebooks.values()) <= MAX_IGNORED


def test_table_of_contents_lists_the_notebooks():
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    files = [chapter["file"] for part in toc["parts"] for chapter in part["chapters"]]
    listed = [name.removeprefix("notebooks/") for name in files if name.startswith("notebooks/")]
    assert listed == [path.stem for path in PATHS]


def test_figures_have_different_names(notebooks):
    cells = [cell for notebook in notebooks.values() for cell in code_cells(notebook)]
    names = [cell.metadata["mystnb"]["figure"]["name"] for cell in cells if "figure" in cell.metadata.get("mystnb", {})]
    assert len(names) == len(set(names))


# --- The guard itself: each check sees the fault that it is there for


def sound_notebook():
    """Two cells of text, three of code, and nothing wrong."""
    new = nbformat.v4
    figure = new.new_output("execute_result", {"image/png": "", "text/plain": "<Figure>"}, execution_count=2)
    described = {"image": {"alt": "a line"}, "figure": {"caption": "A line.", "name": "fig-line"}}
    cells = [
        new.new_markdown_cell("# Title\n\ntext"),
        new.new_code_cell("print(1)", execution_count=1, outputs=[new.new_output("stream", text="1\n")]),
        new.new_code_cell("plot()", execution_count=2, outputs=[figure], metadata={"mystnb": described}),
        new.new_code_cell("x = 1\nassert x", execution_count=3),
        new.new_markdown_cell("## More"),
    ]
    return new.new_notebook(cells=cells, metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})


FAULTS = {
    "emptied output": (missing_outputs, lambda cells: cells[1].outputs.clear()),
    "emptied figure": (missing_outputs, lambda cells: cells[2].outputs.clear()),
    "null count": (unexecuted, lambda cells: cells[1].update(execution_count=None)),
    "wrong order": (unexecuted, lambda cells: cells[1].update(execution_count=7)),
    "stored error": (unexpected_errors, lambda cells: cells[3].outputs.append(nbformat.v4.new_output("error"))),
    "missing error": (unexpected_errors, lambda cells: cells[3].metadata.update(tags=["raises-exception"])),
    "no alt text": (unlabelled_figures, lambda cells: cells[2].metadata.mystnb.image.pop("alt")),
    "blank caption": (unlabelled_figures, lambda cells: cells[2].metadata.mystnb.figure.update(caption=" ")),
    "no metadata": (unlabelled_figures, lambda cells: cells[2].metadata.clear()),
    "sixteen lines": (long_cells, lambda cells: cells[3].update(source="x = 1\n" * 16)),
    "ignored, unchecked": (unchecked_ignores, lambda cells: cells[1].metadata.update(tags=["nbval-ignore-output"])),
    "skipped": (silent_tags, lambda cells: cells[1].metadata.update(tags=["nbval-skip"])),
    "date": (passing_outputs, lambda cells: cells[1].outputs[0].update(text="2026-01-31")),
    "address": (passing_outputs, lambda cells: cells[1].outputs[0].update(text="<object at 0x7f3c2a10>")),
    "path": (passing_outputs, lambda cells: cells[1].outputs[0].update(text="/tmp/ipykernel_7/1.py:1: Warning")),
    "times": (stray_metadata, lambda cells: cells[1].metadata.update(execution={"iopub.status.busy": "2026"})),
    "second title": (missing_title, lambda cells: cells[4].update(source="# More")),
    "no title": (missing_title, lambda cells: cells[0].update(source="text")),
    "path tinkering": (reaching_out, lambda cells: cells[3].update(source="import sys\nsys.path.append('..')")),
    "shell": (reaching_out, lambda cells: cells[3].update(source="!pip install ntm")),
}


def test_sound_notebook_passes():
    assert [problem for check in CHECKS for problem in check(sound_notebook())] == []


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_is_reported(fault):
    check, spoil = FAULTS[fault]
    notebook = sound_notebook()
    spoil(notebook.cells)
    assert list(check(notebook))


@pytest.mark.parametrize("name", [path.stem for path in PATHS])
def test_emptied_notebook_is_reported(notebooks, name):
    """Also when the execution counts are left in place."""
    emptied = copy.deepcopy(notebooks[name])
    for cell in code_cells(emptied):
        cell.outputs = []
    assert list(missing_outputs(emptied))


def test_too_many_ignored_outputs_are_counted():
    notebook = sound_notebook()
    assert share_ignored([notebook]) == 0
    notebook.cells[3].metadata.tags = ["nbval-ignore-output"]
    assert share_ignored([notebook]) == pytest.approx(1 / 3)
