"""The tasks that the machines learn: each draws batches of sequences with the answers that are wanted.

A task is a frozen dataclass of its sizes with ``input_size``, ``output_size`` and ``sample(batch_size, seed)``.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

Seed = int | torch.Generator


@dataclass(frozen=True)
class Batch:
    """Sequences of one length, time first."""

    inputs: Float[Tensor, "T batch I"]
    targets: Float[Tensor, "T batch O"]
    mask: Bool[Tensor, "T batch O"]  # which steps and bits of the targets count

    def to(self, device: torch.device | str) -> "Batch":
        return Batch(self.inputs.to(device), self.targets.to(device), self.mask.to(device))


def as_generator(seed: Seed) -> torch.Generator:
    """A fresh generator for a seed; a generator as it is, to go on from where it stands."""
    return seed if isinstance(seed, torch.Generator) else torch.Generator().manual_seed(seed)


def _random_bits(*shape: int, generator: torch.Generator) -> Tensor:
    return torch.randint(0, 2, shape, generator=generator).float()


def _check_range(**bounds: tuple[int, int]) -> None:
    for name, (value, lowest) in bounds.items():
        if value < lowest:
            raise ValueError(f"{name} must be at least {lowest}, got {value}")


def _question_then_answer(question: Float[Tensor, "Q batch I"], answer: Float[Tensor, "A batch O"]) -> Batch:
    """Show the question, then a delimiter on a channel of its own, then nothing while the answer is wanted."""
    asked, batch_size, channels = question.shape
    answered, _, bits = answer.shape
    inputs = torch.zeros(asked + 1 + answered, batch_size, channels + 1)
    inputs[:asked, :, :channels] = question
    inputs[asked, :, channels] = 1
    targets = torch.zeros(asked + 1 + answered, batch_size, bits)
    targets[asked + 1 :] = answer
    mask = torch.zeros_like(targets, dtype=torch.bool)
    mask[asked + 1 :] = True
    return Batch(inputs, targets, mask)


@dataclass(frozen=True)
class CopyTask:
    """Repeat a sequence of random bit vectors after its end (section 4.1 of the paper).

    Inputs have ``bits`` data channels and one channel for the delimiter; a sequence of length L takes 2 L + 1 steps.

    >>> batch = CopyTask(bits=2).sample(batch_size=1, seed=0, length=3)
    >>> batch.inputs.shape, int(batch.mask.sum())
    (torch.Size([7, 1, 3]), 6)
    """

    bits: int = 8
    min_length: int = 1
    max_length: int = 20

    def __post_init__(self):
        _check_range(
            bits=(self.bits, 1), min_length=(self.min_length, 1), max_length=(self.max_length, self.min_length)
        )

    @property
    def input_size(self) -> int:
        return self.bits + 1

    @property
    def output_size(self) -> int:
        return self.bits

    def sample(self, batch_size: int, seed: Seed, length: int | None = None) -> Batch:
        """Draw sequences of one length: the one given, or one between ``min_length`` and ``max_length``.

        Args:
            batch_size: number of sequences, at least 1.
            seed: a seed, or a generator that goes on from where it is.
            length: any length of at least 1, also beyond ``max_length``.

        Raises:
            ValueError: a batch size or length below 1.
        """
        generator = as_generator(seed)
        if length is None:
            length = int(torch.randint(self.min_length, self.max_length + 1, (), generator=generator))
        _check_range(batch_size=(batch_size, 1), length=(length, 1))
        vectors = _random_bits(length, batch_size, self.bits, generator=generator)
        return _question_then_answer(vectors, vectors)


@dataclass(frozen=True)
class PrioritySortTask:
    """Sort bit vectors by a priority that comes with each, highest first (section 4.5 of the paper).

    Inputs have ``bits`` data channels, one for the priority (uniform in -1 to 1) and one for the delimiter. The answer
    is the ``answers`` vectors of highest priority; the paper asks for 16 of 20.

    >>> batch = PrioritySortTask(bits=2, items=5, answers=3).sample(batch_size=1, seed=0)
    >>> batch.inputs.shape, int(batch.mask.sum())
    (torch.Size([9, 1, 4]), 6)
    """

    bits: int = 8
    items: int = 20
    answers: int = 16

    def __post_init__(self):
        _check_range(bits=(self.bits, 1), answers=(self.answers, 1), items=(self.items, self.answers))

    @property
    def input_size(self) -> int:
        return self.bits + 2

    @property
    def output_size(self) -> int:
        return self.bits

    def sample(self, batch_size: int, seed: Seed, items: int | None = None, answers: int | None = None) -> Batch:
        """Draw sequences of ``items`` vectors, of which ``answers`` are wanted (both default to the task's own).

        Args:
            batch_size: number of sequences, at least 1.
            seed: a seed, or a generator that goes on from where it is.
            items: vectors shown.
            answers: vectors wanted, from 1 to ``items``.

        Raises:
            ValueError: a size out of range.
        """
        generator = as_generator(seed)
        items = self.items if items is None else items
        answers = min(self.answers, items) if answers is None else answers
        _check_range(batch_size=(batch_size, 1), answers=(answers, 1), items=(items, answers))
        vectors = _random_bits(items, batch_size, self.bits, generator=generator)
        priority = 2 * torch.rand(items, batch_size, 1, generator=generator) - 1
        order = priority.argsort(dim=0, descending=True)[:answers]
        return _question_then_answer(
            torch.cat([vectors, priority], dim=-1), vectors.gather(0, order.expand(-1, -1, self.bits))
        )
