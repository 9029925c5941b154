"""The trained machines that run in the browser: a script for each, made from course/weights whenever the book is built.

A page that was opened from disk may load scripts, but no other files, so each machine travels as a classic script,
``_static/machines/copy-ntm-lstm.js``, fetched only when the reader chooses it. ``index.js`` beside them lists all.

The page offers a machine if it can show it (``tasks.js`` has its task, ``machine_signals.py`` its signals), if at most
``MOST_WRONG`` of the bits that count are wrong on sequences as in training, and if its file is small enough. The log of
the build says why others are left out.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from machine_signals import signals
from sphinx.application import Sphinx

from course.machines import MACHINES
from course.pretrained import SHIPPED, available, load, record

MOST_WRONG = 0.05  # share of wrong bits up to which a task counts as solved well
MOST_BYTES = 400_000  # of a machine's file
FIRST_CHARACTER = 0x3400  # 2 ** 15 code points from here on are all plain characters
EXPONENTS = 64  # different ones that the packing has room for
TASKS_SCRIPT = Path(__file__).parents[1] / "_static" / "tasks.js"


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


def solved_well(entry: Mapping[str, Any]) -> bool:
    """Whether few enough bits were wrong when the machine was asked what it was trained on.

    >>> solved_well({"scores": [{"sizes": {}, "wrong": 3.0, "asked": 128.0}]})
    True
    """
    trained_on = next(score for score in entry["scores"] if not score["sizes"])
    return trained_on["wrong"] <= MOST_WRONG * trained_on["asked"]


def tasks_of_the_page() -> list[str]:
    """The tasks that the page can ask, by their names in ``course.tasks``.

    >>> "copy" in tasks_of_the_page()
    True
    """
    return re.findall(r'^ *ntm\.tasks\["(.+?)"\] = ', TASKS_SCRIPT.read_text(encoding="utf-8"), re.MULTILINE)


def about(task: str, name: str, directory: Path = SHIPPED) -> tuple[dict[str, Any], dict[str, Any]]:
    """A machine as the page lists it, and as its own file holds it besides. name: of the machine for this task."""
    entry, machine = record(task, name, directory), load(task, name, directory=directory)
    tensors = {key: tensor.numpy() for key, tensor in machine.state_dict().items()}
    text, exponents = pack(np.concatenate([values.ravel() for values in tensors.values()]))
    scores = [{key: score[key] for key in ("sizes", "N", "sequences", "asked", "wrong")} for score in entry["scores"]]
    listed = {
        "name": f"{task}-{name}",
        "task": task,
        "machine": name,
        "title": MACHINES[name].title,
        "kind": type(machine).__name__,
        "settings": entry["settings"]["task"],
        "config": machine.config,
        "resizable": machine.resizable,
        "weights": sum(values.size for values in tensors.values()),
        "scores": scores,
    }
    shapes = {key: values.shape for key, values in tensors.items()}
    shown = [asdict(signal) | {"title": signal.title} for signal in signals(machine)]
    return listed, listed | {"signals": shown, "shapes": shapes, "exponents": exponents, "text": text}


def why_not(task: str, name: str, directory: Path) -> str | None:
    """Why the page cannot offer a machine, or None."""
    if task not in tasks_of_the_page():
        return f"{TASKS_SCRIPT.name} does not have its task"
    if not signals(load(task, name, directory=directory)):
        return "it has no signals to show"
    if not solved_well(record(task, name, directory)):
        return "it has not solved its task well enough"
    return None


def offered(directory: Path = SHIPPED) -> Iterator[tuple[dict[str, Any], bytes]]:
    """Entry in the list, and file, of each machine that the page offers."""
    for task, name in available(directory):
        reason = why_not(task, name, directory)
        if reason is None:
            listed, whole = about(task, name, directory)
            script = f'ntm.machines["{task}-{name}"] = {json.dumps(whole, ensure_ascii=False)};\n'
            content = b"\xff\xfe" + script.encode("utf-16-le")  # the mark tells browsers that it is UTF-16
            if len(content) <= MOST_BYTES:
                yield listed, content
                continue
            reason = f"its file is too large: {len(content):,} bytes"
        # Printed, since a quiet build drops what is not a warning, and this is none.
        print(f"Not offered in the browser: {task}-{name}. Reason: {reason}.")


def write_machines(app: Sphinx, exception: Exception | None) -> None:
    if exception is not None or app.builder.name != "html":
        return
    folder = Path(app.outdir, "_static", "machines")
    folder.mkdir(parents=True, exist_ok=True)
    listing = {}
    for listed, content in offered():
        listing[listed["name"]] = listed
        (folder / f"{listed['name']}.js").write_bytes(content)
    script = f"ntm.offered = {json.dumps(listing)};\nntm.machines = {{}};\n"
    (folder / "index.js").write_text(script, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("build-finished", write_machines)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
