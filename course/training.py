"""Training a machine on a task: one loop for the notebooks' :func:`train` and for the runs in ``course/runs.py``."""

import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from course.scoring import TEST_SEED, solves
from course.scoring import evaluate as evaluate  # for those who train and test in one cell
from course.tasks.base import Seed, Task, as_generator, bits_per_sequence, draw, wrong_bits

SOLVED_STREAK = 20  # batches in a row without a wrong bit before the machine is put to the test


@contextmanager
def compiled(machine: nn.Module, backend: str = "inductor") -> Iterator[None]:
    """Train with a compiled ``machine.step`` while the block runs: several times faster, after half a minute of work.

    A step is compiled for inputs that carry gradients, which those of a sequence's first step need not: where they do
    not, the step runs as it is. Evaluation carries none, so that nothing is compiled a second time for it.

    Args:
        machine: an NTM.
        backend: of ``torch.compile``; ``"eager"`` only follows the code and compiles nothing.
    """
    eager = machine.step
    fast = torch.compile(eager, fullgraph=True, dynamic=False, backend=backend)
    machine.step = lambda x, state: (fast if state.reads.requires_grad else eager)(x, state)  # hides the method
    try:
        yield
    finally:
        del machine.step


class Seen(NamedTuple):
    """What one update saw, on freshly drawn sequences and before their update."""

    bits: float  # loss in bits per sequence
    wrong: float  # wrong bits per sequence
    norm: float  # length of the gradient before it is clipped


class Trainer:
    """The training loop: ``for seen in trainer`` makes one update after the other and tells what it saw.

    Adam's learning rate falls linearly to zero. The task counts as solved once 20 batches in a row and then 100 more
    sequences had no wrong bit. What the next update depends on is in :meth:`state`.

    Args:
        machine: changed in place.
        task: what to learn; it draws the training sequences and the test of whether it is solved.
        steps: updates at most.
        practice: draws the training sequences in the task's place.
        batch_size: sequences an update.
        learning_rate: at the first step.
        clip_norm: longest gradient, over all parameters together; longer ones are scaled down to it.
        curriculum: stages that come before the task's own sizes, each the number of the step that ends it and ranges of
            sizes, such as ``(500, {"items": (2, 4)})``. Both ends of a range are drawn.
        average: decay of the moving average of the weights that is tested and kept, below 1; 0 for none.
        seed: draws the training sequences. Seed the machine's weights with ``torch.manual_seed`` before it is made.
        stop_when_solved: whether to stop then, or to go on for all the steps.

    Raises:
        FloatingPointError: at an update whose loss or gradient is not finite; the message names the step.
        ValueError: no step, an empty batch, or an average out of range.
    """

    def __init__(
        self,
        machine: nn.Module,
        task: Task,
        steps: int,
        *,
        practice: Task | None = None,
        batch_size: int = 16,
        learning_rate: float = 3e-3,
        clip_norm: float = 1.0,
        curriculum: Sequence[tuple[int, Mapping[str, tuple[int, int]]]] = (),
        average: float = 0.0,
        seed: Seed = 0,
        stop_when_solved: bool = True,
    ):
        if steps < 1 or batch_size < 1:
            raise ValueError(f"steps and batch_size must be at least 1, got {steps} and {batch_size}")
        if not 0 <= average < 1:
            raise ValueError(f"average must be from 0 to below 1, got {average}")
        self.machine, self.task, self.practice = machine, task, practice or task
        self.steps, self.batch_size = steps, batch_size
        self.learning_rate, self.clip_norm, self.stop_when_solved = learning_rate, clip_norm, stop_when_solved
        self.curriculum = curriculum
        self.optimizer, self.generator = torch.optim.Adam(machine.parameters(), lr=learning_rate), as_generator(seed)
        self.averaged = AveragedModel(machine, multi_avg_fn=get_ema_multi_avg_fn(average)) if average else None
        self.step, self.streak, self.solved_at = 0, 0, None  # updates made, batches without a wrong bit, solving step

    @property
    def result(self) -> nn.Module:
        """The machine to test and keep, which is the averaged one if there is one."""
        return self.machine if self.averaged is None else self.averaged.module

    @property
    def rate(self) -> float:
        """The learning rate of the next update."""
        return self.learning_rate * (1 - self.step / self.steps)

    @property
    def finished(self) -> bool:
        return self.step >= self.steps or (self.stop_when_solved and self.solved_at is not None)

    def __iter__(self) -> Iterator[Seen]:
        while not self.finished:
            yield self._update()

    def _update(self) -> Seen:
        stage = next((ranges for end, ranges in self.curriculum if self.step < end), {})
        sizes = {name: draw(lowest, highest, self.generator) for name, (lowest, highest) in stage.items()}
        batch = self.practice.sample(self.batch_size, self.generator, **sizes)
        batch = batch.to(next(self.machine.parameters()).device)
        outputs, _ = self.machine(batch.inputs)
        loss = bits_per_sequence(outputs, batch)
        self.optimizer.zero_grad()
        (loss / batch.mask.sum() * self.batch_size).backward()  # per counted bit: length does not set the scale
        norm = nn.utils.clip_grad_norm_(self.machine.parameters(), self.clip_norm)
        seen = Seen(*torch.stack([loss.detach(), wrong_bits(outputs, batch).mean(), norm]).tolist())
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
            self.solved_at = self.step if solves(self.result, self.task, seed=TEST_SEED + self.step) else None
        return seen

    def state(self) -> tuple[dict[str, Tensor], dict[str, int | None]]:
        """Everything that the next update depends on, as tensors and counts: see :meth:`restore`."""
        tensors = {"generator": self.generator.get_state()}
        for name, module in self._modules().items():
            tensors |= {f"{name}.{key}": value for key, value in module.state_dict().items()}
        for index, moments in self.optimizer.state_dict()["state"].items():
            tensors |= {f"adam.{index}.{key}": value for key, value in moments.items()}
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
        for name, tensor in parts.get("adam", {}).items():
            index, _, key = name.partition(".")
            moments.setdefault(int(index), {})[key] = tensor
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": moments})
        self.generator.set_state(tensors["generator"])
        self.step, self.streak, self.solved_at = counts["step"], counts["streak"], counts["solved_at"]

    def _modules(self) -> dict[str, nn.Module]:
        return {"machine": self.machine} | ({} if self.averaged is None else {"averaged": self.averaged})


@dataclass
class History:
    """What :func:`train` saw at each step, on freshly drawn sequences and before their update."""

    batch_size: int
    bits: list[float] = field(default_factory=list)  # loss in bits per sequence
    wrong: list[float] = field(default_factory=list)  # wrong bits per sequence
    solved_at: int | None = None  # the first step after which 100 fresh sequences had no wrong bit


def train(
    machine: nn.Module, task: Task, steps: int, *, after_step: Callable[[int], None] | None = None, **options
) -> History:
    """Train, show a progress bar, and return what was seen.

    Args:
        machine, task, steps, options: those of :class:`Trainer`, with its errors.
        after_step: called with the number of each step when it is done.
    """
    trainer = Trainer(machine, task, steps, **options)
    history = History(trainer.batch_size)
    bar = tqdm(total=steps, file=sys.stdout, ncols=72, bar_format="step {n_fmt:>4}/{total_fmt} |{bar}| {desc}")
    with bar:
        for seen in trainer:
            history.bits.append(seen.bits)
            history.wrong.append(seen.wrong)
            bar.set_description_str(f"{seen.bits:6.2f} bits, {seen.wrong:5.2f} wrong", refresh=False)
            bar.update()
            if after_step is not None:
                after_step(trainer.step)
    history.solved_at = trainer.solved_at
    return history
