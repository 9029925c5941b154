"""The exercises: what `check` says of stubs, solutions, known mistakes and of mistakes that it has never seen."""

import ast
import functools
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from bs4 import BeautifulSoup
from torch.nn import functional as F

import implementation
from course.exercises import EXERCISES, check, find, judge
from course.exercises.attempts import holds, same
from course.exercises.cases import arguments, random_cases, small_cases
from course.exercises.comparison import Comparison
from course.exercises.properties import property_tests
from implementation import (
    add,
    address,
    circular_shift,
    content_addressing,
    cosine_similarity,
    erase,
    interpolate,
    sharpen,
    write,
    write_heads,
)

ROOT = Path(__file__).parents[1]
CHAPTERS = sorted((ROOT / "notebooks").glob("[01][0-9]-*.ipynb"))
KINDS = ("By hand", "Implement", "Predict, then try")


def verdict(name, answer):
    return judge(EXERCISES[name], answer)


def said(verdict):
    """All of it in one line."""
    return " ".join(str(verdict).split())


# --- The notebooks: three kinds of exercise in every concept chapter, each with a solution


def cells(path):
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def source(cell):
    return "".join(cell["source"])


def shown(cell):
    return "".join("".join(output.get("text", "")) for output in cell["outputs"])


def exercises(path):
    """Label -> title, of the exercises of a chapter, in their order."""
    text = "\n".join(source(cell) for cell in cells(path) if cell["cell_type"] == "markdown")
    return {
        label: title
        for title, label in re.findall(r"^:::\{exercise(?:-start)?\} ([^\n]+)\n:label: (\S+)$", text, re.MULTILINE)
    }


def solutions(path):
    """Label of the exercise -> the code cells between the start and the end of its solution."""
    found, current = {}, None
    for cell in cells(path):
        if cell["cell_type"] == "markdown":
            for kind, label in re.findall(r"^:::\{solution-(start|end)\} ?(\S*)$", source(cell), re.MULTILINE):
                current = label if kind == "start" else None
                found.setdefault(label, [])
        elif current:
            found[current].append(cell)
    return {label: code for label, code in found.items() if label}


def implementation_cells(path, prefix):
    """Name of the exercise -> the cell that defines ``prefix_name``, and the one with its check."""
    pairs, code = {}, [cell for cell in cells(path) if cell["cell_type"] == "code"]
    for i, cell in enumerate(code):
        defined = re.match(rf"def {prefix}_(\w+)\(", source(cell))
        if defined:
            pairs[defined[1]] = cell, code[min(i + 1, len(code) - 1)]
    return pairs


def defined(cell, name):
    """The function that a cell defines, without the check of it."""
    tree = ast.parse(source(cell))
    tree.body = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    space = {key: getattr(implementation, key) for key in EXERCISES} | {"torch": torch, "erase": erase, "add": add}
    exec(compile(tree, "a cell", "exec"), space)
    return space[name]


YOURS = {name: pair for path in CHAPTERS for name, pair in implementation_cells(path, "your").items()}
OURS = {name: pair for path in CHAPTERS for name, pair in implementation_cells(path, "our").items()}


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_chapter_has_exercises_of_all_kinds_each_with_a_solution(path):
    titles = exercises(path)
    assert len(titles) >= 3
    for kind in KINDS:
        assert any(title.startswith(kind) for title in titles.values()), f"none of the kind {kind!r}"
    assert all(title.startswith(KINDS) for title in titles.values())
    assert list(solutions(path)) == list(titles), "solutions follow their exercises, one each"


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_solution_is_confirmed_by_a_compared_output_and_folded_in_the_notebook(path):
    for label, code in solutions(path).items():
        assert code, f"{label} has no code"
        assert any(shown(cell).strip() for cell in code), f"nothing shows that the solution of {label} is right"
        for cell in code:
            assert cell["metadata"]["jupyter"] == {"source_hidden": True, "outputs_hidden": True}
            assert "nbval-ignore-output" not in cell["metadata"].get("tags", [])


def test_every_exercise_that_can_be_checked_is_set_once():
    assert list(YOURS) == list(OURS)
    assert sorted(YOURS) == sorted(EXERCISES)
    assert sum(len(implementation_cells(path, "your")) for path in CHAPTERS) == len(EXERCISES)


@pytest.mark.parametrize("name", EXERCISES)
def test_stub_of_the_notebook_is_not_attempted(name):
    stub, checked = YOURS[name]
    answer = defined(stub, f"your_{name}")
    assert answer.__doc__ and list(answer.__code__.co_varnames) == arguments(name)
    assert verdict(name, answer).status == "not attempted"
    assert source(checked) == f"check(your_{name})"
    assert shown(checked).strip() == str(verdict(name, answer))


@pytest.mark.parametrize("name", EXERCISES)
def test_solution_of_the_notebook_passes(name):
    solved, _ = OURS[name]
    found = verdict(name, defined(solved, f"our_{name}"))
    assert found.status == "correct", found
    assert all(count == total > 0 for _, count, total in found.passed)
    assert source(solved).endswith(f"check(our_{name})") and shown(solved).strip() == str(found)


# --- Known mistakes

KNOWN = [
    pytest.param(exercise.name, mistake, variant, id=f"{exercise.name}: {mistake.name} {i}")
    for exercise in EXERCISES.values()
    for mistake in exercise.mistakes
    for i, variant in enumerate(mistake.variants)
]


@pytest.mark.parametrize(("name", "mistake", "variant"), KNOWN)
def test_known_mistake_gets_its_hint(name, mistake, variant):
    found = verdict(name, variant)
    assert found.status == "wrong" and found.example is not None
    assert found.hint.endswith(mistake.hint), found


def test_hints_of_an_exercise_differ():
    for exercise in EXERCISES.values():
        assert len({mistake.hint for mistake in exercise.mistakes}) == len(exercise.mistakes)
        assert len({mistake.name for mistake in exercise.mistakes}) == len(exercise.mistakes)


# The same mistakes as a learner might write them, for a single memory and with loops.


def shift_backwards(weighting, shift):
    N, radius = len(weighting), len(shift) // 2
    result = torch.zeros(N)
    for i in range(N):
        for k in range(-radius, radius + 1):
            result[i] += weighting[(i + k) % N] * shift[k + radius]
    return result


def shift_without_a_ring(weighting, shift):
    padded = F.pad(weighting, (len(shift) // 2,) * 2)
    return F.conv1d(padded.view(1, 1, -1), shift.flip(0).view(1, 1, -1)).flatten()


def unnormalised_content(memory, key, strength):
    return torch.stack([torch.exp(strength * (row @ key) / (row.norm() * key.norm())) for row in memory])


def dot_for_cosine(memory, key):
    return torch.stack([sum(a * b for a, b in zip(row, key, strict=True)) for row in memory])


def softmax_over_the_batch(memory, key, strength):
    scores = strength[..., None] * F.cosine_similarity(memory, key[..., None, :], dim=-1)
    return scores.softmax(0)


def strength_outside(memory, key, strength):
    return strength[..., None] * F.cosine_similarity(memory, key[..., None, :], dim=-1).softmax(-1)


def gate_inverted(content, previous, gate):
    return gate[..., None] * previous + (1 - gate[..., None]) * content


def powers_alone(weighting, gamma):
    return torch.exp(gamma[..., None] * torch.log(weighting))


def add_first(memory, weighting, erase_vector, add_vector):
    new = memory + torch.outer(weighting, add_vector)
    return new - new * torch.outer(weighting, erase_vector)


def erase_elsewhere(memory, weighting, erase_vector, add_vector):
    rows = [row * (1 - (1 - w) * erase_vector) + w * add_vector for row, w in zip(memory, weighting, strict=True)]
    return torch.stack(rows)


AS_LEARNERS_WRITE = [
    ("circular_shift", shift_backwards, "wrong direction"),
    ("circular_shift", shift_without_a_ring, "not circular"),
    ("content_addressing", unnormalised_content, "not divided by their sum"),
    ("cosine_similarity", dot_for_cosine, "dot product"),
    ("content_addressing", softmax_over_the_batch, "wrong axis"),
    ("content_addressing", strength_outside, "outside the softmax"),
    ("interpolate", gate_inverted, "inverted"),
    ("sharpen", powers_alone, "not divided by their sum"),
    ("write", add_first, "addition comes before the erase"),
    ("write", erase_elsewhere, "1 - (1 - w) e"),
]


@pytest.mark.parametrize(("name", "answer", "words"), AS_LEARNERS_WRITE, ids=lambda x: getattr(x, "__name__", None))
def test_known_mistake_is_recognised_however_it_is_written(name, answer, words):
    assert words in verdict(name, answer).hint


# --- Mistakes that are not known: none passes, and each gets a message to go on with


def last_move_left_out(weighting, shift):
    radius = shift.shape[-1] // 2
    return sum(shift[..., k + radius, None] * weighting.roll(k, -1) for k in range(-radius, radius))


def without_care(memory, previous, key, strength, gate, shift, gamma):
    """All of figure 2 as the equations have it, for three moves, and nothing against overflow and underflow."""
    similarity = (memory @ key[..., None])[..., 0] / (memory.norm(dim=-1) * key.norm(dim=-1, keepdim=True))
    scores = torch.exp(strength[..., None] * similarity)
    gated = gate[..., None] * scores / scores.sum(-1, keepdim=True) + (1 - gate[..., None]) * previous
    moved = sum(shift[..., j, None] * gated.roll(j - 1, -1) for j in range(3) if j < shift.shape[-1])
    powers = moved ** gamma[..., None]
    return powers / powers.sum(-1, keepdim=True)


UNKNOWN = {
    "the first row": ("read", lambda m, w: m[..., 0, :], "does not depend on `weighting`"),
    "weights squared": ("read", lambda m, w: implementation.read(m, w**2), "numbers are wrong"),
    "backwards": ("read", lambda m, w: implementation.read(m, w.flip(-1)), "numbers are wrong"),
    "twice": ("read", lambda m, w: 2 * implementation.read(m, w), "2 times what they should be"),
    "sorted rows": ("read", lambda m, w: implementation.read(m.sort(-2).values, w), "instead of"),
    "opposite": ("cosine_similarity", lambda m, k: -cosine_similarity(m, k), "signs are turned round"),
    "angle": ("cosine_similarity", lambda m, k: cosine_similarity(m, k).clamp(-1, 1).acos(), "between -1 and 1"),
    "half the cosine": ("cosine_similarity", lambda m, k: (1 + cosine_similarity(m, k)) / 2, "instead of"),
    "sigmoid": ("content_addressing", lambda m, k, b: torch.sigmoid(b[..., None] * cosine_similarity(m, k)), "sum to"),
    "one more": ("content_addressing", lambda m, k, b: content_addressing(m, k, b + 1), "strength 0: uniform"),
    "capped": ("content_addressing", lambda m, k, b: content_addressing(m, k, b.clamp(max=5)), "instead of"),
    "uniform": ("content_addressing", lambda m, k, b: torch.ones(m.shape[:-1]), "None of the arguments"),
    "larger": ("interpolate", lambda c, p, g: torch.maximum(c, p), "does not depend on `gate`"),
    "root": ("interpolate", lambda c, p, g: interpolate(c, p, g.sqrt()), "numbers are wrong"),
    "in order": ("interpolate", lambda c, p, g: interpolate(c.sort(-1).values, p, g), "gate 1: the content weighting"),
    "geometric": ("interpolate", lambda c, p, g: c ** g[..., None] * p ** (1 - g[..., None]), "sum to"),
    "one too far": ("circular_shift", lambda w, s: circular_shift(w, s).roll(-2, -1), "moved by -2"),
    "mirror": ("circular_shift", lambda w, s: circular_shift(w, s).flip(-1), "in reverse order"),
    "cheapest first": ("circular_shift", lambda w, s: circular_shift(w.sort(-1).values, s), "a roll"),
    "stays": ("circular_shift", lambda w, s: w.clone(), "is the argument `weighting`, unchanged"),
    "no wide shift": (
        "circular_shift",
        lambda w, s: circular_shift(w, s) if s.shape[-1] < 7 else w,
        "What fails is: other shift widths: S = 1, 5, 7.",
    ),
    "gamma + 1": ("sharpen", lambda w, g: sharpen(w, g + 1), "gamma 1 changes nothing"),
    "largest last": ("sharpen", lambda w, g: sharpen(w.sort(-1).values, g), "in other places"),
    "square": ("sharpen", lambda w, g: sharpen(w, 2.0), "does not depend on `gamma`"),
    "logarithms": ("sharpen", lambda w, g: torch.log_softmax(g[..., None] * w.log(), -1), "negative"),
    "erase twice": ("write", lambda m, w, e, a: add(erase(erase(m, w, e), w, e), w, a), "numbers are wrong"),
    "hard weighting": (
        "write",
        lambda m, w, e, a: write(m, F.one_hot(w.argmax(-1), w.shape[-1]).to(m), e, a),
        "numbers are wrong",
    ),
    "rows in order": ("write", lambda m, w, e, a: write(m.sort(-2).values, w, e, a), "instead of"),
    "wrong row": ("write", lambda m, w, e, a: write(m, w, e, a).roll(1, -2), "in other places"),
    "batch of one": ("read", lambda m, w: (w.unsqueeze(-2) @ m).squeeze(), "squeeze() drops every dimension of size 1"),
    "nan_to_num": (
        "cosine_similarity",
        lambda m, k: torch.nan_to_num((m @ k[..., None])[..., 0] / (m.norm(dim=-1) * k.norm(dim=-1, keepdim=True))),
        "the gradient is nan or infinite",
    ),
    "logarithm of 0": ("sharpen", lambda w, g: torch.softmax(g[..., None] * w.log(), -1), "the gradient is nan"),
    "product by logarithms": (
        "write_heads",
        lambda m, w, e, a: (
            m * (1 - w[..., None] * e[..., None, :]).log().sum(-3).exp() + torch.einsum("...wn,...wm->...nm", w, a)
        ),
        "the gradient is nan",
    ),
    "root plus a little": (
        "content_addressing",
        lambda m, k, b: torch.softmax(
            b[..., None] * (m @ k[..., None])[..., 0]
            / (m.square().sum(-1).sqrt() * k.norm(dim=-1)[..., None]).clamp_min(1e-12),
            -1,
        ),
        "the gradient is nan",
    ),
    "capped at 80": ("content_addressing", lambda m, k, b: content_addressing(m, k, b.clamp(max=80)), "strengths 1 to"),
    "scores capped": (
        "content_addressing",
        lambda m, k, b: (b[..., None] * cosine_similarity(m, k)).clamp(max=80).softmax(-1),
        "strengths 1 to 1e4",
    ),
    "sum plus a little": (
        "content_addressing",
        lambda m, k, b: (
            (x := torch.exp(b[..., None] * (cosine_similarity(m, k) - 1))) / (x.sum(-1, keepdim=True) + 1e-6)
        ),
        "strength 80: uniform",
    ),
    "the first of equals": (
        "sharpen",
        lambda w, g: torch.where(g[..., None] > 50, F.one_hot(w.argmax(-1), w.shape[-1]).to(w), sharpen(w, g)),
        "equal or nearly equal entries share the weight",
    ),
    "whole gamma": ("sharpen", lambda w, g: sharpen(w, g.round()), "numbers are wrong"),
    "ten at most": ("write", lambda m, w, e, a: write(m, w, e, a).clamp(-10, 10), "What fails is: large numbers"),
    "three heads at most": (
        "write_heads",
        lambda m, *heads: write_heads(m, *(x[..., :3, :] for x in heads)),
        "What fails is: other numbers of heads: W = 1, 2, 5.",
    ),
    "single precision": ("read", lambda m, w: implementation.read(m.float(), w.float()), "torch.float32"),
    "no care": ("address", without_care, "What fails is: other shift widths"),
    "last move left out": ("circular_shift", last_move_left_out, "does every move from -(S-1)/2 to (S-1)/2 count once"),
    "parentheses": ("interpolate", lambda c, p, g: g[..., None] * c + 1 - g[..., None] * p, "The two shares are g and"),
    "one gate for all": ("interpolate", lambda c, p, g: interpolate(c, p, g.mean()), "Without leading dimensions it"),
    "one answer for all": (
        "cosine_similarity",
        lambda m, k: 0 * cosine_similarity(m, k) if (k == 0).all(-1).any() else cosine_similarity(m, k),
        "What fails is: an empty row or key has similarity 0.",
    ),
    "a number for all": (
        "content_addressing",
        lambda m, k, b: torch.ones(m.shape[:-1]) / m.shape[-2] if b == 0 else content_addressing(m, k, b),
        "torch.where decides for each entry",
    ),
    "lengths of tiny rows": (
        "content_addressing",
        lambda m, k, b: torch.softmax(b[..., None] * cosine_similarity(m + 1e-7, k), -1),
        "rows of tiny numbers count as any others",
    ),
    "logarithm of 0 at the end": (
        "address",
        lambda m, p, k, b, g, s, y: torch.softmax(y[..., None] * address(m, p, k, b, g, s, 1.0).log(), -1),
        "the gradient is nan",
    ),
    "floor under what stays": (
        "write_heads",
        lambda m, w, e, a: (
            m * (1 - w[..., None] * e[..., None, :]).clamp_min(1e-6).log().sum(-3).exp()
            + torch.einsum("...wn,...wm->...nm", w, a)
        ),
        "the gradient is lost on the way",
    ),
    "never nothing": ("sharpen", lambda w, g: sharpen(w, g).clamp_min(2e-3), "The weights sum to 1.004 instead of 1."),
    "capped gamma": ("sharpen", lambda w, g: sharpen(w, g.clamp(max=50)), "instead of"),
    "pairs only": ("write_heads", lambda m, *heads: write_heads(m, *(x[..., :2, :] for x in heads)), "instead of"),
    "largest addition": (
        "write_heads",
        lambda m, w, e, a: write_heads(m, w, e, 0 * a) + (w[..., None] * a[..., None, :]).amax(-3),
        "numbers are wrong",
    ),
    "sorted first": ("write_heads", lambda m, w, e, a: write_heads(m.sort(-2).values, w, e, a), "instead of"),
    "shifted twice": (
        "address",
        lambda m, p, k, b, g, s, y: sharpen(circular_shift(address(m, p, k, b, g, s, 1.0), s), y),
        "a head that walks",
    ),
    "powers alone": ("address", lambda m, p, k, b, g, s, y: address(m, p, k, b, g, s, 1.0) ** y[..., None], "sum to"),
    "sorted previous": ("address", lambda m, p, *rest: address(m, p.sort(-1).values, *rest), "instead of"),
    "no content": ("address", lambda m, p, k, b, g, s, y: sharpen(circular_shift(p, s), y), "does not depend on"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", UNKNOWN)
def test_unknown_mistake_does_not_pass_and_gets_a_message_that_helps(mistake):
    name, answer, words = UNKNOWN[mistake]
    found = verdict(name, answer)
    assert found.status == "wrong"
    assert words in found.hint, found
    assert not any(known.hint in found.hint for known in EXERCISES[name].mistakes)


def test_an_answer_that_is_wrong_in_a_corner_does_not_pass():
    """For each test of each exercise: right everywhere else, and wrong there alone."""
    for name, exercise in EXERCISES.items():
        for test in property_tests(name):
            corner = test.cases[-1]

            def answer(*given, corner=corner, correct=exercise.reference):
                result = correct(*given)
                here = all(a.shape == b.shape and torch.equal(a, b) for a, b in zip(given, corner, strict=True))
                return 1.01 * result + 0.01 if here else result

            found = verdict(name, answer)
            assert found.status == "wrong", f"{name}, {test.name}"


def test_every_property_holds_of_the_right_answer_and_can_fail():
    harmless = []
    for name, exercise in EXERCISES.items():
        wrong = [variant for mistake in exercise.mistakes for variant in mistake.variants]
        wrong += [answer for other, answer, _ in UNKNOWN.values() if other == name]
        for test in property_tests(name):
            if test.predicate:
                assert all(holds(test.predicate, exercise.reference, case) for case in test.cases), test.name
                if all(holds(test.predicate, answer, case) for answer in wrong for case in test.cases):
                    harmless.append(f"{name}: {test.name}")
    assert harmless == []


# --- Answers that break, and never the checker with them


def none(memory, weighting):
    result = weighting @ memory  # noqa: F841


def in_place(memory, weighting):
    memory *= weighting[..., None]
    return memory.sum(-2)


def numpy_array(memory, weighting):
    return np.einsum("...nm,...n->...m", memory.numpy(), weighting.numpy())


def half_precision(memory, weighting):
    return implementation.read(memory, weighting).half()


def names_swapped(weighting, memory):
    return implementation.read(memory, weighting)


def unfinished(memory, weighting):
    rows = memory * weighting[..., None]
    return rows.smu(-2)


def leaves(memory, weighting):
    sys.exit("enough")


def without_gradients(memory, weighting):
    torch.set_grad_enabled(False)
    return implementation.read(memory, weighting)


def prints(memory, weighting):
    print("weights", weighting.tolist())
    return memory


BROKEN = {
    "none": (none, "It returns None, not a tensor of shape [2]. Is the `return` missing?"),
    "number": (lambda memory, weighting: 1.0, "It returns float"),
    "list": (lambda memory, weighting: [1.0, 2.0], "It returns list"),
    "numpy": (numpy_array, "It returns ndarray"),
    "in place": (in_place, "It changes its argument `memory` in place."),
    "half precision": (half_precision, "It returns a tensor of torch.float16; with these arguments torch.float32 is expected."),
    "whole numbers": (lambda m, w: implementation.read(m, w).long(), "It returns a tensor of torch.int64"),
    "order of arguments": (names_swapped, "are (weighting, memory); the order should be (memory, weighting)"),
    "too few arguments": (lambda memory: memory, "It must take 2 arguments, in this order: memory, weighting."),
    "misspelled": (unfinished, "It raises AttributeError at `return rows.smu(-2)`: 'Tensor' object has no attribute"),
    "leaves": (leaves, "It raises SystemExit"),
    "shape of a row": (lambda m, w: implementation.read(m, w)[..., None], "The shape is [2, 1]; [2] is expected."),
    "one number": (lambda m, w: implementation.read(m, w).sum(), "The shape is []; [2] is expected."),
    "nan": (lambda m, w: implementation.read(m, w) * float("nan"), "Entry 0 is nan."),
    "infinite": (lambda m, w: implementation.read(m, w) / 0, "Entry 0 is inf."),
    "complex": (lambda m, w: implementation.read(m, w) + 0j, "It returns complex numbers."),
    "sparse": (lambda m, w: implementation.read(m, w).to_sparse(), "It returns a tensor with the layout torch.sparse"),
    "gradients off": (without_gradients, "the gradient is lost on the way"),
    "gradient lost": (lambda m, w: implementation.read(m, w).detach(), "the gradient is lost on the way"),
    "a class": (dict, "It raises TypeError"),
    "one machine only": (lambda memory, weighting: weighting @ memory, "Without leading dimensions it works."),
    "prints": (prints, "The shape is [2, 2]; [2] is expected."),
}  # fmt: skip


@pytest.mark.parametrize("kind", BROKEN)
def test_answer_that_breaks_is_told_how(kind, capsys):
    answer, words = BROKEN[kind]
    check(answer, "read")
    printed = " ".join(capsys.readouterr().out.split())
    assert printed.startswith("read: wrong.") and words in printed
    assert "Traceback" not in printed


def test_what_an_answer_prints_is_kept_for_the_example(capsys):
    check(prints, "read")
    out = capsys.readouterr().out
    assert out.count("weights") == 1 and "it printed: weights [1.0, 0.0]" in out


def test_answer_that_remembers_does_not_pass():
    calls = []

    def forgetful(memory, weighting):
        calls.append(1)
        return implementation.read(memory, weighting) * (1 if len(calls) < 12 else 2)

    assert verdict("read", forgetful).status == "wrong"

    def gradient_only_once(memory, weighting):
        result = implementation.read(memory, weighting)
        return result.detach() if memory.requires_grad and memory.dim() == 3 else result

    assert "gradient" in verdict("read", gradient_only_once).hint


def test_functions_of_other_kinds_are_checked_too():
    assert verdict("read", functools.partial(implementation.read)).status == "correct"
    assert (
        verdict("cosine_similarity", lambda m, k: F.cosine_similarity(m, k[..., None, :], dim=-1)).status == "correct"
    )
    assert verdict("read", torch.matmul).status == "wrong"

    class Reader(torch.nn.Module):
        def forward(self, memory, weighting):
            return torch.einsum("...nm,...n->...m", memory, weighting)

    assert verdict("read", Reader()).status == "correct"
    assert (
        verdict("sharpen", lambda w, g: torch.softmax(g[..., None] * w.clamp_min(1e-30).log(), -1)).status == "correct"
    )


STUBS = (
    "...",
    "pass",
    '"""Says what."""',
    "raise NotImplementedError",
    "raise NotImplementedError('to do')",
    "return None",
)


@pytest.mark.parametrize("body", [*STUBS, "rows = memory * 2\n    raise NotImplementedError"])
def test_stub_of_any_form_is_not_attempted(body):
    space = {}
    exec(f"def your_read(memory, weighting):\n    {body}", space)
    assert verdict("read", space["your_read"]).status == "not attempted"


# --- check


def test_check_finds_the_exercise_by_name_or_is_told(capsys):
    def your_sharpen(weighting, gamma): ...

    check(your_sharpen)
    assert capsys.readouterr().out.startswith("sharpen: not attempted")
    for pair in ((implementation.read, "read"), ("read", implementation.read)):
        check(*pair)
        assert capsys.readouterr().out.startswith("read: correct.")
    assert find("your_write").name == "write" and find("my_write_heads").name == "write_heads"
    assert find("overwrite") is None


def test_unknown_name_says_which_there_are(capsys):
    check(lambda x: x)
    out = " ".join(capsys.readouterr().out.split())
    assert "There is no exercise for '<lambda>'. There are: " + ", ".join(EXERCISES) in out


@pytest.mark.parametrize("given", [(), (None,), ("read",), (torch.ones(2),), ([],)])
def test_check_without_a_function_says_what_it_needs(given, capsys):
    if given:
        check(*given)
        assert "check needs a function" in capsys.readouterr().out
    else:
        with pytest.raises(TypeError):
            check()


def test_verdict_is_the_same_every_time():
    for name, answer, _ in list(UNKNOWN.values())[::5]:
        assert str(verdict(name, answer)) == str(verdict(name, answer))


def test_random_numbers_elsewhere_are_left_alone():
    before = torch.random.get_rng_state()
    verdict("read", implementation.read)
    assert torch.equal(before, torch.random.get_rng_state())


def test_smallest_failing_example_is_shown_in_short_numbers():
    found = verdict("circular_shift", lambda w, s: circular_shift(w, s.flip(-1)))
    assert "weighting [0, 1, 0] shift [0, 0, 1] expected [0, 0, 1] got [1, 0, 0]" in said(found)
    sizes = [sum(x.numel() for x in case) for case in small_cases("circular_shift")]
    assert found.example.size == min(sizes)


# --- Cases


@pytest.mark.parametrize("name", EXERCISES)
def test_random_cases_have_distinct_sizes_and_several_leading_dimensions(name):
    cases = random_cases(name, seed=0)
    assert {len(case[0].shape) for case in cases} >= {len(cases[0][0].shape) + k for k in (0, 1, 2)}
    for case in cases:
        for argument in case:
            assert len(set(argument.shape)) == argument.dim(), f"two axes of one size: {list(argument.shape)}"
    assert all(
        same(a, b)
        for one, two in zip(cases, random_cases(name, seed=0), strict=True)
        for a, b in zip(one, two, strict=True)
    )


@pytest.mark.parametrize("name", EXERCISES)
def test_small_examples_end_in_a_batch(name):
    *single, batch = small_cases(name)
    assert batch[0].dim() == single[0][0].dim() + 1 and len(batch[0]) == 2


# --- Picture


def test_picture_shows_each_number_and_marks_the_wrong_ones():
    picture = Comparison(torch.tensor([1.0, 0.0]), torch.tensor([0.5, 0.0]), ("location",))
    table = BeautifulSoup(picture._repr_html_(), "html.parser").table
    rows = [[cell.get_text() for cell in row.select("th, td:not([aria-hidden])")] for row in table.tbody.select("tr")]
    assert rows == [["location 0", "1", "0.5", "wrong"], ["location 1", "0", "0", ""]]
    widths = [re.search(r"width: ([\d.]+)em", bar["style"])[1] for bar in table.select("tbody div")]
    assert widths == ["7.00", "3.50", "0.00", "0.00"]
    assert table.caption.get_text() == "Expected against got"
    assert all(th.get("scope") in ("row", "col") for th in table.select("th"))
    lines = repr(picture).splitlines()
    assert lines[1].split() == ["location", "0", "1", "█" * 14, "0.5", "█" * 7, "wrong"]


def test_picture_of_a_matrix_names_row_and_column_and_stays_small():
    expected = torch.zeros(2, 7, 5)
    got = expected.clone()
    got[1, 6, 4] = float("nan")
    rows = Comparison(expected, got, ("location", "column")).rows()
    assert rows[0][0] == "batch 1, location 6, column 4" and rows[0][3] is False and len(rows) == 16
    assert "nan" in Comparison(expected, got, ("location", "column"))._repr_html_()
    assert "nan" in repr(Comparison(expected, got, ("location", "column")))


def test_check_shows_a_picture_of_a_wrong_answer_only(monkeypatch):
    pictures = []
    monkeypatch.setattr("course.exercises.display", pictures.append)
    check(implementation.read)
    check(lambda m, w: m, "read")  # of another shape
    assert pictures == []
    check(lambda m, w: 2 * implementation.read(m, w), "read")
    assert isinstance(pictures[0], Comparison)


# --- The book: solutions are folded without a script, and every box has an id of its own

PAGE = """# Page

:::{exercise} By hand
:label: exercise-one

What is $1 + 1$?
:::

:::{solution-start} exercise-one
:label: solution-one
:::

It is 2.

:::{solution-end}
:::

:::{exercise} Again
:label: exercise-two

And $2 + 2$? See {ref}`exercise-one`.
:::
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("book")
    (folder / "index.md").write_text(PAGE, encoding="utf-8")
    (folder / "conf.py").write_text(
        f"import sys\nsys.path.insert(0, {str(ROOT / 'book' / '_ext')!r})\n"
        "extensions = ['myst_parser', 'sphinx_exercise', 'folded_solutions']\n"
        "myst_enable_extensions = ['dollarmath', 'colon_fence']\n"
    )
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "-n", "-b", "html", folder, folder / "out"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.stderr == ""
    return BeautifulSoup((folder / "out" / "index.html").read_text(encoding="utf-8"), "html.parser")


def test_solution_is_folded_numbered_and_linked(page):
    (solution,) = page.select("details.solution")
    assert not solution.has_attr("open") and solution["id"] == "solution-one"
    assert solution.summary.get_text() == "Solution to Exercise 1 (By hand)"
    assert solution.summary.a is None, "a button must hold no link"
    assert solution.select_one(".solution-end").get_text() == "Back to Exercise 1 (By hand)"
    assert solution.select_one(".solution-end a")["href"].endswith("#exercise-one")
    assert "It is 2." in solution.section.get_text() and "It is 2." not in solution.summary.get_text()


def test_exercises_are_numbered_and_ids_are_unique(page):
    titles = [" ".join(box.select_one(".admonition-title").get_text().split()) for box in page.select("div.exercise")]
    assert titles == ["Exercise 1 (By hand)", "Exercise 2 (Again)"]
    assert page.select_one('#exercise-two a[href="#exercise-one"]').get_text() == "Exercise 1"
    ids = [tag["id"] for tag in page.find_all(id=True)]
    assert len(ids) == len(set(ids))
