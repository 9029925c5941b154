"""What the paper compares the Neural Turing Machine with."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

LSTMState = tuple[Float[Tensor, "layers batch hidden"], Float[Tensor, "layers batch hidden"]]


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

    def __init__(self, input_size: int, output_size: int, hidden_size: int = 256, layers: int = 3):
        super().__init__()
        self.lstm = nn.LSTM(input_size, hidden_size, layers)
        self.output = nn.Linear(hidden_size, output_size)
        self.start = nn.Parameter(torch.zeros(2, layers, 1, hidden_size))  # hidden, then cell state

    def initial_state(self, batch_size: int) -> LSTMState:
        """The state before the first step, the same for every sequence of the batch."""
        hidden, cell = self.start.expand(-1, -1, batch_size, -1).contiguous()
        return hidden, cell

    def forward(
        self, inputs: Float[Tensor, "T batch I"], state: LSTMState | None = None
    ) -> tuple[Float[Tensor, "T batch O"], LSTMState]:
        """Run over whole sequences, from ``state`` or from :meth:`initial_state`; the state is the last step's."""
        state = self.initial_state(inputs.shape[1]) if state is None else state
        hidden, state = self.lstm(inputs, state)
        return self.output(hidden), state
