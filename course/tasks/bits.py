"""Four of the paper's tasks, on bit vectors. Each draws batches of sequences with the answers that are wanted.

A sequence is a question, a delimiter on an input channel of its own, and then zeros for as many steps as the answer
takes. Only the steps of the answer count.
"""

import math
from dataclasses import dataclass

import torch
from torch.nn import functional as F

from course.tasks.base import Batch, BitsTask, Sizes, question_then_answer, random_bits
from implementation import check_sizes


@dataclass(frozen=True)
class CopyTask(BitsTask):
    """Repeat a sequence of random bit vectors after its end (section 4.1 of the paper).

    Inputs have ``bits`` data channels and one channel for the delimiter; a sequence of length L takes 2 L + 1 steps.

    An all-zero vector looks like a step of the answer, and chance makes only one of 256. To practise them, ``blanks``
    blots out that share of the vectors, from 0 (the paper's task) to below 1.

    >>> batch = CopyTask(bits=2).sample(batch_size=1, seed=0, length=3)
    >>> batch.inputs.shape, int(batch.mask.sum())
    (torch.Size([7, 1, 3]), 6)
    """

    bits: int = 8
    min_length: int = 1
    max_length: int = 20
    blanks: float = 0.0

    def __post_init__(self):
        super().__post_init__()
        if not 0 <= self.blanks < 1:
            raise ValueError(f"blanks must be from 0 to below 1, got {self.blanks}")

    @property
    def sizes(self) -> Sizes:
        """The ``length`` of a sequence."""
        return {"length": (self.min_length, self.max_length)}

    def draw(self, batch_size: int, generator: torch.Generator, length: int) -> Batch:
        """Draw sequences of one length."""
        vectors = random_bits(length, batch_size, self.bits, generator=generator)
        if self.blanks:
            vectors *= torch.rand(length, batch_size, 1, generator=generator) >= self.blanks
        return question_then_answer(vectors, vectors)


@dataclass(frozen=True)
class RepeatCopyTask(BitsTask):
    """Repeat a sequence a given number of times, then say that it is done (section 4.2 of the paper).

    Inputs have ``bits`` data channels, one for the number of repeats, shown with the delimiter, and one for the
    delimiter. Outputs have ``bits`` data channels and one for the end marker, wanted at the step after the last copy
    and at no other.

    >>> batch = RepeatCopyTask(bits=2).sample(batch_size=1, seed=0, length=3, repeats=4)
    >>> batch.inputs.shape, batch.targets[:, 0, -1]  # 3 vectors, the delimiter, 4 copies, the end marker
    (torch.Size([17, 1, 4]), tensor([0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 1.]))
    """

    bits: int = 8
    min_length: int = 1
    max_length: int = 10
    min_repeats: int = 1
    max_repeats: int = 10

    input_marks = 2
    output_marks = 1

    def __post_init__(self):
        super().__post_init__()
        check_sizes(self.min_repeats + 1, max_repeats=self.max_repeats)  # one number alone has no variance

    def normalised(self, repeats: int) -> float:
        """The number that the machine sees for a count: over the training range it has mean 0 and variance 1."""
        choices = self.max_repeats - self.min_repeats + 1
        return (repeats - (self.min_repeats + self.max_repeats) / 2) / math.sqrt((choices**2 - 1) / 12)

    @property
    def sizes(self) -> Sizes:
        """The ``length`` of what is repeated, and the number of ``repeats``."""
        return {"length": (self.min_length, self.max_length), "repeats": (self.min_repeats, self.max_repeats)}

    def draw(self, batch_size: int, generator: torch.Generator, length: int, repeats: int) -> Batch:
        """Draw sequences that share a length and a number of repeats."""
        vectors = random_bits(length, batch_size, self.bits, generator=generator)
        answer = F.pad(vectors.repeat(repeats, 1, 1), (0, 1, 0, 0, 0, 1))
        answer[-1, :, -1] = 1
        batch = question_then_answer(F.pad(vectors, (0, 1)), answer)
        batch.inputs[length, :, self.bits] = self.normalised(repeats)
        return batch


@dataclass(frozen=True)
class AssociativeRecallTask(BitsTask):
    """Show items, then one of them again, and ask for the one that came after it (section 4.3 of the paper).

    An item is ``item_length`` vectors of ``bits`` bits. Inputs have ``bits`` data channels, one for the delimiter
    before each item and one for the delimiter on both sides of the query. Items are independent draws, so an item that
    is asked for may come twice: with 6 items of 18 bits in about 1 sequence of 50,000.

    >>> batch = AssociativeRecallTask(bits=2).sample(batch_size=1, seed=0, items=4)
    >>> batch.inputs.shape, int(batch.mask.sum())  # 4 items of 1 + 3 steps, the query of 1 + 3 + 1, the answer of 3
    (torch.Size([24, 1, 4]), 6)
    """

    bits: int = 6
    item_length: int = 3
    min_items: int = 2
    max_items: int = 6

    input_marks = 2

    def __post_init__(self):
        super().__post_init__()
        check_sizes(2, min_items=self.min_items)

    @property
    def sizes(self) -> Sizes:
        """The number of ``items``, at least 2."""
        return {"items": (self.min_items, self.max_items)}

    def draw(self, batch_size: int, generator: torch.Generator, items: int) -> Batch:
        """Draw sequences of as many items, at least 2. Each queries an item of its own, never the last one."""
        check_sizes(2, items=items)
        shown = random_bits(items, self.item_length, batch_size, self.bits, generator=generator)
        asked = torch.randint(items - 1, (batch_size,), generator=generator)
        everyone = torch.arange(batch_size)
        query, answer = (shown[which, :, everyone].transpose(0, 1) for which in (asked, asked + 1))
        question = F.pad(torch.cat([shown, query.unsqueeze(0)]), (0, 1, 0, 0, 1, 0))  # a step before each for its mark
        question[:items, 0, :, -1] = 1
        batch = question_then_answer(question.flatten(0, 1), answer)
        batch.inputs[items * (1 + self.item_length), :, -1] = 1
        return batch


@dataclass(frozen=True)
class PrioritySortTask(BitsTask):
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

    input_marks = 2

    def __post_init__(self):
        super().__post_init__()
        check_sizes(self.answers, items=self.items)

    @property
    def sizes(self) -> Sizes:
        """The number of ``items``, and how many ``answers`` are wanted: as the task says, or all if they are fewer."""
        return {"items": self.items, "answers": None}

    def draw(self, batch_size: int, generator: torch.Generator, items: int, answers: int | None) -> Batch:
        """Draw sequences of ``items`` vectors, of which ``answers`` are wanted."""
        answers = min(self.answers, items) if answers is None else answers
        check_sizes(answers, items=items)
        vectors = random_bits(items, batch_size, self.bits, generator=generator)
        priority = 2 * torch.rand(items, batch_size, 1, generator=generator) - 1
        first = priority.argsort(dim=0, descending=True)[:answers]
        wanted = vectors.gather(0, first.expand(-1, -1, self.bits))
        return question_then_answer(torch.cat([vectors, priority], dim=-1), wanted)
