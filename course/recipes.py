"""How each machine is trained on each task: every size and every number of the training in one place."""

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from torch import nn

from course.machines import MACHINES, Kind
from course.tasks import TASKS, CopyTask, Task
from course.tasks.base import class_name
from course.training import Training

OLD_NAMES = {"feedforward": "ntm-feedforward", "lstm": "ntm-lstm", "baseline": "lstm"}  # of machines, up to 0.3.1


@dataclass(frozen=True)
class Recipe:
    """A task, a machine, and how the machine learns the task.

    Raises:
        ValueError: there is no such task or machine, or the machine has no step to compile.

    >>> recipe = RECIPES["copy", "ntm-lstm"]
    >>> recipe.name, type(recipe.task).__name__, type(recipe.make()).__name__
    ('copy-ntm-lstm', 'CopyTask', 'NTM')
    """

    task_name: str  #: a key of TASKS
    machine: str  #: a key of MACHINES
    config: Mapping[str, object] = field(default_factory=dict)  #: keywords of the machine, where not its defaults
    training: Training = Training()
    task: Task = None  #: with its sizes; None stands for the one in TASKS

    def __post_init__(self):
        for name, given, known in (("task", self.task_name, TASKS), ("machine", self.machine, MACHINES)):
            if given not in known:
                raise ValueError(f"there is no {name} {given!r}, only {', '.join(known)}")
        if self.task is None:
            object.__setattr__(self, "task", TASKS[self.task_name])
        if self.training.compile and not self.kind.compilable:
            raise ValueError(f"{self.machine} cannot be compiled: a call does not go through its step, and is fast")

    @property
    def name(self) -> str:
        """Task and machine in one word, as folders and files are called."""
        return f"{self.task_name}-{self.machine}"

    @property
    def kind(self) -> Kind:
        """What the registry knows of the machine."""
        return MACHINES[self.machine]

    def make(self) -> nn.Module:
        """The untrained machine. Its weights follow ``torch.manual_seed``."""
        return self.kind.make(self.task.input_size, self.task.output_size, **self.config)

    def settings(self) -> dict[str, Any]:
        """The recipe as files hold it, in JSON's types."""
        settings = asdict(self) | {"task": _as_settings(self.task)}
        settings["training"]["practice"] = _as_settings(self.training.practice)
        return json.loads(json.dumps(settings))

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> "Recipe":
        """The inverse of :meth:`settings`, from the names of earlier versions too; other entries are left alone.

        Raises:
            KeyError, TypeError, ValueError: the entries are not those of a recipe, or its task's class is not here.
        """
        values = {entry.name: upgraded(settings)[entry.name] for entry in fields(cls)}
        training = values["training"] | {"practice": _from_settings(values["training"]["practice"])}
        return cls(**values | {"task": _from_settings(values["task"]), "training": Training(**training)})


def upgraded(settings: Mapping[str, Any]) -> dict[str, Any]:
    """A recipe's settings under today's names; those of versions up to 0.3.1 are translated.

    >>> recipe = RECIPES["copy", "lstm"]
    >>> old = {"name": "copy", "controller": "baseline", "machine": dict(recipe.config), "task": {"bits": 8}, "seed": 3}
    >>> new = upgraded(old | {"steps": 2000, "learning_rate": 1e-3})
    >>> new["machine"], new["seed"], Recipe.from_settings(new) == recipe
    ('lstm', 3, True)
    """
    if "controller" not in settings:
        return dict(settings)
    rest = dict(settings)
    name, task = rest.pop("name"), {"class": class_name(TASKS[settings["name"]]), **rest.pop("task")}
    new = {"task_name": name, "machine": OLD_NAMES[rest.pop("controller")], "config": rest.pop("machine"), "task": task}
    names = {entry.name for entry in fields(Training)} & rest.keys()
    training = asdict(Training()) | {name: rest.pop(name) for name in names}
    training["practice"] = training["practice"] and {"class": task["class"], **training["practice"]}
    return new | {"training": json.loads(json.dumps(training))} | rest


def _as_settings(task: Task | None) -> dict[str, Any] | None:
    return task and {"class": class_name(task), **asdict(task)}


def _from_settings(settings: Mapping[str, Any] | None) -> Task | None:
    """The task. Its class must be imported already: no file may decide what is imported."""
    if settings is None:
        return None
    given = dict(settings)
    module, _, name = given.pop("class").partition(":")
    found = getattr(sys.modules.get(module), name, None)
    if not (isinstance(found, type) and issubclass(found, Task)):
        raise ValueError(f"its task is {name} of {module}, which is not imported: python -m course --import {module}")
    return found(**given)


def by_name(recipes: Iterable[Recipe]) -> dict[tuple[str, str], Recipe]:
    """Recipes by the names of their task and machine."""
    return {(recipe.task_name, recipe.machine): recipe for recipe in recipes}


SMALL = {"controller_size": 100, "N": 32, "M": 20}
TWO_READS = SMALL | {"num_reads": 2}
SEARCHING = SMALL | {"num_reads": 4}
COUNTING = SMALL | {"N": 64, "num_reads": 2, "memory_start": "learned"}
TWO_HEADS = SMALL | {"num_reads": 2, "num_writes": 2}  # of each kind
SORTING = SMALL | {"controller_size": 256, "num_reads": 4, "num_writes": 4}

# One to three repeats at first, up to step 1,500.
FEW_REPEATS = Training(curriculum=[(1500, {"repeats": (1, 3)})])

# Six items at first: with fewer, an LSTM prefers to remember them by itself.
SIX_ITEMS = Training(curriculum=[(1500, {"items": (6, 6)})])

# From 2 to 4 items at first, one more every 150 steps; from 2 to 20 up to step 9,000; then 20.
STAGES = [(150 * stage, {"items": (2, 3 + stage)}) for stage in range(1, 17)] + [(9000, {"items": (2, 20)})]
GROWING = Training(steps=12000, batch_size=32, curriculum=STAGES)

# The LSTM alone has the sizes of table 3 of the paper.
RECIPES: dict[tuple[str, str], Recipe] = by_name(
    [
        Recipe("copy", "ntm-feedforward", TWO_READS, Training(steps=3000, practice=CopyTask(blanks=0.1))),
        Recipe("copy", "ntm-lstm", SMALL, Training(steps=2000)),
        Recipe("copy", "lstm", {"hidden_size": 256}, Training(steps=2000, learning_rate=1e-3)),
        Recipe("repeat-copy", "ntm-feedforward", TWO_HEADS, replace(FEW_REPEATS, steps=8000, learning_rate=2e-3)),
        Recipe("repeat-copy", "ntm-lstm", SMALL, replace(FEW_REPEATS, steps=16000, learning_rate=2e-3)),
        Recipe("repeat-copy", "lstm", {"hidden_size": 512}, replace(FEW_REPEATS, steps=2000, learning_rate=1e-3)),
        Recipe("associative-recall", "ntm-feedforward", SEARCHING),
        Recipe("associative-recall", "ntm-lstm", SEARCHING, replace(SIX_ITEMS, steps=3000)),
        Recipe("associative-recall", "lstm", {"hidden_size": 256}, Training(learning_rate=1e-3)),
        Recipe("n-grams", "ntm-feedforward", COUNTING, Training(steps=2000, learning_rate=4e-3)),
        Recipe("n-grams", "ntm-lstm", COUNTING, Training(steps=6000, learning_rate=4e-3)),
        Recipe("n-grams", "lstm", {"hidden_size": 128}, Training(steps=6000, learning_rate=1e-3)),
        Recipe("priority-sort", "ntm-feedforward", SORTING, replace(GROWING, steps=10000)),
        Recipe("priority-sort", "ntm-lstm", TWO_HEADS, GROWING),
        Recipe("priority-sort", "lstm", {"hidden_size": 128}, replace(GROWING, learning_rate=1e-3)),
    ]
)
