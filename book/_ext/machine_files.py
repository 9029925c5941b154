"""The trained machines that run in the browser: a script for each, made from course/weights whenever the book is built.

A page that was opened from disk may load scripts, but no other files, so each machine travels as a classic script,
``_static/machines/copy-lstm.js``, fetched only when the reader chooses it. ``_static/machines/index.js`` lists them.

Which machines are offered follows from the manifest: those that answer wrongly at most ``MOST_WRONG`` of the bits that
count, on sequences as in training, and whose file is small enough.
"""

import inspect
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from sphinx.application import Sphinx
from sphinx.util import logging

from course.pretrained import WEIGHTS, available, load, record
from implementation import NTM

MOST_WRONG = 0.05  # share of wrong bits up to which a task counts as solved well
MOST_BYTES = 400_000  # of a machine's file
FIRST_CHARACTER = 0x3400  # 2 ** 15 code points from here on are all plain characters
EXPONENTS = 64  # different ones that the packing has room for
# Keywords of a machine that a recipe may leave as they are. Read here, since autodoc later puts texts for the defaults.
DEFAULTS = {p.name: p.default for p in inspect.signature(NTM).parameters.values() if p.default is not p.empty}

logger = logging.getLogger(__name__)


def pack(weights: np.ndarray) -> tuple[str, list[int]]:
    """Write float32 numbers as text, two characters each, without losing a bit; run.js has the inverse.

    A float32 is a sign, an exponent of 8 bits and a mantissa of 23 bits. The weights of a machine use few exponents, so
    6 bits are enough to say which: that makes 30 bits, 15 a character. In UTF-16 these are four bytes a number, where
    base64 would take more than five.

    Returns:
        The text, and the exponents that its numbers refer to.

    Raises:
        ValueError: a number is infinite or not a number, or there are more than ``EXPONENTS`` exponents.

    >>> text, exponents = pack(np.array([1.0, -2.0], dtype=np.float32))
    >>> len(text), exponents
    (4, [127, 128])
    """
    if not np.isfinite(weights).all():
        raise ValueError("weights must be finite")
    bits = weights.astype("<f4").view("<u4")
    exponents, which = np.unique(bits >> 23 & 0xFF, return_inverse=True)
    if len(exponents) > EXPONENTS:
        raise ValueError(f"weights must have at most {EXPONENTS} different exponents, got {len(exponents)}")
    high = (bits >> 31) << 14 | which.astype(np.uint32) << 8 | bits >> 15 & 0xFF
    halves = np.stack([high, bits & 0x7FFF], axis=1).ravel() + FIRST_CHARACTER
    return halves.astype("<u2").tobytes().decode("utf-16-le"), exponents.tolist()


def config_of(machine: NTM, settings: Mapping[str, Any]) -> dict[str, Any]:
    """All keywords that make the machine, whether its recipe names them or leaves them as they are."""
    sizes = {"input_size": machine.input_size, "output_size": machine.output_size}
    return DEFAULTS | dict(settings["machine"]) | sizes | {"controller": settings["controller"]}


def solved_well(entry: Mapping[str, Any]) -> bool:
    """Whether few enough bits were wrong when the machine was asked what it was trained on.

    >>> solved_well({"scores": [{"sizes": {}, "wrong": 3.0, "asked": 128.0}]})
    True
    """
    trained_on = next(score for score in entry["scores"] if not score["sizes"])
    return trained_on["wrong"] <= MOST_WRONG * trained_on["asked"]


def about(task: str, controller: str, directory: Path = WEIGHTS) -> tuple[dict[str, Any], dict[str, Any]]:
    """A machine as the page lists it, and as its own file holds it besides."""
    entry, machine = record(task, controller, directory), load(task, controller, directory=directory)
    tensors = {name: tensor.numpy() for name, tensor in machine.state_dict().items()}
    text, exponents = pack(np.concatenate([values.ravel() for values in tensors.values()]))
    scores = [{key: score[key] for key in ("sizes", "N", "sequences", "asked", "wrong")} for score in entry["scores"]]
    listed = {
        "task": task,
        "controller": controller,
        "settings": entry["settings"]["task"],
        "config": config_of(machine, entry["settings"]),
        "weights": sum(values.size for values in tensors.values()),
        "scores": scores,
    }
    shapes = {name: values.shape for name, values in tensors.items()}
    return listed, listed | {"shapes": shapes, "exponents": exponents, "text": text}


def offered(directory: Path = WEIGHTS) -> Iterator[tuple[str, dict[str, Any], bytes]]:
    """Name, entry in the list, and file of each machine that the page offers."""
    for task, controller in available(directory):
        if controller == "baseline" or not solved_well(record(task, controller, directory)):
            continue
        name = f"{task}-{controller}"
        listed, whole = about(task, controller, directory)
        script = f'ntm.machines["{name}"] = {json.dumps(whole, ensure_ascii=False)};\n'
        content = b"\xff\xfe" + script.encode("utf-16-le")  # the mark tells browsers that it is UTF-16
        if len(content) <= MOST_BYTES:
            yield name, listed, content
        else:
            logger.info("%s is too large to run in the browser: %d bytes", name, len(content))


def write_machines(app: Sphinx, exception: Exception | None) -> None:
    if exception is not None or app.builder.name != "html":
        return
    folder = Path(app.outdir, "_static", "machines")
    folder.mkdir(parents=True, exist_ok=True)
    listing = {}
    for name, listed, content in offered():
        listing[name] = listed
        (folder / f"{name}.js").write_bytes(content)
    script = f"ntm.offered = {json.dumps(listing)};\nntm.machines = {{}};\n"
    (folder / "index.js").write_text(script, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("build-finished", write_machines)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
