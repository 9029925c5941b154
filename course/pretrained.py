"""Trained machines that come with the course: ``load("copy", "ntm-lstm")``.

They are in ``course/weights/``, put there by ``python -m course ship``, each with what is known of it:

====================================  =================================================================
``manifest.json``                     how each machine was trained, and what it scored; see :func:`record`
``TASK-MACHINE.safetensors``          its weights, as its run left them
``TASK-MACHINE.curves.json``          how it and the other seeds learned; see :func:`curves`
====================================  =================================================================
"""

import hashlib
from pathlib import Path
from statistics import median

import torch
from torch import nn

from course.machines import MACHINES
from course.recipes import OLD_NAMES, Recipe, upgraded
from course.runs import load_run
from course.storage import RunError, read_json
from course.training import History

SHIPPED = Path(__file__).parent / "weights"
MANIFEST = "manifest.json"


def manifest(directory: Path | str = SHIPPED) -> dict[str, dict]:
    """Everything that is known of the trained machines, by their names: task, hyphen, machine.

    Raises:
        RunError: the manifest is missing or damaged.
    """
    entries = {}
    for name, entry in read_json(Path(directory) / MANIFEST).items():
        settings = upgraded(entry["settings"])
        entry = {"curves": f"{name}.curves.json", **entry, "settings": settings}  # up to 0.3.1 they were not named
        entries[f"{settings['task_name']}-{settings['machine']}"] = entry
    return entries


def available(directory: Path | str = SHIPPED) -> list[tuple[str, str]]:
    """Task and machine of each that :func:`load` gives.

    Raises:
        RunError: as :func:`manifest`.
    """
    settings = [entry["settings"] for entry in manifest(directory).values() if entry["file"] is not None]
    return [(known["task_name"], known["machine"]) for known in settings]


def record(
    task: str, machine: str = "ntm-lstm", directory: Path | str = SHIPPED, *, controller: str | None = None
) -> dict:
    """What the manifest says of a machine.

    ==============  ==========================================================================================
    ``file``        its weights, or None if they are too large to come with the course
    ``curves``      the file of its learning curves
    ``bytes``       of the file, and ``sha256``, its checksum; None without a file
    ``command``     trains the same machine again
    ``chosen``      why it is this seed that is shipped, in words
    ``settings``    of its recipe, with ``seed`` and ``device``
    ``versions``    of Python and PyTorch
    ``scores``      what it was asked and how well it did: what :func:`course.measures.take` gives, each
    ``seeds``       of every seed trained with this recipe, what :meth:`course.runs.Run.finish` gives; a training
                    that broke off has neither ``bits`` nor ``wrong``
    ==============  ==========================================================================================

    Args:
        task: a key of ``course.tasks.TASKS``.
        machine: a key of ``course.machines.MACHINES``.
        directory: where the machines are.
        controller: of an NTM, ``"feedforward"`` or ``"lstm"``, in place of ``machine``.

    Raises:
        RunError: there is no such machine, or as :func:`manifest`.
    """
    entries, name = manifest(directory), f"{task}-{OLD_NAMES.get(controller, controller) or machine}"
    if name not in entries:
        there = ", ".join(entries) or "none yet"
        raise RunError(f"there is no trained machine {name!r}; there are: {there}")
    return entries[name]


def load(
    task: str,
    machine: str = "ntm-lstm",
    device: str = "cpu",
    directory: Path | str = SHIPPED,
    *,
    controller: str | None = None,
) -> nn.Module:
    """A trained machine, ready to be asked (in evaluation mode). Nothing is unpickled.

    Args:
        task, machine, directory, controller: as for :func:`record`.
        device: where to put it, such as ``"cuda"``.

    Raises:
        RunError: there is no such machine, its weights are not shipped, or its file is missing, damaged or of
            another machine.
    """
    entry = record(task, machine, directory, controller=controller)
    expected = Recipe.from_settings(entry["settings"])
    if entry["file"] is None:
        message = f"the weights of {expected.name} are too large to come with the course"
        raise RunError(f"{message}; to train them: {entry['command']}")
    path = Path(directory) / entry["file"]
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RunError(f"cannot read {path}: {error.strerror}") from error
    digest = hashlib.sha256(content).hexdigest()
    if digest != entry["sha256"]:
        found = f"{len(content)} bytes with SHA-256 {digest[:8]}..."
        wanted = f"the {entry['bytes']} bytes with {entry['sha256'][:8]}... of {MANIFEST}"
        raise RunError(f"{path} is damaged or of another machine: it has {found}, not {wanted}")
    trained, recipe = load_run(path)
    if recipe != expected:
        raise RunError(f"{path} is of another machine: its settings are not those of {expected.name}")
    return trained.eval().to(torch.device(device))


def curves(task: str, machine: str = "ntm-lstm", directory: Path | str = SHIPPED) -> dict[int, dict[str, list[float]]]:
    """The learning curves of every seed trained with a machine's recipe, at most about a hundred points each.

    ``steps`` and ``sequences`` seen; ``bits`` and ``wrong`` per sequence, each the mean since the point before.

    Args:
        task, machine, directory: as for :func:`record`.

    Raises:
        RunError: there is no such machine, or its curves are missing or damaged.
    """
    recorded = read_json(Path(directory) / record(task, machine, directory)["curves"])
    return {int(seed): curve for seed, curve in recorded.items()}


def learning_curves(task: str, directory: Path | str = SHIPPED) -> dict[str, History]:
    """How each kind of machine learned a task, to draw: at each point of its curves the median over its seeds.

    Args:
        task, directory: as for :func:`record`.

    Raises:
        RunError: as for :func:`curves`.
    """
    histories, entries = {}, manifest(directory)
    for machine, kind in MACHINES.items():
        if f"{task}-{machine}" in entries:
            learned = list(curves(task, machine, directory).values())
            bits = [median(point) for point in zip(*(curve["bits"] for curve in learned), strict=False)]
            histories[kind.title] = History(learned[0]["sequences"][0], bits)  # so many sequences from point to point
    return histories
