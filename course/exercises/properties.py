"""The tests of the functions of ``implementation.py``: what must hold for an answer, beyond agreeing with it."""

from collections.abc import Sequence
from functools import partial

import torch

import implementation
from course.exercises.cases import (
    FINE,
    LEADING,
    ONE_HOT,
    TINY,
    M,
    N,
    S,
    W,
    arguments,
    changed,
    close_match,
    empty_row,
    every_step,
    one_hot,
    random_cases,
    scalar,
    small_cases,
    tensors,
    tiny_memory,
)
from course.exercises.exercise import Test
from course.exercises.general import FINITE, careful, extreme
from course.exercises.predicates import (
    equals,
    finite_gradients,
    heads_in_any_order,
    last_row_untouched,
    lengths_do_not_count,
    rolled,
    row_read,
    row_replaced,
    single_head,
    sums_to_one,
    turned,
    within,
)


def special(name: str) -> Sequence[Test]:
    """The tests that an exercise has for itself: first what the equation promises, then extremes."""
    cases = random_cases(name, seed=1, leading=LEADING[1:])
    with_ = partial(changed, name, cases)
    plain = random_cases(name, seed=2, leading=[()])
    match name:
        case "read":
            return [
                Test("a one-hot weighting reads one row exactly", with_(weighting=ONE_HOT), row_read),
                Test("equal rows read as that row", with_(memory=2.5), equals(value=2.5)),
                Test("turning memory and weighting alike: same read", cases, turned((0, -2), (1, -1), output=None)),
                extreme("large numbers", with_(memory=2048.0, weighting=ONE_HOT)),
            ]
        case "cosine_similarity":
            both = [(memory, key / 64) for memory, key in tiny_memory(name)]
            return [
                Test("always between -1 and 1", cases, within(-1, 1)),
                Test("longer rows, a shorter key: same similarity", cases, lengths_do_not_count),
                Test("turning the memory turns the result", cases, turned((0, -2), output=-1)),
                extreme("an empty row or key has similarity 0", empty_row(name)),
                extreme(FINITE, empty_row(name), finite_gradients),
                extreme("rows of tiny numbers count as any others", [*tiny_memory(name), *both]),
                extreme("so does a key of tiny numbers", changed(name, plain, key=TINY)),
            ]
        case "content_addressing":
            far = (2 * one_hot(N, M), 3 * one_hot(M)[3])  # similarities 0 and 1, nothing between
            opposite = [(-m[:1] * torch.arange(1, N + 1).unsqueeze(-1), m[0], scalar(80)) for m, *_ in plain]
            return [
                Test("sums to one, nothing negative", cases, sums_to_one),
                Test("strength 0: uniform", with_(strength=0.0), equals(value=1 / N)),
                Test("turning the memory turns the result", cases, turned((0, -2), output=-1)),
                extreme("strength 1e4: the best match, no overflow", [(*far, scalar(1e4))]),
                extreme("two rows nearly alike, strengths 1 to 1e4", close_match()),
                extreme("no row is like the key, strength 80: uniform", opposite, equals(value=1 / N)),
                extreme("an empty row or key has similarity 0", empty_row(name)),
                extreme("rows of tiny numbers count as any others", tiny_memory(name)),
                extreme(FINITE, [*empty_row(name), *close_match()], finite_gradients),
            ]
        case "interpolate":
            return [
                Test("sums to one, nothing negative", cases, sums_to_one),
                Test("gate 1: the content weighting", with_(gate=1.0), equals(argument=0)),
                Test("gate 0: the previous weighting", with_(gate=0.0), equals(argument=1)),
                Test("turning both turns the result", cases, turned((0, -1), (1, -1), output=-1)),
            ]
        case "circular_shift":
            wide = [random_cases(name, seed=4, leading=[(), (2,)], width=width) for width in (1, 5, 7)]
            return [
                Test("sums to one, nothing negative", cases, sums_to_one),
                Test("all the weight on one step: a roll", [*every_step(3), *every_step(5)], rolled),
                Test("turning the weighting turns the result", cases, turned((0, -1), output=-1)),
                extreme("nearly all the weight on one step", tensors(([0.5, 0.25, 0, 0.25], [0, 0.004, 0.996]))),
                extreme("other shift widths: S = 1, 5, 7", sum(wide, [])),
            ]
        case "sharpen":
            two = torch.stack([FINE, FINE.flip(0) * 0.1 + 0.9 * one_hot(N)[0]])
            huge = [(FINE, scalar(1000)), *tensors(([0.5, 0.49, 0.01], 1000))]
            huge.append((two, torch.stack([scalar(1000), scalar(700)])))
            ties = tensors(([0.4, 0.2, 0.4], 1000), ([0.3, 0.3, 0.29, 0.11], 60), ([0.3, 0.29, 0.21, 0.2], 200))
            zeros = [(FINE, scalar(1)), (FINE, scalar(2.5))]
            return [
                Test("sums to one, nothing negative", cases, sums_to_one),
                Test("gamma 1 changes nothing", with_(gamma=1.0), equals(argument=0)),
                Test("turning the weighting turns the result", cases, turned((0, -1), output=-1)),
                extreme("gamma 1000: the largest, no underflow", huge),
                extreme("equal or nearly equal entries share the weight", ties),
                extreme("entries of exactly 0 stay 0", zeros),
                extreme(FINITE, [*zeros, *huge], finite_gradients),
            ]
        case "write":
            return [
                Test("a row that is not pointed at is kept", with_(weighting=ONE_HOT), last_row_untouched),
                Test("one-hot, erase 1: the row is replaced", with_(weighting=ONE_HOT, erase_vector=1.0), row_replaced),
                Test("erase 0, add 0: nothing happens", with_(erase_vector=0.0, add_vector=0.0), equals(argument=0)),
                Test("turning memory and weighting turns the result", cases, turned((0, -2), (1, -1), output=-2)),
                extreme(FINITE, with_(weighting=ONE_HOT, erase_vector=1.0), finite_gradients),
                extreme("large numbers", with_(memory=2048.0, weighting=ONE_HOT, erase_vector=0.5, add_vector=-4096.0)),
            ]
        case "write_heads":
            many = sum((random_cases(name, seed=4, leading=[(), (2,)], heads=heads) for heads in (1, 2, 5)), [])
            large = {"memory": 2048.0, "weightings": ONE_HOT, "erase_vectors": 0.5, "add_vectors": -4096.0}
            return [
                Test("the order of the heads does not matter", cases, heads_in_any_order),
                Test("a single head writes as `write` does", cases, single_head),
                extreme("other numbers of heads: W = 1, 2, 5", many),
                Test("erase 0, add 0: nothing happens", with_(erase_vectors=0.0, add_vectors=0.0), equals(argument=0)),
                Test("turning memory and weightings turns the result", cases, turned((0, -2), (1, -1), output=-2)),
                extreme("a row that all heads erase", with_(weightings=ONE_HOT, erase_vectors=1.0)),
                extreme(FINITE, with_(weightings=ONE_HOT, erase_vectors=1.0), finite_gradients),
                extreme("large numbers", with_(**large)),
            ]
        case "address":
            stay, step = one_hot(S)[1], one_hot(S)[2]
            wide = [random_cases(name, seed=4, leading=[(), (2,)], width=width) for width in (1, 5)]
            focused = changed(name, plain, previous=one_hot(N)[0])
            walking = [case for y in (1.5, 1000.0) for case in changed(name, focused, gate=0.0, shift=step, gamma=y)]
            still = {"gate": 1.0, "shift": stay, "gamma": 1.0}
            return [
                Test("sums to one, nothing negative", cases, sums_to_one),
                Test("gate 0, no move, gamma 1: stays", with_(gate=0.0, shift=stay, gamma=1.0), equals(argument=1)),
                Test("gate 1, no move, gamma 1: content alone", with_(**still)),
                Test("a head that walks: gate 0, move +1", with_(gate=0.0, shift=step)),
                Test("turning memory and previous turns the result", cases, turned((0, -2), (1, -1), output=-1)),
                extreme("other shift widths: S = 1, 5", sum(wide, [])),
                extreme("an empty row or key has similarity 0", empty_row(name)),
                extreme("rows of tiny numbers count as any others", tiny_memory(name)),
                extreme("the previous weighting all on one location", focused),
                extreme(FINITE, [*empty_row(name), *walking], finite_gradients),
                extreme("strength 1e4: no overflow", changed(name, plain, strength=1e4, **still)),
                extreme("gamma 1000: no underflow", changed(name, plain, gate=0.0, gamma=1000.0)),
            ]
    raise KeyError(name)


def property_tests(name: str) -> list[Test]:
    """All tests of an exercise, from the small examples to the gradients."""
    reference = getattr(implementation, name)
    clear = {"weighting": ONE_HOT, "weightings": one_hot(N)[:W], "erase_vector": 1.0, "erase_vectors": 1.0}
    here = {argument: value for argument, value in clear.items() if argument in arguments(name)}
    pointed = changed(name, random_cases(name, 7, [()]), **here) if name in ("read", "write", "write_heads") else []
    return [
        Test("small examples", small_cases(name), kind="ordinary"),
        Test("random cases, up to two leading dimensions", random_cases(name, seed=0), kind="ordinary"),
        *special(name),
        *careful(reference, random_cases(name, 6, [()]), [*random_cases(name, 5, [(), (2,)]), *pointed]),
    ]
