"""Take pictures out of the chapters that computed them, for pages that have no code. `make notebooks` runs this."""

import base64
from pathlib import Path

import nbformat

ROOT = Path(__file__).parents[1]
PICTURES = {  # file in book/_static: the chapter, and the name of its figure
    "copy-heads.png": ("09-copy", "fig-copy-run"),
    "address-stages.png": ("07-the-machine", "fig-pipeline"),
}


def figure(chapter: str, name: str) -> bytes:
    """The PNG of the cell whose figure has this name."""
    for cell in nbformat.read(ROOT / "notebooks" / f"{chapter}.ipynb", as_version=4).cells:
        if cell.metadata.get("mystnb", {}).get("figure", {}).get("name") == name:
            return base64.b64decode(next(o.data["image/png"] for o in cell.outputs if "image/png" in o.get("data", {})))
    raise ValueError(f"{chapter} has no figure named {name}")


if __name__ == "__main__":
    for file, (chapter, name) in PICTURES.items():
        (ROOT / "book" / "_static" / file).write_bytes(figure(chapter, name))
