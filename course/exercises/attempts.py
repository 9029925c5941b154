"""Run an answer on one case, and put into words whatever stops it from giving a tensor that can be compared."""

import contextlib
import inspect
import io
import linecache
import traceback
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from course.exercises.exercise import Answer, Case, Predicate, copies

RELATIVE, ABSOLUTE = 1e-4, 1e-5  # tolerances of float32, over a few dozen operations
DIGITS, MOST_DIGITS = 3, 9
ONE_NUMBER = ("is ambiguous", "converted to Python scalars", "converted to Scalar", "only one element")
MAX_NUMBERS = 60  # a longer tensor is described by its shape


def same(got: Tensor, expected: Tensor) -> bool:
    """Whether two tensors have one shape, and numbers that are equal but for rounding (nan equals nothing)."""
    return got.shape == expected.shape and torch.allclose(got.double(), expected.double(), rtol=RELATIVE, atol=ABSOLUTE)


def fractions(value: Tensor) -> Tensor:
    """The same numbers in a type that can be subtracted and averaged: whole numbers, true and false become double."""
    return value if value.is_floating_point() else value.double()


def in_digits(value: float, digits: int = DIGITS) -> str:
    """A number in short.

    >>> in_digits(0.30000001), in_digits(1000.0), in_digits(-0.0), in_digits(1e-6), in_digits(float("nan"))
    ('0.3', '1000', '0', '1e-06', 'nan')
    """
    return str(int(value)) if value == value and abs(value) < 1e6 and value == int(value) else f"{value:.{digits}g}"


def digits_apart(pairs: Sequence[tuple[float, float]]) -> int:
    """How many digits it takes to tell the numbers of each pair apart.

    >>> digits_apart([(0.5, 0.25)]), digits_apart([(0.99912, 0.99947), (0.5, 0.25)])
    (3, 4)
    """
    alike = [d for d in range(DIGITS, MOST_DIGITS) if any(f"{x:.{d}g}" == f"{y:.{d}g}" for x, y in pairs)]
    return max(alike, default=DIGITS - 1) + 1


def short(value: Tensor | float, digits: int = DIGITS) -> str:
    """A tensor or a number in short.

    >>> short(torch.tensor([[1.0, 0.25], [0.0, -1.0]]))
    '[[1, 0.25], [0, -1]]'
    >>> short(torch.zeros(7, 11))
    'a tensor of shape [7, 11]'
    """
    value = torch.as_tensor(value)
    if value.numel() > MAX_NUMBERS:
        return f"a tensor of shape {list(value.shape)}"
    if value.dim() == 0:
        return in_digits(value.item(), digits)
    return "[" + ", ".join(short(part, digits) for part in value) + "]"


@dataclass(frozen=True)
class Attempt:
    """One case, what should have come out, and what came out: a tensor to compare, or a ``problem`` in words."""

    case: Case
    expected: Tensor
    got: Tensor | None
    problem: str = ""
    printed: str = ""

    @property
    def passed(self) -> bool:
        return not self.problem and same(self.got, self.expected)

    @property
    def size(self) -> int:
        return sum(torch.as_tensor(argument).numel() for argument in self.case)


def try_case(answer: Answer, case: Case, expected: Tensor, names: Sequence[str] = ()) -> Attempt:
    """Run the answer on copies of the arguments (``names``). Whatever it raises or prints is kept for the verdict."""
    given = copies(case)
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed), torch.enable_grad():
            got = answer(*given)
    except (Exception, SystemExit) as error:
        return Attempt(case, expected, None, raised(error, answer), printed.getvalue())
    problem, expected = unusable(got, expected), fractions(expected.detach())
    spoiled = [i for i, pair in enumerate(zip(case, given, strict=True)) if not _untouched(*pair)]
    if not problem and spoiled:
        name = f"`{names[spoiled[0]]}`" if names else f"number {spoiled[0] + 1}"
        problem = (
            f"It changes its argument {name} in place. Whoever calls it still needs the old one: make a new tensor, "
            "with x * y and not x *= y, or work on x.clone()."
        )
    usable = isinstance(got, Tensor) and _ordinary(got)
    shown = fractions(got.detach().clone()) if usable else None  # cloned, for it may be used again
    return Attempt(case, expected, shown, problem, printed.getvalue())


def _ordinary(got: Tensor) -> bool:
    """Whether it holds real numbers that can be looked at, one by one."""
    return got.layout is torch.strided and got.device.type == "cpu" and not got.is_complex()


def _untouched(old: Tensor | float, new: Tensor | float) -> bool:
    return torch.equal(torch.as_tensor(old), torch.as_tensor(new))


def unusable(got: object, expected: Tensor) -> str:
    """Why a result cannot be compared at all; empty if it can."""
    shape = list(expected.shape)
    if got is None:
        return f"It returns None, not a tensor of shape {shape}. Is the `return` missing?"
    if not isinstance(got, Tensor):
        kind = type(got).__name__
        return f"It returns {kind}, not a tensor of shape {shape}. A tensor keeps the way that gradients take back."
    if got.is_complex():
        return (
            "It returns complex numbers. If there is a Fourier transform in it, take the real part of the end: .real."
        )
    if not _ordinary(got):
        return f"It returns a tensor with the layout {got.layout} on {got.device}; an ordinary one is expected."
    if got.dtype != expected.dtype:
        return f"It returns a tensor of {got.dtype}; with these arguments {expected.dtype} is expected."
    return ""


def raised(error: BaseException, answer: Answer) -> str:
    """An exception in one sentence, with the learner's line that led to it."""
    message = (str(error).strip().splitlines() or [""])[0][:200]
    kind = type(error).__name__
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == _file(answer)]
    line = linecache.getline(frames[-1].filename, frames[-1].lineno).strip() if frames else ""
    where = f" at `{line}`" if line else ""
    said = f"It raises {kind}{where}" + (f": {message}" if message else "") + ("" if message.endswith(".") else ".")
    if any(words in message for words in ONE_NUMBER):
        said += " One `if` or one number cannot decide for a whole batch: torch.where decides for each entry."
    return said


def _file(answer: Answer) -> str:
    return getattr(getattr(answer, "__code__", None), "co_filename", "")


def holds(predicate: Predicate, answer: Answer, case: Case) -> bool:
    """Whether a property holds, everywhere if it is said of many numbers; an exception means no."""
    try:
        with contextlib.redirect_stdout(io.StringIO()), torch.enable_grad():
            return bool(torch.as_tensor(predicate(answer, *copies(case))).all())
    except (Exception, SystemExit):
        return False


def is_stub(answer: Answer, case: Case) -> bool:
    """Whether a function does nothing yet: only a docstring, ``...`` or ``pass``, or NotImplementedError raised."""

    def described():
        """As a stub looks."""

    def bare(): ...

    code = getattr(answer, "__code__", None)
    if code is None:
        return False
    empty = code.co_code in (described.__code__.co_code, bare.__code__.co_code)
    nothing = empty and set(code.co_consts) <= {None, getattr(answer, "__doc__", None)}
    return nothing or (
        "NotImplementedError" in code.co_names
        and try_case(answer, case, torch.empty(0)).problem.startswith("It raises NotImplementedError")
    )


def wrong_arguments(answer: Answer, names: Sequence[str]) -> str:
    """Why the function cannot be called with these arguments in this order; empty if it can."""
    try:
        signature = inspect.signature(answer)
        signature.bind(*names)
    except ValueError:  # built into torch or Python, with no signature to look at
        return ""
    except TypeError:
        return f"It must take {len(names)} arguments, in this order: {', '.join(names)}."
    taken = list(signature.parameters)[: len(names)]
    if sorted(taken) == sorted(names) and taken != list(names):
        return f"Its arguments are ({', '.join(taken)}); the order should be ({', '.join(names)})."
    return ""
