"""How good a machine's answers are. Machines are called as ``outputs, state = machine(inputs, state)``."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from course.tasks.base import Batch, Seed, Task, as_generator, bits_per_sequence, wrong_bits

SOLVED_SEQUENCES = 100  # fresh sequences without a wrong bit that solve a task
TEST_SEED = 10**9  # far from any training seed
TEST_BATCH = 10  # sequences that are drawn at a time


@torch.no_grad()
def answers(
    machine: nn.Module, task: Task, sequences: int, *, seed: Seed, N: int | None = None, **sizes: int
) -> Iterator[tuple[Tensor, Batch]]:
    """The machine's outputs for fresh sequences, with what was asked; each ``TEST_BATCH`` share a length.

    Args:
        machine: an NTM, or anything that is called like one.
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


def score(machine: nn.Module, task: Task, sequences: int, *, seed: Seed, **options: int) -> tuple[float, float]:
    """Bits and wrong bits per sequence, averaged over fresh sequences, drawn as for :func:`answers`."""
    bits = wrong = 0.0
    for outputs, batch in answers(machine, task, sequences, seed=seed, **options):
        bits += bits_per_sequence(outputs, batch).item() * outputs.shape[1]
        wrong += wrong_bits(outputs, batch).sum().item()
    return bits / sequences, wrong / sequences


def evaluate(machine: nn.Module, task: Task, sequences: int = SOLVED_SEQUENCES, *, seed: Seed, **options: int) -> float:
    """Wrong bits per sequence, averaged over fresh sequences, drawn as for :func:`answers`."""
    return score(machine, task, sequences, seed=seed, **options)[1]


def solves(machine: nn.Module, task: Task, *, seed: Seed) -> bool:
    """Whether 100 fresh sequences have no wrong bit. The first wrong one ends the test."""
    tests = answers(machine, task, SOLVED_SEQUENCES, seed=seed)
    return not any(wrong_bits(outputs, batch).any() for outputs, batch in tests)
