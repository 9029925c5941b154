"""Trained machines that come with the course: ``load("copy", controller="lstm")``.

They are in ``course/weights/``, put there by ``python -m course ship``, each with what is known of it:

====================================  =================================================================
``manifest.json``                     how each machine was trained, and what it scored; see :func:`record`
``TASK-CONTROLLER.safetensors``       its weights, as its run left them
``TASK-CONTROLLER.curves.json``       how it and the other seeds learned; see :func:`curves`
====================================  =================================================================
"""

import hashlib
from pathlib import Path
from statistics import median

import torch
from torch import nn

from course.recipes import CONTROLLERS, Recipe
from course.runs import load_run
from course.storage import RunError, read_json
from course.training import History

WEIGHTS = Path(__file__).parent / "weights"
MANIFEST = "manifest.json"
KINDS = dict(zip(CONTROLLERS, ("NTM, feedforward", "NTM, LSTM", "LSTM alone"), strict=True))  # as figures name them


class PretrainedError(RunError):
    """There is no such machine, or its file is not what the manifest says; the message is one line."""


def manifest(directory: Path | str = WEIGHTS) -> dict[str, dict]:
    """Everything that is known of the trained machines, by their names: task, hyphen, controller.

    Raises:
        PretrainedError: the manifest is missing or damaged.
    """
    try:
        return read_json(Path(directory) / MANIFEST)
    except RunError as error:
        raise PretrainedError(str(error)) from error


def available(directory: Path | str = WEIGHTS) -> list[tuple[str, str]]:
    """Task and controller of each machine that :func:`load` gives.

    Raises:
        PretrainedError: as :func:`manifest`.
    """
    entries = [entry for entry in manifest(directory).values() if entry["file"] is not None]
    return [(entry["settings"]["name"], entry["settings"]["controller"]) for entry in entries]


def record(task: str, controller: str = "lstm", directory: Path | str = WEIGHTS) -> dict:
    """What the manifest says of a machine.

    ==============  ==========================================================================================
    ``file``        its weights, or None if they are too large to come with the course
    ``bytes``       of the file, and ``sha256``, its checksum; None without a file
    ``command``     trains the same machine again
    ``chosen``      why it is this seed that is shipped, in words
    ``settings``    of its recipe, with ``seed`` and ``device``
    ``versions``    of Python and PyTorch
    ``scores``      what it was asked and how well it did: what :func:`course.measures.score` gives, each
    ``seeds``       of every seed trained with this recipe, what :meth:`course.runs.Run.finish` gives; a training
                    that broke off has neither ``bits`` nor ``wrong``
    ==============  ==========================================================================================

    Args:
        task: a key of ``course.recipes.TASKS``.
        controller: ``"feedforward"``, ``"lstm"`` or ``"baseline"``.
        directory: where the machines are.

    Raises:
        PretrainedError: there is no such machine, or as :func:`manifest`.
    """
    entries, name = manifest(directory), f"{task}-{controller}"
    if name not in entries:
        there = ", ".join(entries) or "none yet"
        raise PretrainedError(f"there is no trained machine {name!r}; there are: {there}")
    return entries[name]


def load(task: str, controller: str = "lstm", device: str = "cpu", directory: Path | str = WEIGHTS) -> nn.Module:
    """A trained machine, ready to be asked (in evaluation mode). Nothing is unpickled.

    Args:
        task, controller, directory: as for :func:`record`.
        device: where to put it, such as ``"cuda"``.

    Raises:
        PretrainedError: there is no such machine, its weights are not shipped, or its file is missing, damaged or of
            another machine.
    """
    entry = record(task, controller, directory)
    if entry["file"] is None:
        message = f"the weights of {task}-{controller} are too large to come with the course"
        raise PretrainedError(f"{message}; to train them: {entry['command']}")
    path = Path(directory) / entry["file"]
    try:
        content = path.read_bytes()
    except OSError as error:
        raise PretrainedError(f"cannot read {path}: {error.strerror}") from error
    digest = hashlib.sha256(content).hexdigest()
    if digest != entry["sha256"]:
        found = f"{len(content)} bytes with SHA-256 {digest[:8]}..."
        expected = f"the {entry['bytes']} bytes with {entry['sha256'][:8]}... of {MANIFEST}"
        raise PretrainedError(f"{path} is damaged or of another machine: it has {found}, not {expected}")
    try:
        machine, recipe = load_run(path)
    except RunError as error:
        raise PretrainedError(str(error)) from error
    if recipe != Recipe.from_settings(entry["settings"]):
        raise PretrainedError(f"{path} is of another machine: its settings are not those of {task}-{controller}")
    return machine.eval().to(torch.device(device))


def curves(task: str, controller: str = "lstm", directory: Path | str = WEIGHTS) -> dict[int, dict[str, list[float]]]:
    """The learning curves of every seed trained with a machine's recipe, at most about a hundred points each.

    ``steps`` and ``sequences`` seen; ``bits`` and ``wrong`` per sequence, each the mean since the point before.

    Args:
        task, controller, directory: as for :func:`record`.

    Raises:
        PretrainedError: there is no such machine, or its curves are missing or damaged.
    """
    record(task, controller, directory)
    try:
        recorded = read_json(Path(directory) / f"{task}-{controller}.curves.json")
    except RunError as error:
        raise PretrainedError(str(error)) from error
    return {int(seed): curve for seed, curve in recorded.items()}


def learning_curves(task: str, directory: Path | str = WEIGHTS) -> dict[str, History]:
    """How each kind of machine learned a task, to draw: at each point of its curves the median over its seeds.

    Args:
        task, directory: as for :func:`record`.

    Raises:
        PretrainedError: as for :func:`curves`.
    """
    histories, entries = {}, manifest(directory)
    for controller, name in KINDS.items():
        if f"{task}-{controller}" in entries:
            learned = list(curves(task, controller, directory).values())
            bits = [median(point) for point in zip(*(curve["bits"] for curve in learned), strict=False)]
            histories[name] = History(learned[0]["sequences"][0], bits)  # so many sequences from point to point
    return histories
