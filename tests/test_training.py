"""Loss, scores and the training loop."""

import math

import pytest
import torch
from torch import nn

from course.scaling import compiled
from course.tasks import Batch, CopyTask
from course.training import Trainer, Training, bits_per_sequence, evaluate, train, wrong_bits
from implementation import NTM


class Echo(nn.Module):
    """Answers the copy task by rule: remembers the whole input, and is wrong in the first ``errors`` bits."""

    def __init__(self, errors: int = 0):
        super().__init__()
        self.errors = errors
        self.unused = nn.Parameter(torch.zeros(1))

    def forward(self, inputs, state=None):
        length = (len(inputs) - 1) // 2
        answer = torch.cat([torch.zeros(length + 1, *inputs.shape[1:]), inputs[:length]])[..., :-1]
        logits = 10 * (2 * answer - 1) + 0 * self.unused
        logits[length + 1, :, : self.errors] *= -1
        return logits, state


def tiny_machine(seed=0):
    torch.manual_seed(seed)
    return NTM(input_size=3, output_size=2, controller_size=20, N=8, M=6)


def test_bits_agree_with_a_loop_over_probabilities():
    batch = CopyTask(bits=3).sample(4, seed=0, length=5)
    logits = torch.randn(batch.targets.shape, generator=torch.Generator().manual_seed(1))
    total = 0.0
    for t in range(logits.shape[0]):
        for b in range(4):
            for j in range(3):
                if batch.mask[t, b, j]:
                    p = 1 / (1 + math.exp(-logits[t, b, j].item()))
                    total -= math.log2(p if batch.targets[t, b, j] == 1 else 1 - p)
    assert bits_per_sequence(logits, batch).item() == pytest.approx(total / 4, rel=1e-5)


def test_what_the_mask_hides_does_not_count():
    batch = CopyTask(bits=3).sample(2, seed=0, length=4)
    logits = torch.randn(batch.targets.shape, generator=torch.Generator().manual_seed(1))
    changed = torch.where(batch.mask, logits, -7 * logits)
    assert torch.equal(bits_per_sequence(logits, batch), bits_per_sequence(changed, batch))
    assert torch.equal(wrong_bits(logits, batch), wrong_bits(changed, batch))


def test_wrong_bits_are_counted_for_each_sequence():
    targets = torch.tensor([[[1.0, 0.0], [1.0, 1.0]]])
    logits = torch.tensor([[[2.0, -2.0], [-0.1, 0.1]]])
    batch = Batch(torch.zeros(1, 2, 3), targets, torch.ones(1, 2, 2, dtype=torch.bool))
    assert wrong_bits(logits, batch).tolist() == [0, 1]


@pytest.mark.parametrize("sequences", [1, 10, 25])
def test_evaluate_averages_over_all_sequences(sequences):
    task = CopyTask(bits=3)
    assert evaluate(Echo(), task, sequences, seed=0).wrong == 0
    assert evaluate(Echo(errors=2), task, sequences, seed=0).wrong == 2


def test_evaluate_takes_lengths_and_memory_sizes():
    machine, task = tiny_machine(), CopyTask(bits=2)
    assert evaluate(machine, task, 5, seed=0, length=30) == evaluate(machine, task, 5, seed=0, length=30, N=8)
    assert evaluate(machine, task, 5, seed=0, length=30, N=64) != evaluate(machine, task, 5, seed=0, length=2, N=64)


def test_training_stops_when_solved_and_says_when(capsys):
    history = train(Echo(), CopyTask(bits=2), steps=50, batch_size=2)
    assert history.solved_at == len(history.bits) == len(history.wrong) == 20
    assert "step   20/50" in capsys.readouterr().out
    on = train(Echo(), CopyTask(bits=2), steps=50, batch_size=2, stop_when_solved=False)
    assert on.solved_at == 20 and len(on.bits) == 50


def test_a_task_that_is_never_right_is_never_solved():
    assert train(Echo(errors=1), CopyTask(bits=2), steps=50, batch_size=2).solved_at is None


def test_training_lowers_the_loss_and_is_repeatable():
    task = CopyTask(bits=2, max_length=3)
    first, again = tiny_machine(), tiny_machine()
    histories = [train(machine, task, steps=120, seed=1) for machine in (first, again)]
    assert histories[0].bits == histories[1].bits
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True))
    assert sum(histories[0].bits[-20:]) < 0.8 * sum(histories[0].bits[:20])
    assert train(tiny_machine(), task, steps=5, seed=2).bits != histories[0].bits[:5]


def test_the_rate_falls_to_zero_and_long_gradients_are_clipped():
    machine, task = tiny_machine(), CopyTask(bits=2, max_length=3)
    moves, last = [], [p.detach().clone() for p in machine.parameters()]

    def record(step, seen):
        now = [p.detach().clone() for p in machine.parameters()]
        moves.append(max((a - b).abs().max().item() for a, b in zip(now, last, strict=True)))
        last[:] = now

    train(machine, task, steps=40, learning_rate=1e-2, clip_norm=1e-3, after_step=record)
    norm = torch.stack([p.grad.norm() for p in machine.parameters()]).norm()
    assert norm <= 1.01e-3
    assert moves[0] == pytest.approx(1e-2, rel=0.01)  # Adam's first step is as long as the rate
    assert moves[-1] < 1e-3 < moves[0]


def test_a_loss_that_is_not_finite_stops_with_the_step():
    machine = tiny_machine()

    def break_it(step, seen):
        if step == 3:
            with torch.no_grad():
                machine.output.weight.fill_(math.nan)

    with pytest.raises(FloatingPointError, match="step 4: the loss is nan.*lower learning_rate"):
        train(machine, CopyTask(bits=2), steps=10, after_step=break_it)


@pytest.mark.parametrize("sizes", [{"steps": 0}, {"steps": 5, "batch_size": 0}])
def test_nothing_to_do_is_refused(sizes):
    with pytest.raises(ValueError, match="at least 1"):
        train(tiny_machine(), CopyTask(bits=2), **sizes)


@pytest.mark.parametrize("average", [0.0, 0.9])
def test_a_restored_trainer_goes_on_as_if_nothing_had_happened(average):
    def trainer(seed):
        training = Training(20, average=average)
        return Trainer(tiny_machine(seed), CopyTask(bits=2, max_length=3), training, seed=seed)

    whole, half, other = trainer(1), trainer(1), trainer(2)
    seen = list(whole)
    before = [next(iter(half)) for _ in range(8)]
    list(other)
    other.restore(*half.state())
    assert before + list(other) == seen
    assert whole.state()[1] == other.state()[1]
    tensors = [trainer.state()[0] for trainer in (whole, other)]
    assert tensors[0].keys() == tensors[1].keys()
    assert all(torch.equal(value, tensors[1][name]) for name, value in tensors[0].items())


def test_the_result_is_the_moving_average_of_the_weights():
    training = Training(6, learning_rate=1e-2, average=0.5)
    trainer = Trainer(tiny_machine(), CopyTask(bits=2, max_length=3), training)
    weights = []
    for _ in trainer:
        weights.append(trainer.machine.output.weight.detach().clone())
    expected = weights[0]
    for weight in weights[1:]:
        expected = 0.5 * expected + 0.5 * weight
    torch.testing.assert_close(trainer.result.output.weight, expected)
    assert trainer.result is not trainer.machine
    assert Trainer(trainer.machine, trainer.task, Training(1)).result is trainer.machine
    with pytest.raises(ValueError, match="average must be from 0 to below 1, got 1"):
        Training(1, average=1)


@pytest.mark.parametrize("controller", ["lstm", "feedforward"])
def test_a_compiled_step_trains_as_the_plain_one(unhooked, controller):
    task, traced = CopyTask(bits=2, max_length=3), []

    def backend(graph, inputs):
        traced.append(graph)
        return graph.forward

    def machine():
        torch.manual_seed(0)
        return unhooked.NTM(input_size=3, output_size=2, controller_size=20, N=8, M=6, controller=controller)

    plain, fast = machine(), machine()
    expected = list(Trainer(plain, task, Training(4), seed=1))
    with compiled(fast, backend):
        seen = list(Trainer(fast, task, Training(4), seed=1))
        evaluate(fast, task, 5, seed=0, N=12)
    torch.testing.assert_close(torch.tensor(seen), torch.tensor(expected))
    assert len(traced) == 1  # one graph for all steps but a sequence's first
    assert "step" not in vars(fast)


def test_a_curriculum_sets_the_sizes_until_its_stages_end():
    class Recorder(CopyTask):
        def sample(self, batch_size, seed, length=None):
            lengths.append(length)
            return super().sample(batch_size, seed, length=length)

    lengths, stages = [], [(20, {"length": (2, 3)}), (25, {"length": (5, 5)})]
    trainer = Trainer(Echo(), Recorder(bits=2), Training(60, batch_size=2, curriculum=stages))
    assert len(list(trainer)) == 60
    assert set(lengths[:20]) == {2, 3} and lengths[20:25] == [5] * 5 and set(lengths[25:]) == {None}
    assert trainer.solved_at == 45  # easy batches do not count


def test_practice_draws_the_training_and_the_task_the_test_of_what_is_solved():
    """A machine that is right on practice alone is never solved; one that is right on the task is."""
    task, practice = CopyTask(bits=2, max_length=4), CopyTask(bits=2, max_length=4, blanks=0.9)
    trainer = Trainer(tiny_machine(), task, Training(1, practice=practice), seed=5)
    batch = practice.sample(trainer.training.batch_size, seed=5)
    expected = bits_per_sequence(tiny_machine()(batch.inputs)[0], batch).item()
    assert next(iter(trainer)).bits == pytest.approx(expected, rel=1e-6)

    class Blind(Echo):
        """Knows only blank vectors."""

        def forward(self, inputs, state=None):
            return super().forward(inputs, state)[0].sub(20).clamp(max=-10), state

    allblank = CopyTask(bits=2, max_length=4, blanks=math.nextafter(1, 0))
    for machine, solved_at in [(Blind(), None), (Echo(), 20)]:
        trainer = Trainer(machine, task, Training(30, practice=allblank, stop_when_solved=True))
        assert all(seen.wrong == 0 for seen in trainer)
        assert trainer.solved_at == solved_at


def test_after_step_gets_what_was_seen_and_the_bar_can_be_left_out(capsys):
    told = []
    after = {"after_step": lambda step, seen: told.append((step, *seen))}
    history = train(tiny_machine(), CopyTask(bits=2), steps=4, progress=False, **after)
    assert capsys.readouterr().out == ""
    assert [step for step, *_ in told] == [1, 2, 3, 4]
    assert [bits for _, bits, _, _ in told] == history.bits and [wrong for _, _, wrong, _ in told] == history.wrong
    assert all(norm > 0 for *_, norm in told)


def test_an_optimiser_of_ones_own_follows_the_rate_and_is_restored():
    """Plain gradient descent moves each weight by the rate times its gradient."""

    def trainer(optimizer):
        training = Training(5, learning_rate=0.1, clip_norm=1e9)
        return Trainer(tiny_machine(), CopyTask(bits=2, max_length=3), training, optimizer=optimizer)

    plain = trainer(torch.optim.SGD)
    for step in range(5):
        before = plain.machine.output.bias.detach().clone()
        next(iter(plain))
        moved = before - plain.machine.output.bias.detach()
        torch.testing.assert_close(moved, 0.1 * (1 - step / 5) * plain.machine.output.bias.grad)

    def heavy(parameters, lr):
        return torch.optim.RMSprop(parameters, lr=lr, momentum=0.9, centered=True)

    whole, half, other = trainer(heavy), trainer(heavy), trainer(heavy)
    seen = list(whole)
    before = [next(iter(half)) for _ in range(2)]
    other.restore(*half.state())
    assert before + list(other) == seen


def test_a_training_says_the_same_from_a_file_as_from_code():
    stages = [[20, {"length": [2, 3]}]]
    assert Training(curriculum=stages) == Training(curriculum=((20, {"length": (2, 3)}),))
    assert Training(curriculum=stages) != Training(curriculum=((20, {"length": (2, 4)}),))
