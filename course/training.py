"""Training a machine on a task, and scoring it. Machines are called as ``outputs, state = machine(inputs, state)``."""

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from course.tasks import Batch, Seed, as_generator

SOLVED_STREAK = 20  # batches in a row without a wrong bit before the machine is put to the test
SOLVED_SEQUENCES = 100  # fresh sequences of that test
TEST_SEED = 10**9  # far from any training seed
TEST_BATCH = 10  # sequences that evaluate draws at a time


def bits_per_sequence(logits: Float[Tensor, "T batch O"], batch: Batch) -> Float[Tensor, ""]:
    """The loss: bits needed to correct the answers, summed over a sequence and averaged over the batch.

    An output of probability p for the right bit costs -log2(p): 0 when sure and right, 1 for a coin toss.

    Args:
        logits: the machine's outputs.
        batch: what was asked; only targets in its mask count.

    >>> from course.tasks import CopyTask
    >>> batch = CopyTask(bits=8).sample(batch_size=2, seed=0, length=3)
    >>> round(bits_per_sequence(torch.zeros_like(batch.targets), batch).item(), 3)  # 3 vectors of 8 coin tosses
    24.0
    """
    nats = F.binary_cross_entropy_with_logits(logits[batch.mask], batch.targets[batch.mask], reduction="sum")
    return nats / math.log(2) / batch.targets.shape[1]


def wrong_bits(logits: Float[Tensor, "T batch O"], batch: Batch) -> Float[Tensor, " batch"]:
    """Wrong bits of each sequence, when an output above one half reads as 1. Only targets in the mask count."""
    wrong = ((logits > 0) != (batch.targets > 0.5)) & batch.mask
    return wrong.sum(dim=(0, 2)).float()


@torch.no_grad()
def evaluate(
    machine: nn.Module, task, sequences: int = SOLVED_SEQUENCES, *, seed: Seed, N: int | None = None, **sizes: int
) -> float:
    """Wrong bits per sequence, averaged over fresh sequences. Those of one batch, ``TEST_BATCH``, share a length.

    Args:
        machine: an NTM, or anything that is called like one.
        task: what to draw from.
        sequences: how many sequences to draw.
        seed: draws them; keep it apart from training seeds.
        N: memory locations, if other than the machine's own.
        sizes: passed on to ``task.sample``, such as ``length``.
    """
    generator, total = as_generator(seed), 0.0
    for start in range(0, sequences, TEST_BATCH):
        batch = task.sample(min(TEST_BATCH, sequences - start), generator, **sizes).to(_device(machine))
        state = None if N is None else machine.initial_state(batch.inputs.shape[1], N)
        outputs, _ = machine(batch.inputs, state)
        total += wrong_bits(outputs, batch).sum().item()
    return total / sequences


@dataclass
class History:
    """What :func:`train` saw at each step, on freshly drawn sequences and before their update."""

    batch_size: int
    bits: list[float] = field(default_factory=list)  # loss in bits per sequence
    wrong: list[float] = field(default_factory=list)  # wrong bits per sequence
    solved_at: int | None = None  # the first step after which 100 fresh sequences had no wrong bit


def train(
    machine: nn.Module,
    task,
    steps: int,
    *,
    batch_size: int = 16,
    learning_rate: float = 3e-3,
    clip_norm: float = 1.0,
    seed: int = 0,
    stop_when_solved: bool = True,
    after_step: Callable[[int], None] | None = None,
) -> History:
    """Train with Adam while the learning rate falls linearly to zero, and show a progress bar.

    The task counts as solved once 20 batches in a row and then 100 more sequences had no wrong bit.

    Args:
        machine: changed in place.
        task: draws the training sequences.
        steps: updates at most.
        batch_size: sequences an update.
        learning_rate: at the first step.
        clip_norm: longest gradient, over all parameters together; longer ones are scaled down to it.
        seed: draws the training sequences. Seed the machine's weights with ``torch.manual_seed`` before it is made.
        stop_when_solved: whether to stop then, or to go on for all the steps.
        after_step: called with the number of each step when it is done.

    Raises:
        FloatingPointError: the loss or its gradient is not finite; the message names the step.
        ValueError: no step, or an empty batch.
    """
    if steps < 1 or batch_size < 1:
        raise ValueError(f"steps and batch_size must be at least 1, got {steps} and {batch_size}")
    optimizer = torch.optim.Adam(machine.parameters(), lr=learning_rate)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / steps)
    generator, history, streak = as_generator(seed), History(batch_size), 0
    bar = tqdm(total=steps, file=sys.stdout, ncols=72, bar_format="step {n_fmt:>4}/{total_fmt} |{bar}| {desc}")
    with bar:
        for step in range(1, steps + 1):
            batch = task.sample(batch_size, generator).to(_device(machine))
            outputs, _ = machine(batch.inputs)
            bits = bits_per_sequence(outputs, batch)
            optimizer.zero_grad()
            (bits / batch.mask.sum() * batch_size).backward()  # per counted bit, so that length does not set the scale
            norm = nn.utils.clip_grad_norm_(machine.parameters(), clip_norm)
            if not (math.isfinite(bits.item()) and math.isfinite(norm.item())):
                message = f"step {step}: the loss is {bits.item()} and its gradient's norm {norm.item()}"
                raise FloatingPointError(message + "; try a lower learning_rate or clip_norm")
            optimizer.step()
            schedule.step()
            history.bits.append(bits.item())
            history.wrong.append(wrong_bits(outputs, batch).mean().item())
            streak = 0 if history.wrong[-1] else streak + 1
            bar.set_description_str(f"{bits.item():6.2f} bits, {history.wrong[-1]:5.2f} wrong", refresh=False)
            bar.update()
            if after_step is not None:
                after_step(step)
            if history.solved_at is None and streak >= SOLVED_STREAK:
                history.solved_at = step if evaluate(machine, task, seed=TEST_SEED + step) == 0 else None
            if stop_when_solved and history.solved_at is not None:
                break
    return history


def _device(machine: nn.Module) -> torch.device:
    return next(machine.parameters()).device
