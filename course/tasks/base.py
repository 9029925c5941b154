"""What a task is: what it draws, how good an answer is, and how good an answer can be."""

import dataclasses
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from implementation import check_sizes

Seed = int | torch.Generator
Sizes = Mapping[str, int | tuple[int, int] | None]


@dataclass(frozen=True)
class Batch:
    """Sequences of one length, time first."""

    inputs: Float[Tensor, "T batch I"]
    targets: Float[Tensor, "T batch O"]
    mask: Bool[Tensor, "T batch O"]  #: which steps and channels of the targets count

    def to(self, device: torch.device | str) -> "Batch":
        """The same batch on another device."""
        return Batch(self.inputs.to(device), self.targets.to(device), self.mask.to(device))


def as_generator(seed: Seed) -> torch.Generator:
    """A fresh generator for a seed; a generator as it is, to go on from where it stands."""
    return seed if isinstance(seed, torch.Generator) else torch.Generator().manual_seed(seed)


def draw_size(lowest: int, highest: int, generator: torch.Generator) -> int:
    """A whole number from ``lowest`` to ``highest``, both of them included."""
    return int(torch.randint(lowest, highest + 1, (), generator=generator))


def random_bits(*shape: int, generator: torch.Generator) -> Tensor:
    """Fair coins, 0 or 1, as floating-point numbers."""
    return torch.randint(0, 2, shape, generator=generator).float()


def question_then_answer(question: Float[Tensor, "Q batch I"], answer: Float[Tensor, "A batch O"]) -> Batch:
    """Show the question, then a delimiter on one more channel, then nothing while the answer is wanted.

    The batch takes Q + 1 + A steps; its inputs have I + 1 channels, and only the steps of the answer count.

    >>> batch = question_then_answer(torch.ones(2, 1, 1), torch.ones(3, 1, 1))
    >>> batch.inputs[:, 0].T
    tensor([[1., 1., 0., 0., 0., 0.],
            [0., 0., 1., 0., 0., 0.]])
    """
    asked, answered = len(question), len(answer)
    inputs = F.pad(question, (0, 1, 0, 0, 0, 1 + answered))
    inputs[asked, :, -1] = 1
    targets = F.pad(answer, (0, 0, 0, 0, 1 + asked, 0))
    mask = torch.zeros_like(targets, dtype=torch.bool)
    mask[asked + 1 :] = True
    return Batch(inputs, targets, mask)


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

    A task of one's own gives ``input_size`` and ``output_size`` (channels of the inputs and of the targets), the
    ``sizes`` of its sequences, and :meth:`draw`. It may have another :meth:`loss`, :meth:`errors` and :meth:`optimum`.

    Raises:
        TypeError: a field that is annotated as ``int`` is given something else.
        ValueError: such a field is below 1, or ``max_x`` below ``min_x``. A task with other limits states them in its
            own ``__post_init__``, which calls this one.
    """

    input_size: int
    output_size: int

    def __post_init__(self):
        whole = (entry.name for entry in dataclasses.fields(self) if entry.type in (int, "int"))
        sizes = {name: getattr(self, name) for name in whole}
        check_sizes(**sizes)
        for name, highest in sizes.items():
            lowest = sizes.get(name.replace("max_", "min_", 1), highest)
            check_sizes(lowest, **{name: highest})

    @property
    @abstractmethod
    def sizes(self) -> Sizes:
        """Each size that :meth:`draw` takes, by name, as the task chooses it, such as how long a sequence is.

        A pair of numbers is a range to draw from, both ends included; a number is always the same; None leaves the
        choice to :meth:`draw`.
        """

    @abstractmethod
    def draw(self, batch_size: int, generator: torch.Generator, **sizes: int | None) -> Batch:
        """Draw sequences of the given sizes. Every size is there, as :attr:`sizes` names them, and at least 1."""

    def sample(self, batch_size: int, seed: Seed, **sizes: int | None) -> Batch:
        """Draw sequences that are independent but of one length.

        Args:
            batch_size: number of sequences, at least 1.
            seed: a seed, or a generator that goes on from where it stands.
            sizes: in place of what the task itself would choose; they may go beyond its training range.

        Raises:
            TypeError: a batch size or another size that is not a whole number, or a size that the task does not have.
            ValueError: one that is out of range.
        """
        given = {name: size for name, size in sizes.items() if size is not None}
        for name in given.keys() - self.sizes.keys():
            raise TypeError(f"{type(self).__name__} has no size {name!r}, only {', '.join(self.sizes)}")
        check_sizes(batch_size=batch_size, **given)
        generator, chosen = as_generator(seed), {}
        for name, usual in self.sizes.items():
            drawn = draw_size(*usual, generator) if name not in given and isinstance(usual, tuple) else usual
            chosen[name] = given.get(name, drawn)
        return self.draw(batch_size, generator, **chosen)

    def loss(self, outputs: Float[Tensor, "T batch O"], batch: Batch) -> Float[Tensor, ""]:
        """What is trained on: bits per sequence, averaged over the batch. Here :func:`bits_per_sequence`."""
        return bits_per_sequence(outputs, batch)

    def errors(self, outputs: Float[Tensor, "T batch O"], batch: Batch) -> Float[Tensor, " batch"]:
        """How many answers of each sequence are wrong. Here :func:`wrong_bits`."""
        return wrong_bits(outputs, batch)

    def asked(self, batch: Batch) -> int:
        """How many answers the batch wants, right or wrong. Here the bits that count."""
        return int(batch.mask.sum())

    def optimum(self, batch: Batch) -> Float[Tensor, ""] | None:
        """The loss of the best possible answers where chance decides what is right; None where all can be right."""
        return None


class BitsTask(Task):
    """A task on bits, with marks on channels of their own.

    Its fields include ``bits``, the data channels of inputs and outputs.
    """

    bits: int
    input_marks = 1  # channels after the data: the delimiter and whatever else a task shows
    output_marks = 0

    @property
    def input_size(self) -> int:
        """Channels of the inputs."""
        return self.bits + self.input_marks

    @property
    def output_size(self) -> int:
        """Channels of the targets."""
        return self.bits + self.output_marks


def class_name(task: Task) -> str:
    """A task's class as files name it.

    >>> from course.tasks import CopyTask
    >>> class_name(CopyTask())
    'course.tasks.bits:CopyTask'
    """
    return f"{type(task).__module__}:{type(task).__qualname__}"
