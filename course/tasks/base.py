"""What a task is, and what it draws: a batch of sequences with the answers that are wanted."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

Seed = int | torch.Generator


@dataclass(frozen=True)
class Batch:
    """Sequences of one length, time first."""

    inputs: Float[Tensor, "T batch I"]
    targets: Float[Tensor, "T batch O"]
    mask: Bool[Tensor, "T batch O"]  # which steps and bits of the targets count

    def to(self, device: torch.device | str) -> "Batch":
        """The same batch on another device."""
        return Batch(self.inputs.to(device), self.targets.to(device), self.mask.to(device))


def as_generator(seed: Seed) -> torch.Generator:
    """A fresh generator for a seed; a generator as it is, to go on from where it stands."""
    return seed if isinstance(seed, torch.Generator) else torch.Generator().manual_seed(seed)


def draw(lowest: int, highest: int, generator: torch.Generator) -> int:
    """A whole number from ``lowest`` to ``highest``, both of them included."""
    return int(torch.randint(lowest, highest + 1, (), generator=generator))


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


class Task(ABC):
    """What the tasks share. Each is a frozen dataclass of its sizes; the defaults are those of the paper.

    A task with a size that is impossible is refused: ``TypeError`` if it is not a whole number, ``ValueError`` if it
    is out of range.
    """

    bits: int  # data channels, in the inputs and in the outputs
    input_marks = 1  # channels after them: the delimiter and whatever else a task shows
    output_marks = 0

    @property
    def input_size(self) -> int:
        """Channels of the inputs."""
        return self.bits + self.input_marks

    @property
    def output_size(self) -> int:
        """Channels of the targets."""
        return self.bits + self.output_marks

    @abstractmethod
    def sample(self, batch_size: int, seed: Seed, **sizes: int | None) -> Batch:
        """Draw sequences that are independent but of one length.

        Args:
            batch_size: number of sequences, at least 1.
            seed: a seed, or a generator that goes on from where it stands.
            sizes: how long or how many, in place of what the task itself would choose. Each task names its own; they
                may go beyond its training range.

        Raises:
            TypeError: a batch size or another size that is not a whole number.
            ValueError: one that is out of range.
        """
