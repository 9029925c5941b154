"""Every equation: against the oracle, its gradients, its invariants at the extremes, and planted cases."""

import jaxtyping
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from oracles import ntm as oracle
from torch.nn.functional import one_hot
from torch.testing import assert_close

import implementation
from implementation import (
    add,
    address,
    circular_shift,
    content_addressing,
    cosine_similarity,
    erase,
    interpolate,
    read,
    sharpen,
    write,
    write_heads,
)

B, H = 7, 13
SIZES = {"n": 11, "m": 5, "s": 3, "w": 2}  # with B and H six different primes: mixed-up axes cannot pass
LEADING = {  # of the first argument, and of the others
    "none": ((), ()),
    "batch": ((B,), (B,)),
    "one memory for all heads": ((B, 1), (B, H)),
    "first without batch": ((), (B, H)),
    "others without batch": ((B, H), (H,)),
}
EQUATIONS = list(oracle.SIGNATURES)
WITH_SCALARS = [name for name, signature in oracle.SIGNATURES.items() if "()" in signature]


def draw(argument, *shape, dtype=torch.float64):
    """Random values in the range of the argument of this name."""
    if argument in ("weighting", "weightings", "content", "previous", "shift"):
        return torch.softmax(2 * torch.randn(shape, dtype=dtype), dim=-1)
    if argument in ("erase_vector", "erase_vectors", "gate"):
        return torch.rand(shape, dtype=dtype)
    if argument == "strength":
        return 10 * torch.rand(shape, dtype=dtype)
    if argument == "gamma":
        return 1 + 3 * torch.rand(shape, dtype=dtype)
    return torch.randn(shape, dtype=dtype)


def draw_all(name, first=(), others=(), dtype=torch.float64):
    """Random arguments of an equation; the first may have other leading dimensions than the others."""
    return [
        draw(argument, *(others if i else first), *(SIZES[dim] for dim in dims), dtype=dtype)
        for i, (argument, dims) in enumerate(oracle.arguments(name).items())
    ]


def test_wrong_shapes_are_caught_by_the_import_hook():
    """Else no other test would check what the signatures promise."""
    with pytest.raises(jaxtyping.TypeCheckError):
        read(torch.zeros(3, 2), torch.zeros(4))


# --- Against the oracle


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.float64, 1e-12)])
@pytest.mark.parametrize("leading", LEADING)
@pytest.mark.parametrize("name", EQUATIONS)
def test_equation_equals_the_oracle(name, leading, dtype, tolerance):
    inputs = draw_all(name, *LEADING[leading], dtype=dtype)
    result = getattr(implementation, name)(*inputs)
    expected = oracle.over_leading(name)(*(x.double().numpy() for x in inputs))
    assert result.dtype == dtype
    assert_close(result.double(), torch.from_numpy(expected), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("kind", [float, int])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", WITH_SCALARS)
def test_plain_numbers_serve_as_scalars(name, dtype, kind):
    inputs = [kind(x) if x.ndim == 0 else x for x in draw_all(name, dtype=dtype)]
    tensors = [torch.tensor(x, dtype=dtype) if isinstance(x, kind) else x for x in inputs]
    equation = getattr(implementation, name)
    assert torch.equal(equation(*inputs), equation(*tensors))


@pytest.mark.parametrize("S", [1, 3, 5, 7])
@pytest.mark.parametrize("N", [1, 2, 5, 11])
def test_any_odd_shift_width_on_any_memory(N, S):
    weighting, shift = draw("weighting", N), draw("shift", S)
    expected = oracle.circular_shift(weighting.numpy(), shift.numpy())
    assert_close(circular_shift(weighting, shift), torch.from_numpy(expected), rtol=1e-12, atol=1e-12)


# --- Gradients


@pytest.mark.parametrize("leading", [((), ()), ((2, 1), (2, 3))], ids=["none", "one memory for all heads"])
@pytest.mark.parametrize("name", EQUATIONS)
def test_gradients_equal_finite_differences(name, leading):
    inputs = [x.requires_grad_() for x in draw_all(name, *leading)]
    assert torch.autograd.gradcheck(getattr(implementation, name), inputs)


# --- Invariants


def assert_weighting(weighting):
    assert (weighting >= 0).all()
    assert_close(weighting.sum(-1), torch.ones(weighting.shape[:-1]), rtol=0, atol=1e-6)


def assert_addressing_is_safe(*inputs):
    """Weightings come out of it, and finite gradients for every input."""
    memory, _, key, strength, *_ = inputs = [x.requires_grad_() for x in inputs]
    assert_weighting(content_addressing(memory, key, strength))
    weighting = address(*inputs)
    assert_weighting(weighting)
    gradients = torch.autograd.grad(weighting, inputs, torch.randn_like(weighting))
    assert all(gradient.isfinite().all() for gradient in gradients)


@st.composite
def addressings(draw):
    """Arguments of :func:`address` at any size; Hypothesis likes zeros, ones and the ends of ranges."""
    N, M, radius = draw(st.integers(1, 9)), draw(st.integers(1, 5)), draw(st.integers(0, 3))

    def real(*shape):
        return torch.from_numpy(draw(arrays("float32", shape, elements=st.floats(-100, 100, width=32))))

    def weighting(size):
        weights = torch.from_numpy(draw(arrays("float32", size, elements=st.floats(0, 1, width=32), fill=st.just(0.0))))
        weights[draw(st.integers(0, size - 1))] += 1
        return weights / weights.sum()

    strength, gate, gamma = (torch.tensor(draw(st.floats(*ends))) for ends in ((0, 1e4), (0, 1), (1, 1e3)))
    return real(N, M), weighting(N), real(M), strength, gate, weighting(2 * radius + 1), gamma


@given(addressings())
def test_addressing_is_safe_at_any_size(inputs):
    assert_addressing_is_safe(*inputs)


def test_addressing_is_safe_for_ten_thousand_heads_at_the_extremes():
    count, N, M, S = 10_000, SIZES["n"], SIZES["m"], SIZES["s"]

    def mixed(*choices):
        return torch.stack(choices)[torch.randint(len(choices), (count,)), torch.arange(count)]

    def weighting(size):
        return mixed(torch.rand(count, size).softmax(-1), one_hot(torch.randint(size, (count,)), size).float())

    memory, zeros, ones = torch.randn(count, N, M), torch.zeros(count), torch.ones(count)
    assert_addressing_is_safe(
        mixed(memory, memory * (torch.rand(count, N, 1) < 0.5), 0 * memory, torch.full_like(memory, 1e-6)),
        weighting(N),
        mixed(torch.randn(count, M), torch.zeros(count, M), torch.full((count, M), 1e-6)),
        mixed(zeros, torch.rand(count), 1e4 * torch.rand(count), 1e4 * ones),
        mixed(zeros, torch.rand(count), ones),
        weighting(S),
        mixed(ones, 1 + torch.rand(count), 1 + 999 * torch.rand(count), 1e3 * ones),
    )


# --- Planted cases: reading and writing


def test_sharp_read_returns_a_row_and_uniform_read_the_mean():
    memory = torch.randn(5, 3)
    assert torch.equal(read(memory, torch.eye(5)[3]), memory[3])
    torch.testing.assert_close(read(memory, torch.full((5,), 0.2)), memory.mean(dim=0))


def test_writing_at_full_strength_replaces_a_row():
    memory, row, ones = torch.randn(3, 2), torch.randn(2), torch.ones(2)
    written = write(memory, torch.tensor([0.0, 1.0, 0.0]), ones, row)
    assert torch.equal(written, torch.stack([memory[0], row, memory[2]]))


def test_erasing_after_adding_is_not_writing():
    memory, weighting, erase_vector, add_vector = draw_all("write")
    backwards = erase(add(memory, weighting, add_vector), weighting, erase_vector)
    assert not torch.allclose(write(memory, weighting, erase_vector, add_vector), backwards, atol=1e-3)


def test_several_heads_write_as_one_erase_after_another_and_then_one_add_after_another():
    expected, weightings, erase_vectors, add_vectors = inputs = draw_all("write_heads", (B,), (B,))
    for head in range(SIZES["w"]):
        expected = erase(expected, weightings[:, head], erase_vectors[:, head])
    for head in range(SIZES["w"]):
        expected = add(expected, weightings[:, head], add_vectors[:, head])
    assert_close(write_heads(*inputs), expected, rtol=1e-12, atol=1e-12)


def test_order_of_write_heads_does_not_matter():
    memory, *heads = draw_all("write_heads", (B,), (B,))
    assert_close(write_heads(memory, *(x.flip(1) for x in heads)), write_heads(memory, *heads), rtol=1e-12, atol=1e-12)


# --- Planted cases: addressing


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_zero_vectors_have_similarity_zero(dtype):
    memory, key = torch.tensor([[0, 0], [3, 4]], dtype=dtype), torch.tensor([3, 4], dtype=dtype)
    assert torch.equal(cosine_similarity(memory, key), torch.tensor([0, 1], dtype=dtype))
    assert torch.equal(cosine_similarity(memory, 0 * key), torch.zeros(2, dtype=dtype))


def test_lengths_below_the_floor_count_as_the_floor():
    long, short, tenth = torch.tensor([1.0]), torch.tensor([1e-9]), torch.tensor([0.1])
    assert_close(cosine_similarity(short.unsqueeze(0), long), tenth)
    assert_close(cosine_similarity(long.unsqueeze(0), short), tenth)


def test_strength_zero_is_uniform():
    memory, key, _ = draw_all("content_addressing", (B, 1), (B, H))
    uniform = torch.full((B, H, 11), 1 / 11, dtype=torch.float64)
    assert_close(content_addressing(memory, key, 0.0), uniform, rtol=1e-15, atol=0)


def test_huge_strength_picks_the_best_match():
    memory, key, _ = draw_all("content_addressing", (B,), (B,))
    best = cosine_similarity(memory, key).argmax(-1)
    assert_close(content_addressing(memory, key, 1e4), one_hot(best, 11).double())


@pytest.mark.parametrize("scalar", [float, int, torch.tensor])
def test_gate_is_exact_at_its_ends(scalar):
    content, previous = draw("content", B, 11).float(), draw("previous", B, 11).float()
    assert torch.equal(interpolate(content, previous, scalar(1.0)), content)
    assert torch.equal(interpolate(content, previous, scalar(0.0)), previous)


@pytest.mark.parametrize(("S", "move"), [(S, move) for S in (1, 3, 5, 7) for move in range(-(S // 2), S // 2 + 1)])
@pytest.mark.parametrize("N", [2, 11])
def test_one_hot_shift_is_roll(N, S, move):
    weighting, shift = draw("weighting", B, N), one_hot(torch.tensor(move + S // 2), S).double()
    assert torch.equal(circular_shift(weighting, shift), weighting.roll(move, dims=-1))


def test_shift_by_one_walks_round_the_memory():
    weighting, forward = torch.tensor([1.0, 0.0, 0.0, 0.0]), torch.tensor([0.0, 0.0, 1.0])
    for location in (0, 1, 2, 3, 0):
        assert torch.equal(weighting, one_hot(torch.tensor(location), 4).float())
        weighting = address(torch.randn(4, 2), weighting, torch.randn(2), 1.0, 0.0, forward, 1.0)


def test_gamma_one_changes_nothing():
    weighting = draw("weighting", B, 11)
    assert_close(sharpen(weighting, 1), weighting, rtol=1e-15, atol=0)


def test_huge_gamma_picks_the_largest():
    assert_close(sharpen(torch.tensor([0.33, 0.34, 0.33]), 1e3), torch.tensor([0.0, 1.0, 0.0]))


@pytest.mark.parametrize("N", [2, 11, 10_007])
def test_huge_gamma_keeps_a_tie(N):
    uniform = torch.full((N,), 1 / N)
    assert_close(sharpen(uniform, 1e3), uniform)
