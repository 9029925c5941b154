"""Mistakes of sharpening, and of the order in which a head does its four stages."""

from collections.abc import Callable

import torch
from torch import Tensor

from course.exercises.mistakes import column, mistake, normalised
from implementation import address, circular_shift, content_addressing, interpolate, sharpen

LIFTED = (1e-4, 1e-3, 1e-2)  # what people add to a weight lest they take the logarithm of zero
TINY = (1e-12, 1e-10, 1e-8, 1e-6, 1e-5, 1e-4, 1e-3)  # what people add to a sum lest they divide by zero

SHARPEN = [
    mistake(
        "sharpen without renormalising",
        "The powers are not divided by their sum, so the weights do not sum to 1.",
        lambda w, g: w ** column(g),
    ),
    mistake(
        "gamma as a factor",
        "Gamma multiplies. It is an exponent: a factor cancels when the weights are normalised.",
        lambda w, g: w * column(g),
    ),
    mistake(
        "gamma without effect",
        "The result is the weighting as it was. Gamma is an exponent; a factor would cancel when the weights are "
        "normalised.",
        lambda w, g: w,
    ),
    mistake(
        "softmax for powers",
        "This is a softmax of gamma times the weights. Sharpening takes powers of the weights: a softmax of gamma "
        "times their logarithms.",
        lambda w, g: torch.softmax(w * column(g), dim=-1),
    ),
    mistake(
        "softmax of the powers",
        "The powers go through a softmax. Divide them by their sum instead; gamma 1 then changes nothing.",
        lambda w, g: torch.softmax(w ** column(g), dim=-1),
    ),
    mistake(
        "normalised over the wrong axis",
        "The sum runs over the wrong axis, or over the whole batch. Each weighting has its own: sum(dim=-1, "
        "keepdim=True).",
        lambda w, g: w ** column(g) / (w ** column(g)).sum(),
        lambda w, g: w ** column(g) / (w ** column(g)).sum(dim=0, keepdim=True),
    ),
    mistake(
        "exponent inverted",
        "The exponent is 1/gamma, which makes the weighting flatter. The exponent is gamma.",
        lambda w, g: normalised(w ** (1 / column(g))),
    ),
    mistake(
        "base and exponent swapped",
        "This is gamma to the power of the weight. It is the weight to the power of gamma.",
        lambda w, g: normalised(column(g) ** w),
    ),
    mistake(
        "divided by the largest",
        "The powers are divided by the largest instead of their sum, so the weights do not sum to 1.",
        lambda w, g: (w / w.amax(dim=-1, keepdim=True)) ** column(g),
    ),
    mistake(
        "hard choice",
        "All the weight goes to the largest entry. That is the limit of a huge gamma, and it has no gradient.",
        lambda w, g: torch.eye(w.shape[-1])[w.argmax(-1)],
    ),
    mistake(
        "powers underflow",
        "At a gamma of 1000 every power is 0 in floating point, and 0/0 is nan. Divide each weighting by its own "
        "largest entry before taking powers; that cancels in the fraction.",
        lambda w, g: normalised(w ** column(g)),
        lambda w, g: normalised((w / w.max()) ** column(g)),
        lambda w, g: torch.nan_to_num(normalised(w ** column(g))),
    ),
    mistake(
        "constant added to the sum",
        "A constant is added to the sum. At a gamma of 1000 it outweighs the powers, and all weights become 0. "
        "Divide by the largest entry before taking powers instead.",
        *(lambda w, g, c=c: w ** column(g) / ((w ** column(g)).sum(-1, keepdim=True) + c) for c in TINY),
        *(lambda w, g, c=c: w ** column(g) / (w ** column(g)).sum(-1, keepdim=True).clamp_min(c) for c in TINY),
    ),
    mistake(
        "constant added to the weights",
        "A constant is added to the weights, or a floor is put under them that is too high. It lifts the small ones, "
        "and a weight of 0 should stay 0. If a logarithm needs a floor, take a far lower one: clamp_min(1e-30).",
        *(lambda w, g, c=c: normalised((w + c) ** column(g)) for c in LIFTED),
        *(lambda w, g, c=c: sharpen(w.clamp_min(c), g) for c in LIFTED),
        *(lambda w, g, c=c: torch.softmax(column(g) * (w + c).log(), dim=-1) for c in LIFTED),
    ),
]


def _stages(memory: Tensor, previous: Tensor, key: Tensor, strength: Tensor, order: str, **given: Tensor) -> Tensor:
    """The stages after content addressing in another order, or without some."""
    weighting = content_addressing(memory, key, strength)
    stages = {
        "mix": lambda w: interpolate(w, previous, given["gate"]),
        "move": lambda w: circular_shift(w, given["shift"]),
        "sharpen": lambda w: sharpen(w, given["gamma"]),
    }
    for stage in order.split():
        weighting = stages[stage](weighting)
    return weighting


def _in_order(order: str) -> Callable[..., Tensor]:
    return lambda m, p, k, b, g, s, y: _stages(m, p, k, b, order, gate=g, shift=s, gamma=y)


ADDRESS = [
    mistake(
        "interpolating after the shift",
        "The interpolation comes after the shift, so the previous weighting does not move. Interpolate first: then "
        "a head with the gate at 0 walks from where it was.",
        _in_order("move mix sharpen"),
        _in_order("move sharpen mix"),
    ),
    mistake(
        "sharpening before the shift",
        "The sharpening comes before the shift. It should come last, to undo the blur of the shift.",
        _in_order("mix sharpen move"),
        _in_order("sharpen mix move"),
        _in_order("sharpen move mix"),
    ),
    mistake("no sharpening", "The last stage is missing: sharpening with gamma.", _in_order("mix move")),
    mistake("no shift", "The shift is missing, between interpolation and sharpening.", _in_order("mix sharpen")),
    mistake(
        "no interpolation",
        "The previous weighting and the gate play no part: the interpolation is missing, after content addressing.",
        _in_order("move sharpen"),
    ),
    mistake("content alone", "This is content addressing alone. Three stages follow it.", _in_order("")),
    mistake(
        "gate inverted",
        "The gate is inverted, or `interpolate` got its weightings in the wrong order: content first, then previous.",
        lambda m, p, k, b, g, s, y: address(m, p, k, b, 1 - g, s, y),
    ),
    mistake(
        "shift in the wrong direction",
        "The shift goes in the wrong direction: its last entry moves the focus from i to i + 1.",
        lambda m, p, k, b, g, s, y: address(m, p, k, b, g, s.flip(-1), y),
    ),
    mistake(
        "only the previous weighting moves",
        "The shift moves the previous weighting alone. It comes after the interpolation and moves the mixture.",
        lambda m, p, k, b, g, s, y: sharpen(interpolate(content_addressing(m, k, b), circular_shift(p, s), g), y),
    ),
    mistake(
        "strength and gamma swapped",
        "Strength and gamma have changed places: the strength belongs to content addressing, gamma to the sharpening.",
        lambda m, p, k, b, g, s, y: address(m, p, k, y, g, s, b),
    ),
]
