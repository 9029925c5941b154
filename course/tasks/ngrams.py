"""The dynamic n-grams task, and the best that any machine can do at it."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from course.tasks.base import Batch, BitsTask, Sizes, bits_per_sequence


@dataclass(frozen=True)
class NGramsTask(BitsTask):
    """Predict each next bit of a sequence drawn from a random n-gram table (section 4.4 of the paper).

    Every sequence has a table of its own: for each context of ``order - 1`` bits the probability that a 1 follows,
    drawn from Beta(1/2, 1/2). The first ``order - 1`` bits are fair coins. A step shows one bit and the next is wanted;
    all ``length`` bits count. The first is wanted before any was shown, at a step whose input is 0.

    >>> batch = NGramsTask(order=2).sample(batch_size=1, seed=0, length=5)
    >>> bool((batch.inputs[1:] == batch.targets[:-1]).all()), int(batch.mask.sum())
    (True, 5)
    """

    order: int = 6
    length: int = 200

    bits = 1
    input_marks = 0

    @property
    def contexts(self) -> int:
        """Number of contexts, and so of rows in a table."""
        return 2 ** (self.order - 1)

    @property
    def sizes(self) -> Sizes:
        """The ``length`` of a sequence in bits."""
        return {"length": self.length}

    def draw(self, batch_size: int, generator: torch.Generator, length: int) -> Batch:
        """Draw sequences of ``length`` bits."""
        angles = torch.rand(batch_size, self.contexts, generator=generator) * math.pi / 2
        table = angles.sin().square()  # Beta(1/2, 1/2) is the arcsine law
        coins = torch.rand(length, batch_size, generator=generator)
        targets = torch.zeros(length, batch_size, 1)
        everyone, context = torch.arange(batch_size), torch.zeros(batch_size, dtype=torch.long)
        for step, coin in enumerate(coins):
            bit = (coin < (table[everyone, context] if step >= self.order - 1 else 0.5)).long()
            targets[step, :, 0] = bit
            context = (2 * context + bit) % self.contexts
        return Batch(F.pad(targets[:-1], (0, 0, 0, 0, 1, 0)), targets, torch.ones_like(targets, dtype=torch.bool))

    def optimal(self, batch: Batch) -> Float[Tensor, "T batch"]:
        """The best possible prediction of each bit, as the probability of a 1: Bayesian, from the counts so far.

        With N1 ones and N0 zeros seen after the same context, it is (N1 + 1/2) / (N1 + N0 + 1), as in the paper. The
        first ``order - 1`` bits get 1/2.

        Args:
            batch: what a task of the same order has drawn, on any device.

        Raises:
            ValueError: the targets have another width than 1.
        """
        if batch.targets.shape[-1] != 1:
            raise ValueError(f"targets must have shape [T, batch, 1], got {list(batch.targets.shape)}")
        bits = batch.targets.squeeze(-1).long()
        chances = torch.full_like(batch.targets.squeeze(-1), 0.5)
        counts = batch.targets.new_full((bits.shape[1], self.contexts, 2), 0.5)
        everyone, context = torch.arange(bits.shape[1], device=bits.device), torch.zeros_like(bits[0])
        for step, bit in enumerate(bits):
            if step >= self.order - 1:
                seen = counts[everyone, context]
                chances[step] = seen[:, 1] / seen.sum(-1)
                counts[everyone, context, bit] += 1
            context = (2 * context + bit) % self.contexts
        return chances

    def optimum(self, batch: Batch) -> Float[Tensor, ""]:
        """What :meth:`optimal` costs in bits per sequence: no machine costs less, on average over many sequences.

        >>> task = NGramsTask()
        >>> task.optimum(task.sample(batch_size=2, seed=0, length=5)).item()  # 5 fair coins: nothing to know
        5.0
        """
        return bits_per_sequence(self.optimal(batch).logit().unsqueeze(-1), batch)
