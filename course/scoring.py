"""Asking a machine: its answers to fresh sequences, and how good they are."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from course.machines import Machine
from course.tasks.base import Batch, Seed, Task, as_generator

TEST_SEED = 10**9  # far from any training seed
TEST_BATCH = 10  # sequences that are drawn at a time


@dataclass(frozen=True)
class Score:
    """How well a machine did. The figures are means over the sequences that it was asked."""

    sequences: int
    asked: float  #: answers that a sequence wants, which are bits where the task is on bits
    wrong: float  #: of them
    bits: float  #: loss
    optimum: float | None  #: the loss of the best possible answers to the same sequences, where it is not 0
    draws: tuple[float, ...]  #: the judged figure of each independent draw, a sequence or several of one size

    @property
    def ratio(self) -> float | None:
        """The loss in units of the optimum."""
        return None if self.optimum is None else self.bits / self.optimum

    @property
    def judged(self) -> tuple[str, float]:
        """Name and value of the figure that says how good the machine is, ``ratio`` with an optimum, else ``wrong``."""
        return ("wrong", self.wrong) if self.ratio is None else ("ratio", self.ratio)


@torch.no_grad()
def answers(
    machine: Machine, task: Task, sequences: int, *, seed: Seed, N: int | None = None, **sizes: int
) -> Iterator[tuple[Tensor, Batch]]:
    """The machine's outputs for fresh sequences, with what was asked; each ``TEST_BATCH`` share their sizes.

    Args:
        machine: whatever keeps the contract of :class:`course.machines.Machine`.
        task: what to draw from.
        sequences: how many sequences to draw.
        seed: draws them; keep it apart from training seeds.
        N: memory locations, if other than the machine's own.
        sizes: passed on to ``task.sample``, such as ``length``.
    """
    generator, device = as_generator(seed), next(machine.parameters()).device
    for start in range(0, sequences, TEST_BATCH):
        batch = task.sample(min(TEST_BATCH, sequences - start), generator, **sizes).to(device)
        outputs, _ = machine(batch.inputs, None if N is None else machine.initial_state(batch.inputs.shape[1], N))
        yield outputs, batch


def evaluate(
    machine: Machine, task: Task, sequences: int = 100, *, seed: Seed, N: int | None = None, **sizes: int
) -> Score:
    """Put fresh sequences to a machine. The arguments are those of :func:`answers`.

    >>> from course.recipes import RECIPES
    >>> recipe = RECIPES["copy", "ntm-lstm"]
    >>> score = evaluate(recipe.make(), recipe.task, sequences=3, seed=0, length=2)
    >>> score.asked, len(score.draws)
    (16.0, 3)
    """
    totals, draws = Counter(), []
    for outputs, batch in answers(machine, task, sequences, seed=seed, N=N, **sizes):
        drawn = outputs.shape[1]
        wrong, bits, optimum = task.errors(outputs, batch), task.loss(outputs, batch).item(), task.optimum(batch)
        totals.update(asked=task.asked(batch), wrong=wrong.sum().item(), bits=bits * drawn)
        if optimum is None:
            draws.extend(wrong.tolist() if sizes else [wrong.mean().item()])
        else:
            totals.update(optimum=optimum.item() * drawn)
            draws.append(bits / optimum.item())
    means = {name: total / sequences for name, total in totals.items()}
    return Score(sequences=sequences, draws=tuple(draws), **{"optimum": None, **means})
