"""The LSTM without a memory matrix."""

import torch

from course.machines.lstm import LSTM


def test_a_sequence_in_two_parts_is_the_same_as_in_one():
    lstm = LSTM(input_size=5, output_size=3, hidden_size=7, layers=2)
    inputs = torch.randn(11, 2, 5)
    outputs, (hidden, cell) = lstm(inputs)
    first, state = lstm(inputs[:4])
    second, (last_hidden, last_cell) = lstm(inputs[4:], state)
    assert outputs.shape == (11, 2, 3) and hidden.shape == cell.shape == (2, 2, 7)
    torch.testing.assert_close(torch.cat([first, second]), outputs)
    torch.testing.assert_close((last_hidden, last_cell), (hidden, cell))


def test_the_start_is_learned_and_every_sequence_has_it():
    lstm = LSTM(input_size=5, output_size=3, hidden_size=7)
    inputs = torch.randn(2, 1, 5).expand(-1, 4, -1)
    before, _ = lstm(inputs)
    before.sum().backward()
    assert lstm.start.grad.shape == (2, 3, 1, 7) and lstm.start.grad.abs().min() > 0
    zeros = torch.zeros(3, 4, 7)
    assert torch.equal(before, lstm(inputs, (zeros, zeros))[0])
    with torch.no_grad():
        lstm.start += torch.randn_like(lstm.start)
    after, _ = lstm(inputs)
    torch.testing.assert_close(after[:, :1].expand_as(after), after)
    assert (after - before).abs().max() > 0.01


def test_hidden_and_cell_state_are_not_mixed_up():
    lstm = LSTM(input_size=5, output_size=3, hidden_size=7)
    with torch.no_grad():
        lstm.start[0] += 0.1
        lstm.start[1] += 0.2
    hidden, cell = lstm.initial_state(4)
    torch.testing.assert_close((hidden, cell), (torch.full((3, 4, 7), 0.1), torch.full((3, 4, 7), 0.2)))
