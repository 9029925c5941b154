"""A machine and tasks that the course does not know: what a reader might add."""

import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from course.machines import Kind
from course.tasks import Batch, BitsTask, Task
from course.tasks.base import question_then_answer, random_bits
from implementation import check_sizes, check_tensors


@dataclass(frozen=True)
class ReverseCopy(BitsTask):
    """Repeat a sequence of bit vectors from its end to its beginning."""

    bits: int = 3
    min_length: int = 1
    max_length: int = 4

    @property
    def sizes(self):
        return {"length": (self.min_length, self.max_length)}

    def draw(self, batch_size, generator, length):
        vectors = random_bits(length, batch_size, self.bits, generator=generator)
        return question_then_answer(vectors, vectors.flip(0))


@dataclass(frozen=True)
class WhichCame(Task):
    """One of several classes is shown, then blanks; at the end one answer is wanted: which class it was."""

    classes: int = 5
    wait: int = 2

    @property
    def input_size(self):
        return self.classes

    @property
    def output_size(self):
        return self.classes

    @property
    def sizes(self):
        return {"wait": self.wait}

    def draw(self, batch_size, generator, wait):
        chosen = torch.randint(self.classes, (batch_size,), generator=generator)
        shown = F.one_hot(chosen, self.classes).float()
        inputs = torch.zeros(1 + wait, batch_size, self.classes)
        targets, mask = torch.zeros_like(inputs), torch.zeros_like(inputs, dtype=torch.bool)
        inputs[0], targets[-1], mask[-1] = shown, shown, True
        return Batch(inputs, targets, mask)

    def loss(self, outputs, batch):
        return F.cross_entropy(outputs[-1], batch.targets[-1].argmax(-1)) / math.log(2)

    def errors(self, outputs, batch):
        return (outputs[-1].argmax(-1) != batch.targets[-1].argmax(-1)).float()

    def asked(self, batch):
        return batch.targets.shape[1]


@dataclass(frozen=True)
class GRUTrace:
    outputs: torch.Tensor
    hidden: torch.Tensor
    state: torch.Tensor


class GRU(nn.Module):
    """One gated layer and a linear output."""

    resizable = False

    def __init__(self, input_size, output_size, hidden_size=20):
        super().__init__()
        check_sizes(input_size=input_size, output_size=output_size, hidden_size=hidden_size)
        self.cell, self.output = nn.GRUCell(input_size, hidden_size), nn.Linear(hidden_size, output_size)

    @property
    def config(self):
        sizes = {"input_size": self.cell.input_size, "output_size": self.output.out_features}
        return sizes | {"hidden_size": self.cell.hidden_size}

    def initial_state(self, batch_size):
        check_sizes(batch_size=batch_size)
        return self.output.weight.new_zeros(batch_size, self.cell.hidden_size)

    def step(self, x, state):
        sizes = {"input_size": self.cell.input_size, "hidden": self.cell.hidden_size}
        fitting = {
            "x": (x, "batch input_size"),
            "state": (state, "batch hidden"),
            "weight": (self.output.weight, "O hidden"),
        }
        check_tensors(sizes, exact=True, **fitting)
        state = self.cell(x, state)
        return self.output(state), state

    def forward(self, inputs, state=None):
        trace = self.trace(inputs, state)
        return trace.outputs, trace.state

    def trace(self, inputs, state=None):
        check_tensors(exact=True, inputs=(inputs, "T batch I"))
        state, steps = self.initial_state(inputs.shape[1]) if state is None else state, []
        for x in inputs:
            steps.append(self.step(x, state))
            state = steps[-1][1]
        outputs, hidden = (torch.stack(series) for series in zip(*steps, strict=True))
        return GRUTrace(outputs, hidden, state)


GRU_KIND = Kind("GRU", GRU, "{hidden_size} units")


class GRUController(nn.Module):
    """A controller of one's own for an NTM: its three members, and one tensor to remember."""

    state_tensors = 1

    def __init__(self, input_size, controller_size):
        super().__init__()
        self.cell = nn.GRUCell(input_size, controller_size)

    def initial_state(self, batch_size):
        return (self.cell.weight_hh.new_zeros(batch_size, self.cell.hidden_size),)

    def forward(self, x, state):
        hidden = self.cell(x, *state)
        return hidden, (hidden,)
