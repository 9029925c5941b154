"""Take the README's picture out of the copy chapter, where it was computed. `make notebooks` runs this."""

import base64
from pathlib import Path

import nbformat

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "book" / "_static" / "copy-heads.png"


def figure(notebook: Path, name: str) -> bytes:
    """The PNG of the cell whose figure has this name."""
    for cell in nbformat.read(notebook, as_version=4).cells:
        if cell.metadata.get("mystnb", {}).get("figure", {}).get("name") == name:
            return base64.b64decode(next(o.data["image/png"] for o in cell.outputs if "image/png" in o.get("data", {})))
    raise ValueError(f"{notebook.name} has no figure named {name}")


if __name__ == "__main__":
    PICTURE.write_bytes(figure(ROOT / "notebooks" / "09-copy.ipynb", "fig-copy-run"))
