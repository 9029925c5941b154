"""Serve MathJax from the book itself, so that equations need no network: one file of a pinned package is copied in."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.util.fileutil import copy_asset

MATHJAX = "tex-svg-full.js"  # all of TeX, drawn as SVG: a single file, no fonts to fetch


def copy_mathjax(app: Sphinx, exception: Exception | None) -> None:
    if exception is None and app.builder.format == "html":
        package = Path(find_spec("sphinx-mathjax-offline").origin).parent
        copy_asset(str(package / "static" / "mathjax" / MATHJAX), str(Path(app.outdir, "_static", "mathjax")))


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("build-finished", copy_mathjax)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
