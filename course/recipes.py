"""How each machine is trained on each task: every size and every number of the training in one place."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

from torch import nn

from course.machines.lstm import LSTM
from course.tasks import AssociativeRecallTask, CopyTask, NGramsTask, PrioritySortTask, RepeatCopyTask
from course.tasks.base import Task
from implementation import NTM

TASKS: dict[str, Task] = {
    "copy": CopyTask(),
    "repeat-copy": RepeatCopyTask(),
    "associative-recall": AssociativeRecallTask(),
    "n-grams": NGramsTask(),
    "priority-sort": PrioritySortTask(),
}
CONTROLLERS = ("feedforward", "lstm", "baseline")  # two NTMs, and the LSTM without a memory
Stage = tuple[int, Mapping[str, tuple[int, int]]]  # the step that ends it, and ranges of sizes


@dataclass(frozen=True)
class Recipe:
    """A task, a machine, and how the machine learns the task.

    >>> recipe = RECIPES["copy", "lstm"]
    >>> type(recipe.task).__name__, type(recipe.make()).__name__
    ('CopyTask', 'NTM')
    """

    name: str  # of the task, a key of TASKS
    controller: str  # one of CONTROLLERS
    machine: Mapping[str, object]  # keywords of NTM, or of LSTM for the baseline
    task: Task = None  # with its sizes; None stands for the one in TASKS
    steps: int = 4000
    batch_size: int = 16
    learning_rate: float = 3e-3  # at the first step; falls linearly to zero
    clip_norm: float = 1.0  # longest gradient
    curriculum: Sequence[Stage] = ()  # what comes before the task's own sizes
    practice: Task | None = None  # draws the training sequences in the task's place
    average: float = 0.0  # decay of the moving average of the weights, which is then what counts; 0 for none
    stop_when_solved: bool = False
    compile: bool = False  # an NTM's step, while it trains

    def __post_init__(self):
        if self.task is None:
            object.__setattr__(self, "task", TASKS[self.name])
        if self.compile and self.controller == "baseline":
            raise ValueError("only an NTM can be compiled: the baseline has no step of its own, and is fast")

    @classmethod
    def from_settings(cls, settings: Mapping[str, object]) -> "Recipe":
        """The inverse of ``dataclasses.asdict``; other entries are left alone.

        Raises:
            KeyError, TypeError, ValueError: the entries are not those of a recipe.
        """
        given = {"practice": None, **settings}  # older files have none
        values = {entry.name: given[entry.name] for entry in fields(cls)}
        tasks = {key: type(TASKS[settings["name"]])(**values[key]) for key in ("task", "practice") if values.get(key)}
        return cls(**values | tasks)

    def make(self) -> nn.Module:
        """The untrained machine. Its weights follow ``torch.manual_seed``."""
        if self.controller == "baseline":
            return LSTM(self.task.input_size, self.task.output_size, **self.machine)
        return NTM(self.task.input_size, self.task.output_size, controller=self.controller, **self.machine)


SMALL = {"controller_size": 100, "N": 32, "M": 20}
TWO_READS = SMALL | {"num_reads": 2}
SEARCHING = SMALL | {"num_reads": 4}
COUNTING = SMALL | {"N": 64, "num_reads": 2, "memory_start": "learned"}
TWO_HEADS = SMALL | {"num_reads": 2, "num_writes": 2}  # of each kind

# One to three repeats at first, up to step 1,500.
FEW_REPEATS = [(1500, {"repeats": (1, 3)})]

# Six items at first: with fewer, an LSTM prefers to remember them by itself.
SIX_ITEMS = [(1500, {"items": (6, 6)})]

# From 2 to 4 items at first, one more every 150 steps; from 2 to 20 up to step 9,000; then 20.
GROWING = [(150 * stage, {"items": (2, 3 + stage)}) for stage in range(1, 17)] + [(9000, {"items": (2, 20)})]

# The baseline has the sizes of table 3 of the paper.
RECIPES: dict[tuple[str, str], Recipe] = {
    (recipe.name, recipe.controller): recipe
    for recipe in [
        Recipe("copy", "feedforward", TWO_READS, steps=3000, practice=CopyTask(blanks=0.1)),
        Recipe("copy", "lstm", SMALL, steps=2000),
        Recipe("copy", "baseline", {"hidden_size": 256}, steps=2000, learning_rate=1e-3),
        Recipe("repeat-copy", "feedforward", TWO_HEADS, steps=8000, learning_rate=2e-3, curriculum=FEW_REPEATS),
        Recipe("repeat-copy", "lstm", SMALL, steps=16000, learning_rate=2e-3, curriculum=FEW_REPEATS),
        Recipe("repeat-copy", "baseline", {"hidden_size": 512}, steps=2000, learning_rate=1e-3, curriculum=FEW_REPEATS),
        Recipe("associative-recall", "feedforward", SEARCHING),
        Recipe("associative-recall", "lstm", SEARCHING, steps=3000, curriculum=SIX_ITEMS),
        Recipe("associative-recall", "baseline", {"hidden_size": 256}, learning_rate=1e-3),
        Recipe("n-grams", "feedforward", COUNTING, steps=2000, learning_rate=4e-3),
        Recipe("n-grams", "lstm", COUNTING, steps=6000, learning_rate=4e-3),
        Recipe("n-grams", "baseline", {"hidden_size": 128}, steps=6000, learning_rate=1e-3),
        Recipe(
            "priority-sort",
            "feedforward",
            SMALL | {"controller_size": 256, "num_reads": 4, "num_writes": 4},
            steps=10000,
            batch_size=32,
            curriculum=GROWING,
        ),
        Recipe("priority-sort", "lstm", TWO_HEADS, steps=12000, batch_size=32, curriculum=GROWING),
        Recipe(
            "priority-sort",
            "baseline",
            {"hidden_size": 128},
            steps=12000,
            learning_rate=1e-3,
            batch_size=32,
            curriculum=GROWING,
        ),
    ]
}
