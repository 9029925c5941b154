"""Training a machine on a task: one loop for the notebooks' :func:`train` and for the runs in ``course/runs.py``."""

import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from course.machines import Machine
from course.scoring import TEST_SEED, answers
from course.scoring import evaluate as evaluate  # for those who train and test in one cell
from course.tasks.base import Seed, Task, as_generator, draw_size
from course.tasks.base import bits_per_sequence as bits_per_sequence
from course.tasks.base import wrong_bits as wrong_bits

SOLVED_STREAK = 20  # batches in a row without a wrong answer before the machine is put to the test
SOLVED_SEQUENCES = 100  # fresh sequences without a wrong answer that solve a task

Stage = tuple[int, Mapping[str, tuple[int, int]]]  # the step that ends it, and ranges of sizes
Optimizer = Callable[..., torch.optim.Optimizer]  # called as optimizer(parameters, lr=...)


def option(default: object, help: str) -> object:
    """A number of a training that the command line can change."""
    return field(default=default, metadata={"help": help})


@dataclass(frozen=True)
class Training:
    """How a machine is trained: all that decides it beside the machine, the task and the seed.

    The learning rate falls linearly to zero. A curriculum has stages that come before the task's own sizes, each the
    number of the step that ends it and ranges of sizes, such as ``(500, {"items": (2, 4)})``; both ends are drawn.

    Raises:
        ValueError: no step, an empty batch, or an average out of range.
    """

    steps: int = option(4000, "updates of the weights")
    batch_size: int = option(16, "sequences that each update sees")
    learning_rate: float = option(3e-3, "length of the first update; falls to zero")
    clip_norm: float = option(1.0, "longest gradient, over all weights together; longer ones are scaled down to it")
    curriculum: Sequence[Stage] = ()
    practice: Task | None = None  #: draws the training sequences in the task's place
    average: float = option(0.0, "decay of the moving average of the weights, which is then what counts; 0 for none")
    stop_when_solved: bool = option(False, "stop once 20 batches and 100 sequences were all right")
    compile: bool = option(False, "compile the machine's step: takes half a minute, then is faster")

    def __post_init__(self):
        if min(self.steps, self.batch_size) < 1:
            raise ValueError(f"steps and batch_size must be at least 1, got {self.steps} and {self.batch_size}")
        if not 0 <= self.average < 1:
            raise ValueError(f"average must be from 0 to below 1, got {self.average}")
        stages = ((end, {name: tuple(span) for name, span in ranges.items()}) for end, ranges in self.curriculum)
        object.__setattr__(self, "curriculum", tuple(stages))  # the same from a file as from code


OPTIONS = {entry.name: entry.metadata["help"] for entry in fields(Training) if entry.metadata}
Training.__doc__ += "\n    Args:\n" + "".join(f"        {name}: {text}.\n" for name, text in OPTIONS.items())


class Seen(NamedTuple):
    """What one update saw, on freshly drawn sequences and before their update."""

    bits: float  #: loss per sequence
    wrong: float  #: wrong answers per sequence
    norm: float  #: length of the gradient before it is clipped


class Trainer:
    """The training loop: ``for seen in trainer`` makes one update after the other and tells what it saw.

    The task counts as solved once 20 batches in a row and then 100 more sequences had no wrong answer. What the next
    update depends on is in :meth:`state`.

    Args:
        machine: changed in place.
        task: what to learn; it draws the training sequences and the test of whether it is solved.
        training: how.
        seed: draws the training sequences. Seed the machine's weights with ``torch.manual_seed`` before it is made.
        optimizer: makes the optimiser, called as ``optimizer(parameters, lr=...)``.

    Raises:
        FloatingPointError: at an update whose loss or gradient is not finite; the message names the step.
    """

    def __init__(
        self,
        machine: Machine,
        task: Task,
        training: Training,
        *,
        seed: Seed = 0,
        optimizer: Optimizer = torch.optim.Adam,
    ):
        self.machine, self.task, self.training = machine, task, training
        self.optimizer = optimizer(machine.parameters(), lr=training.learning_rate)
        self.generator, average = as_generator(seed), training.average
        self.averaged = AveragedModel(machine, multi_avg_fn=get_ema_multi_avg_fn(average)) if average else None
        self.step, self.streak, self.solved_at = 0, 0, None  # updates made, batches all right, solving step

    @property
    def result(self) -> nn.Module:
        """The machine to test and keep, which is the averaged one if there is one."""
        return self.machine if self.averaged is None else self.averaged.module

    @property
    def rate(self) -> float:
        """The learning rate of the next update."""
        return self.training.learning_rate * (1 - self.step / self.training.steps)

    @property
    def finished(self) -> bool:
        return self.step >= self.training.steps or (self.training.stop_when_solved and self.solved_at is not None)

    def __iter__(self) -> Iterator[Seen]:
        while not self.finished:
            yield self._update()

    def _update(self) -> Seen:
        training, draws = self.training, self.training.practice or self.task
        stage = next((ranges for end, ranges in training.curriculum if self.step < end), {})
        sizes = {name: draw_size(lowest, highest, self.generator) for name, (lowest, highest) in stage.items()}
        batch = draws.sample(training.batch_size, self.generator, **sizes)
        batch = batch.to(next(self.machine.parameters()).device)
        outputs, _ = self.machine(batch.inputs)
        loss = self.task.loss(outputs, batch)
        self.optimizer.zero_grad()
        (loss / batch.mask.sum() * training.batch_size).backward()  # per counted target: length does not set the scale
        norm = nn.utils.clip_grad_norm_(self.machine.parameters(), training.clip_norm)
        wrong = self.task.errors(outputs, batch).mean()
        seen = Seen(*torch.stack([loss.detach(), wrong, norm]).tolist())
        if not (math.isfinite(seen.bits) and math.isfinite(seen.norm)):
            message = f"step {self.step + 1}: the loss is {seen.bits} and its gradient's norm {seen.norm}"
            raise FloatingPointError(message + "; try a lower learning_rate or clip_norm")
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate
        self.optimizer.step()
        if self.averaged is not None:
            self.averaged.update_parameters(self.machine)
        self.step += 1
        self.streak = 0 if seen.wrong or stage else self.streak + 1
        if self.solved_at is None and self.streak >= SOLVED_STREAK:
            self.solved_at = self.step if self._passes() else None
        return seen

    def _passes(self) -> bool:
        """Whether fresh sequences have no wrong answer. The first wrong one ends the test."""
        tests = answers(self.result, self.task, SOLVED_SEQUENCES, seed=TEST_SEED + self.step)
        return not any(self.task.errors(outputs, batch).any() for outputs, batch in tests)

    def state(self) -> tuple[dict[str, Tensor], dict[str, int | None]]:
        """Everything that the next update depends on, as tensors and counts: see :meth:`restore`."""
        tensors = {"generator": self.generator.get_state()}
        for name, module in self._modules().items():
            tensors |= {f"{name}.{key}": value for key, value in module.state_dict().items()}
        for index, moments in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{key}": value for key, value in moments.items() if value is not None}
        return tensors, {"step": self.step, "streak": self.streak, "solved_at": self.solved_at}

    def restore(self, tensors: dict[str, Tensor], counts: dict[str, int | None]) -> None:
        """Go back to what :meth:`state` gave; the updates that follow are the same, bit for bit."""
        parts = {}
        for name, tensor in tensors.items():
            part, _, key = name.partition(".")
            parts.setdefault(part, {})[key] = tensor
        for name, module in self._modules().items():
            module.load_state_dict(parts[name])
        moments = {}
        for name, tensor in parts.get("optimizer", parts.get("adam", {})).items():  # adam: up to 0.3.1
            index, _, key = name.partition(".")
            moments.setdefault(int(index), {})[key] = tensor
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": moments})
        self.generator.set_state(tensors["generator"])
        self.step, self.streak, self.solved_at = counts["step"], counts["streak"], counts["solved_at"]

    def _modules(self) -> dict[str, nn.Module]:
        return {"machine": self.machine} | ({} if self.averaged is None else {"averaged": self.averaged})


@dataclass
class History:
    """A learning curve: what was seen at each point, on freshly drawn sequences and before their update."""

    sequences_a_point: int
    bits: list[float] = field(default_factory=list)  #: loss per sequence
    wrong: list[float] = field(default_factory=list)  #: wrong answers per sequence
    solved_at: int | None = None  #: the first step after which 100 fresh sequences had no wrong answer


def train(
    machine: Machine,
    task: Task,
    steps: int,
    *,
    seed: Seed = 0,
    optimizer: Optimizer = torch.optim.Adam,
    after_step: Callable[[int, Seen], None] | None = None,
    progress: bool = True,
    stop_when_solved: bool = True,
    **options,
) -> History:
    """Train, show a progress bar, and return what was seen.

    Args:
        machine, task, seed, optimizer: those of :class:`Trainer`, with its errors.
        steps, stop_when_solved, options: those of :class:`Training`, with its errors.
        after_step: called with the number of each step and what was seen at it, when it is done.
        progress: whether to show the bar.
    """
    training = Training(steps=steps, stop_when_solved=stop_when_solved, **options)
    trainer = Trainer(machine, task, training, seed=seed, optimizer=optimizer)
    history = History(training.batch_size)
    looks = {"ncols": 72, "bar_format": "step {n_fmt:>4}/{total_fmt} |{bar}| {desc}"}
    with tqdm(total=steps, file=sys.stdout, disable=not progress, **looks) as bar:
        for seen in trainer:
            history.bits.append(seen.bits)
            history.wrong.append(seen.wrong)
            bar.set_description_str(f"{seen.bits:6.2f} bits, {seen.wrong:5.2f} wrong", refresh=False)
            bar.update()
            if after_step is not None:
                after_step(trainer.step, seen)
    history.solved_at = trainer.solved_at
    return history
