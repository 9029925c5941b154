"""The LSTM that the paper compares the Neural Turing Machine with."""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from implementation import check_sizes, check_tensors

LSTMState = tuple[Float[Tensor, "layers batch hidden"], Float[Tensor, "layers batch hidden"]]


@dataclass(frozen=True)
class LSTMTrace:
    """A run, step by step, with time as first axis: the state after each step, and the last one as it is passed on."""

    outputs: Float[Tensor, "T batch O"]
    hidden: Float[Tensor, "T batch layers hidden"]
    cell: Float[Tensor, "T batch layers hidden"]
    state: LSTMState


class LSTM(nn.Module):
    """Stacked LSTM layers and a linear output: a network without a memory matrix (section 4 and table 3 of the paper).

    Called as the NTM is: ``outputs, state = lstm(inputs, state=None)`` with time first, outputs are logits. Without a
    state a sequence starts from a learned hidden and cell state, zero before training: the paper resets to learned
    values too.

    Args:
        input_size: width of an input vector.
        output_size: width of an output vector.
        hidden_size: units of each layer.
        layers: number of layers.

    >>> lstm = LSTM(input_size=5, output_size=4, hidden_size=8)
    >>> outputs, (hidden, cell) = lstm(torch.zeros(7, 2, 5))
    >>> outputs.shape, hidden.shape
    (torch.Size([7, 2, 4]), torch.Size([3, 2, 8]))
    """

    resizable = False

    def __init__(self, input_size: int, output_size: int, hidden_size: int = 256, layers: int = 3):
        super().__init__()
        check_sizes(input_size=input_size, output_size=output_size, hidden_size=hidden_size, layers=layers)
        self.lstm = nn.LSTM(input_size, hidden_size, layers)
        self.output = nn.Linear(hidden_size, output_size)
        self.start = nn.Parameter(torch.zeros(2, layers, 1, hidden_size))  # hidden, then cell state

    @property
    def config(self) -> dict[str, Any]:
        """The keywords that make the machine again."""
        sizes = {"input_size": self.lstm.input_size, "output_size": self.output.out_features}
        return sizes | {"hidden_size": self.lstm.hidden_size, "layers": self.lstm.num_layers}

    def initial_state(self, batch_size: int) -> LSTMState:
        """The state before the first step, the same for every sequence of the batch."""
        check_sizes(batch_size=batch_size)
        hidden, cell = self.start.expand(-1, -1, batch_size, -1).contiguous()
        return hidden, cell

    def step(self, x: Float[Tensor, "batch I"], state: LSTMState) -> tuple[Float[Tensor, "batch O"], LSTMState]:
        """Advance by one time step, from :meth:`initial_state` or the state of the step before."""
        check_tensors(exact=True, x=(x, "batch input_size"))
        outputs, state = self(x.unsqueeze(0), state)
        return outputs[0], state

    def forward(
        self, inputs: Float[Tensor, "T batch I"], state: LSTMState | None = None
    ) -> tuple[Float[Tensor, "T batch O"], LSTMState]:
        """Run over whole sequences, from ``state`` or from :meth:`initial_state`; the state is the last step's.

        Raises:
            ValueError, TypeError: a tensor has another shape or dtype than the machine; the message names it.
        """
        sizes = {"input_size": self.lstm.input_size}
        check_tensors(sizes, exact=True, inputs=(inputs, "T batch input_size"), weight=(self.output.weight, "out in"))
        state = self.initial_state(inputs.shape[1]) if state is None else state
        sizes = {"layers": self.lstm.num_layers, "batch": inputs.shape[1], "hidden": self.lstm.hidden_size}
        hidden, cell = ((part, "layers batch hidden") for part in state)
        check_tensors(sizes, exact=True, hidden=hidden, cell=cell, weight=(self.output.weight, "out in"))
        hidden, state = self.lstm(inputs, state)
        return self.output(hidden), state

    def trace(self, inputs: Float[Tensor, "T batch I"], state: LSTMState | None = None) -> LSTMTrace:
        """Run as :meth:`forward` does, and keep the state of every step. Errors are the same."""
        state, outputs, states = self.initial_state(inputs.shape[1]) if state is None else state, [], []
        for x in inputs:
            output, state = self.step(x, state)
            outputs.append(output)
            states.append(torch.stack(state).transpose(1, 2))  # [2, batch, layers, hidden]
        hidden, cell = torch.stack(states, dim=1)
        return LSTMTrace(outputs=torch.stack(outputs), hidden=hidden, cell=cell, state=state)
