"""The tasks, checked by independent means.

What a sequence says is decoded by hand, with loops, dictionaries and Python's sorted; what is random is counted.
"""

import dataclasses
import math
import statistics
from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from toys import ReverseCopy, WhichCame

from course.scoring import evaluate
from course.tasks import (
    TASKS,
    AssociativeRecallTask,
    Batch,
    CopyTask,
    NGramsTask,
    PrioritySortTask,
    RepeatCopyTask,
    Task,
)
from course.tasks.base import as_generator, bits_per_sequence, class_name, wrong_bits

ANSWERING = [
    CopyTask(bits=3, min_length=2, max_length=5),
    RepeatCopyTask(bits=3, min_length=2, max_length=5, min_repeats=2, max_repeats=4),
    AssociativeRecallTask(bits=5, item_length=2, min_items=3, max_items=5),
    PrioritySortTask(bits=3, items=7, answers=5),
]
SMALL = [*ANSWERING, NGramsTask(order=3, length=11)]

small, seeds = st.integers(1, 5), st.integers(0, 2**32)


def ids(task):
    return type(task).__name__


def tensors(batch):
    return batch.inputs, batch.targets, batch.mask


def same(a, b):
    return all(x.shape == y.shape and torch.equal(x, y) for x, y in zip(tensors(a), tensors(b), strict=True))


# --- What all tasks share


@pytest.mark.parametrize("task", SMALL, ids=ids)
def test_the_same_seed_draws_the_same_batch_and_a_generator_goes_on(task):
    first = task.sample(4, seed=11)
    assert same(first, task.sample(4, seed=11)) and not same(first, task.sample(4, seed=12))
    generator, fresh = torch.Generator().manual_seed(11), torch.Generator().manual_seed(11)
    followed = [task.sample(4, generator) for _ in range(3)]
    assert same(followed[0], first)
    assert not same(followed[1], followed[0]) and not same(followed[2], followed[1])
    assert all(same(batch, task.sample(4, fresh)) for batch in followed)


@pytest.mark.parametrize("task", SMALL, ids=ids)
def test_global_randomness_is_neither_used_nor_moved(task):
    before = torch.get_rng_state()
    first = task.sample(2, seed=0)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(99)
    assert same(first, task.sample(2, seed=0))


@pytest.mark.parametrize("task", SMALL, ids=ids)
def test_shapes_fit_the_sizes_that_the_task_states(task):
    batch = task.sample(4, seed=2)
    assert batch.inputs.shape[1:] == (4, task.input_size)
    assert batch.targets.shape == batch.mask.shape == (*batch.inputs.shape[:2], task.output_size)
    assert batch.inputs.dtype == batch.targets.dtype == torch.float32 and batch.mask.dtype == torch.bool
    assert set(batch.targets.unique().tolist()) == {0.0, 1.0}
    assert not torch.equal(batch.targets[:, 0], batch.targets[:, 1])  # sequences are draws of their own


@pytest.mark.parametrize(
    ("task", "sizes"),
    [(CopyTask, (9, 8)), (RepeatCopyTask, (10, 9)), (AssociativeRecallTask, (8, 6)), (NGramsTask, (1, 1))]
    + [(PrioritySortTask, (10, 8))],
)
def test_channels_of_the_papers_sizes(task, sizes):
    assert (task().input_size, task().output_size) == sizes


@pytest.mark.parametrize("task", ANSWERING, ids=ids)
def test_the_answer_starts_after_the_delimiter_and_only_it_counts(task):
    batch = task.sample(4, seed=2)
    start = int(batch.mask[:, 0, 0].float().argmax())
    assert (batch.inputs[start - 1, :, -1] == 1).all() and batch.inputs[start:].eq(0).all()
    assert not batch.mask[:start].any() and batch.mask[start:].all()
    assert batch.targets[:start].eq(0).all()
    assert (batch.inputs[..., -1] == 1).sum() == batch.inputs[..., -1].sum()


@pytest.mark.parametrize("task", ANSWERING, ids=ids)
def test_data_bits_are_fair_coins(task):
    shares = task.sample(5000, seed=5).inputs[1, :, : task.bits].mean(dim=0)  # one share a channel
    assert ((shares > 0.47) & (shares < 0.53)).all()


def test_a_batch_goes_to_a_device_as_a_whole():
    batch = CopyTask(bits=2).sample(2, seed=0, length=3)
    assert [tensor.device.type for tensor in tensors(batch.to("meta"))] == ["meta"] * 3
    assert same(batch.to("cpu"), batch) and isinstance(batch.to("cpu"), Batch)


def test_a_task_is_a_value_that_cannot_change():
    assert CopyTask(bits=3) == CopyTask(bits=3) != CopyTask(bits=4)
    with pytest.raises(dataclasses.FrozenInstanceError):
        CopyTask().bits = 4
    assert all(isinstance(task, Task) for task in SMALL)
    with pytest.raises(TypeError, match="abstract"):
        Task()


def test_a_generator_stays_itself_and_a_seed_makes_a_fresh_one():
    generator = torch.Generator()
    assert as_generator(generator) is generator
    assert as_generator(5).initial_seed() == 5 and as_generator(5) is not as_generator(5)


# --- Copy


@given(bits=small, length=st.integers(1, 60), batch_size=small, seed=seeds)
def test_copy_wants_what_it_showed(bits, length, batch_size, seed):
    batch = CopyTask(bits=bits).sample(batch_size, seed, length=length)
    assert batch.inputs.shape == (2 * length + 1, batch_size, bits + 1)
    for b in range(batch_size):
        for t in range(length):
            assert batch.inputs[t, b, :bits].tolist() == batch.targets[length + 1 + t, b].tolist()
    assert batch.inputs[:length, :, bits].eq(0).all()


def test_blanks_are_the_share_of_vectors_that_is_blotted_out():
    """A vector of 16 bits is blank by chance once in 65,536 times: of 4,000 none, or one."""
    for share in (0.0, 0.1, 0.5):
        batch = CopyTask(bits=16, blanks=share).sample(400, seed=3, length=10)
        blank = batch.inputs[:10, :, :16].eq(0).all(-1)
        assert abs(blank.float().mean() - share) <= 4 * math.sqrt(share * (1 - share) / 4000) + 1 / 4000
        assert torch.equal(batch.targets[11:], batch.inputs[:10, :, :16])
    for impossible in (-0.1, 1.0):
        with pytest.raises(ValueError, match=f"blanks must be from 0 to below 1, got {impossible}"):
            CopyTask(blanks=impossible)


# --- Repeat copy


@given(bits=small, length=st.integers(1, 15), repeats=st.integers(1, 20), seed=seeds)
def test_repeat_copy_wants_every_copy_and_then_one_end_marker(bits, length, repeats, seed):
    batch = RepeatCopyTask(bits=bits).sample(2, seed, length=length, repeats=repeats)
    start = length + 1
    assert len(batch.inputs) == start + length * repeats + 1
    for b in range(2):
        shown = batch.inputs[:length, b, :bits].tolist()
        assert batch.targets[start:-1, b, :bits].tolist() == shown * repeats
        assert batch.targets[:, b, bits].tolist() == [0] * (len(batch.targets) - 1) + [1]
    assert batch.targets[-1, :, :bits].eq(0).all()
    count = (repeats - statistics.fmean(range(1, 11))) / statistics.pstdev(range(1, 11))
    assert batch.inputs[length, :, bits].tolist() == pytest.approx([count, count], rel=1e-5)
    batch.inputs[length, :, bits] = 0
    assert batch.inputs[:, :, bits].eq(0).all()  # the number is shown once, with the delimiter
    assert batch.inputs[:, 0, bits + 1].tolist() == [float(t == length) for t in range(len(batch.inputs))]


@pytest.mark.parametrize(("lowest", "highest"), [(1, 10), (2, 3), (5, 40)])
def test_normalised_counts_have_mean_0_and_variance_1_over_the_range(lowest, highest):
    task = RepeatCopyTask(min_repeats=lowest, max_repeats=highest)
    counts = [task.normalised(repeats) for repeats in range(lowest, highest + 1)]
    assert statistics.fmean(counts) == pytest.approx(0, abs=1e-12)
    assert statistics.pvariance(counts) == pytest.approx(1)
    assert task.normalised(2 * highest) - task.normalised(highest) == pytest.approx(highest * (counts[1] - counts[0]))


# --- Associative recall


def decode_recall(batch, b, bits):
    """Items and query of a sequence, from its inputs alone: a list of vectors for each item, as tuples."""
    items, queries, reading = [], [], None
    for vector in batch.inputs[:, b].tolist():
        if vector[bits + 1] == 1:  # a query starts or ends
            reading = queries
            queries.append(())
        elif vector[bits] == 1:
            reading = items
            items.append(())
        elif reading is items or len(queries) == 1:
            reading[-1] += (tuple(vector[:bits]),)
        if sum(vector[bits:]) > 0:
            assert vector[bits:] in ([0, 1], [1, 0]) and not any(vector[:bits])
    assert len(queries) == 2  # the second is the delimiter that ends the first
    return items, queries[0]


@given(bits=st.integers(4, 6), item_length=st.integers(1, 4), items=st.integers(2, 20), seed=seeds)
def test_recall_wants_the_item_after_the_one_that_is_asked_for(bits, item_length, items, seed):
    batch = AssociativeRecallTask(bits=bits, item_length=item_length).sample(2, seed, items=items)
    assert len(batch.inputs) == items * (1 + item_length) + 2 + 2 * item_length
    for b in range(2):
        shown, query = decode_recall(batch, b, bits)
        assert len(shown) == items and {len(item) for item in [*shown, query]} == {item_length}
        followers = {}
        for item, follower in zip(shown, shown[1:], strict=False):
            followers.setdefault(item, []).append(follower)  # few bits: an item may come twice
        answer = tuple(map(tuple, batch.targets[-item_length:, b].tolist()))
        assert answer in followers[query]


def test_recall_asks_for_any_item_but_the_last():
    batch = AssociativeRecallTask(bits=20).sample(600, seed=0, items=4)
    decoded = [decode_recall(batch, b, 20) for b in range(600)]
    asked = Counter(items.index(query) for items, query in decoded)
    assert set(asked) == {0, 1, 2} and min(asked.values()) > 150


# --- Priority sort


@given(bits=small, items=st.integers(1, 40), data=st.data(), seed=seeds)
def test_sort_agrees_with_pythons_sorted(bits, items, data, seed):
    answers = data.draw(st.integers(1, items))
    batch = PrioritySortTask(bits=bits).sample(2, seed, items=items, answers=answers)
    assert batch.inputs.shape == (items + 1 + answers, 2, bits + 2)
    for b in range(2):
        shown = [(batch.inputs[t, b, bits].item(), batch.inputs[t, b, :bits].tolist()) for t in range(items)]
        wanted = [vector for _, vector in sorted(shown, key=lambda pair: -pair[0])][:answers]
        assert batch.targets[items + 1 :, b].tolist() == wanted
    assert batch.inputs[:items, :, bits + 1].eq(0).all() and batch.inputs[items, :, bits].eq(0).all()


def test_priorities_are_uniform_from_minus_1_to_1():
    priorities = PrioritySortTask(bits=1).sample(2000, seed=4).inputs[:20, :, 1]
    assert -1 <= priorities.min() < -0.99 and 0.99 < priorities.max() <= 1
    assert abs(priorities.mean()) < 0.02 and priorities.var() == pytest.approx(1 / 3, rel=0.03)


def test_sort_takes_other_sizes_at_a_call():
    task = PrioritySortTask(bits=4, items=9, answers=6)
    assert len(task.sample(1, 0).inputs) == 9 + 1 + 6
    assert len(task.sample(1, 0, items=12).inputs) == 12 + 1 + 6
    assert len(task.sample(1, 0, items=12, answers=12).inputs) == 25
    assert len(task.sample(1, 0, items=3).inputs) == 3 + 1 + 3
    assert len(task.sample(1, 0, answers=2).inputs) == 9 + 1 + 2
    assert len(PrioritySortTask().sample(1, 0).inputs) == 37  # the paper's 20 in, 16 out


# --- The ranges of training


def draws(task, size, count=300):
    generator = torch.Generator().manual_seed(0)
    return Counter(size(task.sample(1, generator)) for _ in range(count))


def steps_to_the_delimiter(batch):
    return int(batch.inputs[:, 0, -1].argmax())


RANGES = {
    "copy: length": (ANSWERING[0], steps_to_the_delimiter, range(2, 6)),
    "repeat copy: length": (ANSWERING[1], steps_to_the_delimiter, range(2, 6)),
    "repeat copy: repeats": (
        ANSWERING[1],
        lambda batch: (len(batch.inputs) - 2) // steps_to_the_delimiter(batch) - 1,
        range(2, 5),
    ),
    "recall: items": (ANSWERING[2], lambda batch: int(batch.inputs[:, 0, -2].sum()), range(3, 6)),
    "the paper's copy": (CopyTask(), steps_to_the_delimiter, range(1, 21)),
    "the paper's repeat copy": (RepeatCopyTask(), steps_to_the_delimiter, range(1, 11)),
    "the paper's recall": (AssociativeRecallTask(), lambda batch: int(batch.inputs[:, 0, -2].sum()), range(2, 7)),
    "a range of one": (CopyTask(min_length=4, max_length=4), steps_to_the_delimiter, range(4, 5)),
}


@pytest.mark.parametrize(("task", "size", "wanted"), RANGES.values(), ids=RANGES)
def test_every_size_of_the_range_is_drawn_and_no_other(task, size, wanted):
    counts = draws(task, size)
    assert set(counts) == set(wanted)
    assert min(counts.values()) > 0.3 * 300 / len(wanted)  # about evenly


# --- Dynamic n-grams


def test_ngrams_show_each_bit_after_it_was_wanted():
    batch = NGramsTask().sample(3, seed=0)
    assert batch.inputs.shape == batch.targets.shape == (200, 3, 1)
    assert batch.mask.all()
    assert batch.inputs[0].eq(0).all() and torch.equal(batch.inputs[1:], batch.targets[:-1])
    assert NGramsTask().sample(2, 0, length=1000).inputs.shape == (1000, 2, 1)
    assert NGramsTask().sample(2, 0, length=1).inputs.tolist() == [[[0.0], [0.0]]]


def test_tables_are_drawn_from_beta_one_half_one_half():
    """A sequence of order 1 shows its one probability. Of that law 1/3 lies below 1/4, and as much above 3/4."""
    shares = NGramsTask(order=1).sample(6000, seed=0, length=1000).targets.mean(dim=(0, 2))
    assert shares.mean().item() == pytest.approx(1 / 2, abs=0.015)
    assert shares.var().item() == pytest.approx(1 / 8, abs=0.004)
    assert (shares < 0.25).float().mean().item() == pytest.approx(1 / 3, abs=0.02)
    assert (shares > 0.75).float().mean().item() == pytest.approx(1 / 3, abs=0.02)


def test_each_context_has_a_probability_of_its_own():
    """Of order 3: the shares of ones after 00, 01, 10 and 11 are spread as Beta(1/2, 1/2), and not correlated."""
    bits = NGramsTask(order=3).sample(3000, seed=1, length=1500).targets.squeeze(-1)
    context, following = 2 * bits[:-2] + bits[1:-1], bits[2:]
    seen = torch.stack([(context == c).sum(0) for c in range(4)])
    ones = torch.stack([((context == c) & (following == 1)).sum(0) for c in range(4)])
    shares = (ones / seen)[:, seen.min(0).values >= 30]  # of the sequences that show every context often
    correlation = torch.corrcoef(shares) - torch.eye(4)
    assert shares.shape[1] > 1000
    assert (shares.std(dim=1) > 0.3).all() and correlation.abs().max() < 0.3


def test_first_bits_are_fair_coins():
    """All 32 patterns of the first 5 bits come about equally often."""
    bits = NGramsTask().sample(6400, seed=2, length=5).targets.squeeze(-1)
    counts = Counter(map(tuple, bits.T.tolist()))
    assert len(counts) == 32 and min(counts.values()) > 130 and max(counts.values()) < 270  # 200, 5 deviations off


@pytest.mark.parametrize(("order", "length"), [(1, 30), (2, 30), (4, 60), (6, 200), (6, 3)])
def test_optimum_agrees_with_a_double_loop(order, length):
    task = NGramsTask(order=order, length=length)
    batch = task.sample(4, seed=order)
    chances = task.optimal(batch)
    assert chances.shape == (length, 4)
    for b in range(4):
        bits = "".join(str(int(bit)) for bit in batch.targets[:, b, 0])
        for t in range(length):
            context, ones, zeros = bits[max(t - order + 1, 0) : t], 0, 0
            for earlier in range(order - 1, t):
                if bits[earlier - order + 1 : earlier] == context:
                    ones, zeros = ones + (bits[earlier] == "1"), zeros + (bits[earlier] == "0")
            assert chances[t, b].item() == pytest.approx((ones + 0.5) / (ones + zeros + 1), rel=1e-6)


@pytest.mark.parametrize("order", [1, 3, 6])
def test_bits_of_the_optimum_have_a_closed_form(order):
    """In each context n1 ones and n0 zeros in any order have the probability B(n1 + 1/2, n0 + 1/2) / pi."""
    task = NGramsTask(order=order, length=150)
    batch = task.sample(1, seed=order)
    bits = "".join(str(int(bit)) for bit in batch.targets.flatten())
    counts = Counter((bits[t - order + 1 : t], bits[t]) for t in range(order - 1, 150))
    total = order - 1.0
    for context in {context for context, _ in counts}:
        ones, zeros = counts[context, "1"], counts[context, "0"]
        log_beta = math.lgamma(ones + 0.5) + math.lgamma(zeros + 0.5) - math.lgamma(ones + zeros + 1)
        total -= (log_beta - math.log(math.pi)) / math.log(2)
    assert task.optimum(batch).item() == pytest.approx(total, rel=1e-5)


def test_optimum_costs_about_133_bits_as_in_the_paper():
    """Sequences differ by 36 bits (their standard deviation), so the mean of 10,000 is known to 0.4 bits."""
    task = NGramsTask()
    batch = task.sample(10_000, seed=3)
    assert task.optimum(batch).item() == pytest.approx(133.2, abs=1)


def test_no_prediction_that_differs_a_little_costs_less():
    task = NGramsTask()
    batch = task.sample(2000, seed=3)
    logits = task.optimal(batch).logit().unsqueeze(-1)
    bits = bits_per_sequence(logits, batch).item()
    assert bits == pytest.approx(task.optimum(batch).item(), rel=1e-5)
    for factor in (0.9, 1.1):  # less sure and surer
        assert bits_per_sequence(factor * logits, batch).item() > bits + 0.1


def test_optimum_means_what_it_says():
    """Where it says p, a share of about p are ones: so it is only if the tables have the law that it assumes."""
    task = NGramsTask()
    batch = task.sample(2000, seed=4)
    chances, bits = task.optimal(batch)[5:].flatten(), batch.targets[5:].flatten()
    for low in range(10):
        here = (chances >= low / 10) & (chances < (low + 1) / 10)
        assert here.sum() > 5000
        assert bits[here].mean().item() == pytest.approx(chances[here].mean().item(), abs=0.015)


def test_optimum_stays_on_the_device_of_its_batch():
    task = NGramsTask(order=2, length=4)
    assert task.optimal(task.sample(2, seed=0).to("meta")).device.type == "meta"


# --- Errors

IMPOSSIBLE = [
    (lambda: CopyTask(bits=0), "bits must be at least 1, got 0"),
    (lambda: CopyTask(min_length=0), "min_length must be at least 1, got 0"),
    (lambda: CopyTask(min_length=5, max_length=4), "max_length must be at least 5, got 4"),
    (lambda: CopyTask().sample(1, 0, length=0), "length must be at least 1, got 0"),
    (lambda: RepeatCopyTask(bits=0), "bits must be at least 1, got 0"),
    (lambda: RepeatCopyTask(min_length=0), "min_length must be at least 1, got 0"),
    (lambda: RepeatCopyTask(min_length=3, max_length=2), "max_length must be at least 3, got 2"),
    (lambda: RepeatCopyTask(min_repeats=0), "min_repeats must be at least 1, got 0"),
    (lambda: RepeatCopyTask(min_repeats=4, max_repeats=4), "max_repeats must be at least 5, got 4"),
    (lambda: RepeatCopyTask().sample(1, 0, length=0), "length must be at least 1, got 0"),
    (lambda: RepeatCopyTask().sample(1, 0, repeats=-2), "repeats must be at least 1, got -2"),
    (lambda: AssociativeRecallTask(bits=0), "bits must be at least 1, got 0"),
    (lambda: AssociativeRecallTask(item_length=0), "item_length must be at least 1, got 0"),
    (lambda: AssociativeRecallTask(min_items=1), "min_items must be at least 2, got 1"),
    (lambda: AssociativeRecallTask(min_items=4, max_items=3), "max_items must be at least 4, got 3"),
    (lambda: AssociativeRecallTask().sample(1, 0, items=1), "items must be at least 2, got 1"),
    (lambda: NGramsTask(order=0), "order must be at least 1, got 0"),
    (lambda: NGramsTask(length=0), "length must be at least 1, got 0"),
    (lambda: NGramsTask().sample(1, 0, length=0), "length must be at least 1, got 0"),
    (lambda: NGramsTask().optimal(CopyTask(bits=2).sample(3, 0, length=4)), r"shape \[T, batch, 1\], got \[9, 3, 2\]"),
    (lambda: PrioritySortTask(bits=0), "bits must be at least 1, got 0"),
    (lambda: PrioritySortTask(answers=0), "answers must be at least 1, got 0"),
    (lambda: PrioritySortTask(items=3, answers=4), "items must be at least 4, got 3"),
    (lambda: PrioritySortTask().sample(1, 0, items=5, answers=6), "items must be at least 6, got 5"),
    (lambda: PrioritySortTask().sample(1, 0, answers=0), "answers must be at least 1, got 0"),
]


@pytest.mark.parametrize(("wrong", "message"), IMPOSSIBLE)
def test_impossible_sizes_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        wrong()


@pytest.mark.parametrize("task", SMALL, ids=ids)
def test_an_empty_batch_is_refused(task):
    with pytest.raises(ValueError, match="batch_size must be at least 1, got 0"):
        task.sample(0, seed=0)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: CopyTask(bits=2.0), "bits must be a whole number, got 2.0"),
        (lambda: CopyTask().sample(1, 0, length=3.5), "length must be a whole number, got 3.5"),
        (lambda: RepeatCopyTask().sample(1, 0, repeats="2"), "repeats must be a whole number, got '2'"),
        (lambda: AssociativeRecallTask().sample(1, 0, items=True), "items must be a whole number, got True"),
        (lambda: NGramsTask(order=2.5), "order must be a whole number, got 2.5"),
        (lambda: PrioritySortTask().sample(2.0, 0), "batch_size must be a whole number, got 2.0"),
    ],
)
def test_sizes_that_are_no_whole_numbers_are_refused(wrong, message, unhooked, monkeypatch):
    for module in ("bits", "base"):
        monkeypatch.setattr(f"course.tasks.{module}.check_sizes", unhooked.check_sizes)
    with pytest.raises(TypeError, match=message):
        wrong()


# --- What a task of one's own gets from the base


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (lambda: ReverseCopy(bits=0), ValueError, "bits must be at least 1, got 0"),
        (lambda: ReverseCopy(min_length=0), ValueError, "min_length must be at least 1, got 0"),
        (lambda: ReverseCopy(min_length=5, max_length=4), ValueError, "max_length must be at least 5, got 4"),
        (lambda: ReverseCopy(bits=2.5), TypeError, "bits must be a whole number, got 2.5"),
        (lambda: ReverseCopy().sample(0, 0), ValueError, "batch_size must be at least 1, got 0"),
        (lambda: ReverseCopy().sample(1, 0, length=0), ValueError, "length must be at least 1, got 0"),
        (lambda: ReverseCopy().sample(1, 0, length="3"), TypeError, "length must be a whole number, got '3'"),
        (lambda: ReverseCopy().sample(1, 0, items=3), TypeError, "ReverseCopy has no size 'items', only length"),
        (lambda: WhichCame(wait=-1), ValueError, "wait must be at least 1, got -1"),
    ],
)
def test_impossible_sizes_are_refused_for_a_task_of_ones_own(wrong, error, message, unhooked, monkeypatch):
    monkeypatch.setattr("course.tasks.base.check_sizes", unhooked.check_sizes)
    with pytest.raises(error, match=message):
        wrong()


def test_a_task_of_ones_own_draws_its_sizes_from_their_ranges():
    lengths = Counter((len(ReverseCopy().sample(1, seed=seed).inputs) - 1) // 2 for seed in range(200))
    assert lengths.keys() == {1, 2, 3, 4} and min(lengths.values()) > 20
    batch = ReverseCopy().sample(2, seed=0, length=7)
    assert torch.equal(batch.targets[8:], batch.inputs[:7, :, :3].flip(0))
    assert len(WhichCame(wait=4).sample(1, seed=0).inputs) == 5 and len(WhichCame().sample(1, 0, wait=9).inputs) == 10


def test_a_task_names_the_class_that_files_know_it_by():
    assert class_name(ReverseCopy()) == "toys:ReverseCopy"
    assert {class_name(task) for task in TASKS.values()} == {
        "course.tasks.bits:CopyTask",
        "course.tasks.bits:RepeatCopyTask",
        "course.tasks.bits:AssociativeRecallTask",
        "course.tasks.bits:PrioritySortTask",
        "course.tasks.ngrams:NGramsTask",
    }, "files that are shipped name these"


def test_a_task_owns_its_loss_its_errors_and_what_it_asks():
    """One answer of five: sure and right costs nothing, no idea costs log2(5) bits."""
    task = WhichCame()
    batch = task.sample(4, seed=0)
    right = 50 * batch.targets
    assert (
        task.loss(right, batch).item() == pytest.approx(0, abs=1e-6) and task.errors(right, batch).tolist() == [0] * 4
    )
    assert task.loss(0 * right, batch).item() == pytest.approx(math.log2(5))
    half = right.clone()
    half[-1, :2] = half[-1, :2].roll(1, dims=-1)
    assert task.errors(half, batch).tolist() == [1, 1, 0, 0]
    assert task.asked(batch) == 4 and task.optimum(batch) is None

    class Teacher(torch.nn.Module):
        """Says after the wait what it saw at the start."""

        def __init__(self):
            super().__init__()
            self.unused = torch.nn.Parameter(torch.zeros(1))

        def forward(self, inputs, state=None):
            outputs = torch.zeros_like(inputs)
            outputs[-1] = 50 * inputs[0]
            return outputs, state

    score = evaluate(Teacher(), task, 30, seed=0)
    assert (score.asked, score.wrong, score.optimum) == (1, 0, None) and score.bits < 1e-6


def test_the_tasks_of_the_paper_say_what_they_ask():
    for task in ANSWERING:
        batch = task.sample(3, seed=0)
        assert task.asked(batch) == int(batch.mask.sum())
        assert task.optimum(batch) is None
        logits = torch.randn(batch.targets.shape)
        assert torch.equal(task.errors(logits, batch), wrong_bits(logits, batch))
        assert torch.equal(task.loss(logits, batch), bits_per_sequence(logits, batch))
    assert {name: tuple(task.sizes) for name, task in TASKS.items()} == {
        "copy": ("length",),
        "repeat-copy": ("length", "repeats"),
        "associative-recall": ("items",),
        "n-grams": ("length",),
        "priority-sort": ("items", "answers"),
    }
