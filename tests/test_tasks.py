"""The tasks, checked by independent means: loops and Python's sorted."""

import pytest
import torch

from course.tasks import CopyTask, PrioritySortTask

TASKS = [CopyTask(bits=3, min_length=2, max_length=5), PrioritySortTask(bits=3, items=7, answers=5)]


def ids(task):
    return type(task).__name__


@pytest.mark.parametrize("task", TASKS, ids=ids)
def test_the_same_seed_draws_the_same_batch_and_a_generator_goes_on(task):
    first, again = task.sample(4, seed=11), task.sample(4, seed=11)
    assert torch.equal(first.inputs, again.inputs) and torch.equal(first.targets, again.targets)
    generator = torch.Generator().manual_seed(11)
    followed = [task.sample(4, generator) for _ in range(2)]
    assert torch.equal(followed[0].inputs, first.inputs)
    assert followed[0].inputs.shape != followed[1].inputs.shape or not torch.equal(*(b.inputs for b in followed))


@pytest.mark.parametrize("task", TASKS, ids=ids)
def test_sizes_fit_and_the_answer_starts_after_the_delimiter(task):
    batch = task.sample(4, seed=2)
    assert batch.inputs.shape[1:] == (4, task.input_size)
    assert batch.targets.shape == batch.mask.shape == (*batch.inputs.shape[:2], task.output_size)
    marks = batch.inputs[..., -1]
    assert (marks.sum(dim=0) == 1).all()  # one delimiter a sequence, on a channel of its own
    at = int(marks[:, 0].argmax())
    assert batch.inputs[at, :, :-1].eq(0).all() and batch.inputs[at + 1 :].eq(0).all()
    assert not batch.mask[: at + 1].any() and batch.mask[at + 1 :].all()
    assert batch.targets[: at + 1].eq(0).all()


def test_copy_wants_what_it_showed():
    batch = CopyTask(bits=5).sample(3, seed=0, length=7)
    assert batch.inputs.shape == (15, 3, 6)
    for b in range(3):
        for t in range(7):
            assert batch.inputs[t, b, :5].tolist() == batch.targets[8 + t, b].tolist()
    assert set(batch.targets.unique().tolist()) == {0.0, 1.0}
    assert 0.3 < batch.inputs[:7, :, :5].mean() < 0.7


def test_copy_draws_every_length_of_its_range_and_no_other():
    generator = torch.Generator().manual_seed(0)
    task = CopyTask(bits=1, min_length=2, max_length=5)
    lengths = [(len(task.sample(1, generator).inputs) - 1) // 2 for _ in range(200)]
    assert set(lengths) == {2, 3, 4, 5}
    assert len(task.sample(1, generator, length=50).inputs) == 101


def test_sort_agrees_with_pythons_sorted():
    task = PrioritySortTask(bits=4, items=9, answers=6)
    batch = task.sample(5, seed=3)
    assert batch.inputs.shape == (16, 5, 6)
    for b in range(5):
        shown = [(batch.inputs[t, b, 4].item(), batch.inputs[t, b, :4].tolist()) for t in range(9)]
        wanted = [vector for _, vector in sorted(shown, key=lambda pair: -pair[0])][:6]
        assert batch.targets[10:, b].tolist() == wanted
    priorities = task.sample(2000, seed=4).inputs[:9, :, 4]
    assert -1 <= priorities.min() < -0.99 and 0.99 < priorities.max() <= 1
    assert abs(priorities.mean()) < 0.02


def test_sort_takes_other_sizes_at_a_call():
    task = PrioritySortTask(bits=4, items=9, answers=6)
    assert task.sample(1, 0, items=12).inputs.shape[0] == 12 + 1 + 6
    assert task.sample(1, 0, items=12, answers=12).inputs.shape[0] == 25
    assert task.sample(1, 0, items=3).inputs.shape[0] == 3 + 1 + 3
    assert PrioritySortTask().sample(1, 0).inputs.shape == (37, 1, 10)  # the paper's 20 in, 16 out, 8 bits


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: CopyTask(bits=0), "bits must be at least 1, got 0"),
        (lambda: CopyTask(min_length=5, max_length=4), "max_length must be at least 5, got 4"),
        (lambda: CopyTask().sample(0, 0), "batch_size must be at least 1"),
        (lambda: CopyTask().sample(1, 0, length=0), "length must be at least 1"),
        (lambda: PrioritySortTask(items=3, answers=4), "items must be at least 4, got 3"),
        (lambda: PrioritySortTask().sample(1, 0, items=5, answers=6), "items must be at least 6, got 5"),
        (lambda: PrioritySortTask().sample(1, 0, answers=0), "answers must be at least 1, got 0"),
    ],
)
def test_impossible_sizes_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        wrong()
