"""The exercises: what `check` says of stubs, solutions, known mistakes and of mistakes that it has never seen."""

import ast
import functools
import json
import math
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
from course.exercises import EXERCISES, check, find, judge, mistake
from course.exercises.attempts import holds, same
from course.exercises.cases import arguments, random_cases, small_cases
from course.exercises.comparison import Comparison
from course.exercises.general import DOUBLE, REACHES, general_tests
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
CHAPTERS = sorted((ROOT / "notebooks").glob("[0-9][0-9]-*.ipynb"))
KINDS = ("By hand", "Implement", "Predict, then try")


def verdict(name, answer):
    return judge(EXERCISES[name], answer)


def said(verdict):
    """All of it in one line."""
    return " ".join(str(verdict).split())


# --- The notebooks: three kinds of exercise in every chapter, each with a solution


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


def checked_cells(path, prefix):
    """Name of the exercise -> the cell that defines ``prefix_name``, and the code cell behind it."""
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


def handed_over(path):
    """What the checks of a chapter are given beside a reference: the keys of every call or dictionary that has one."""
    code = [source(cell) for cell in cells(path) if cell["cell_type"] == "code"]
    for node in (node for text in code if "reference" in text for node in ast.walk(ast.parse(text))):
        keys = [key.arg for key in getattr(node, "keywords", [])]
        keys += [getattr(key, "value", None) for key in getattr(node, "keys", [])]
        if "reference" in keys:
            yield keys


# The rules, one a function; each message says what to do.


def assert_three_kinds(path):
    titles = exercises(path)
    for kind in KINDS:
        assert any(title.startswith(kind) for title in titles.values()), f"add an exercise whose title begins: {kind}"
    for title in titles.values():
        assert title.startswith(KINDS), f"let the title {title!r} begin with one of: {', '.join(KINDS)}"
    assert list(solutions(path)) == list(titles), (
        "put a solution behind each exercise, in their order, between :::{solution-start} with the exercise's label "
        f"and :::{{solution-end}}; exercises {list(titles)}, solutions {list(solutions(path))}"
    )


def assert_solutions_shown_right(path):
    hidden = {"source_hidden": True, "outputs_hidden": True}
    for label, code in solutions(path).items():
        assert code, f"give the solution of {label} a code cell that works the answer out"
        assert any(shown(cell).strip() for cell in code), f"print what shows that the solution of {label} is right"
        for cell in code:
            assert cell["metadata"].get("jupyter") == hidden, f'hide the solution of {label}: set "jupyter": {hidden}'
            assert "nbval-ignore-output" not in cell["metadata"].get("tags", []), (
                f"the output of the solution of {label} is compared: print what is the same on every machine"
            )


def assert_checked_as_agreed(path):
    yours, ours = checked_cells(path, "your"), checked_cells(path, "our")
    assert list(yours) == list(ours), (
        f"for each stub your_x, begin a cell of the solution with def our_x: {list(yours)}, {list(ours)}"
    )
    for name, (stub, checked) in yours.items():
        docstring = ast.get_docstring(ast.parse(source(stub)).body[0]) or ""
        assert "[" in docstring, f"give your_{name} a docstring that says what is asked, with shapes such as [..., N]"
        assert "raise NotImplementedError" in source(stub), f"let the stub your_{name} raise NotImplementedError"
        asked = re.fullmatch(rf"check\(your_{name}(.*)\)", source(checked), re.DOTALL)
        assert asked, f"put a cell behind your_{name} that says check(your_{name}), and no more"
        assert asked[1] or name in EXERCISES, (
            f"{name} is not in implementation.py: hand check a reference and cases, check(your_{name}, **asked)"
        )
        assert "not attempted yet" in shown(checked), f"run the check of the stub your_{name}"
        solved = ours[name][0]
        assert source(solved).endswith(f"check(our_{name}{asked[1]})"), (
            f"end the solution with check(our_{name}{asked[1]}), given what your_{name} was given"
        )
        assert f"{name}: correct." in shown(solved), f"check finds our_{name} wrong: {shown(solved)}"
        assert not re.search(rf"reference\W+our_{name}\b", "".join(map(source, cells(path)))), (
            f"our_{name} cannot be its own reference: take a function of the course that has tests of its own"
        )
    for keys in handed_over(path):
        assert "properties" not in keys or "mistakes" in keys, (
            "for each property, hand over a known mistake that breaks it: mistakes=[mistake(name, hint, function), ...]"
        )


RULES = (assert_three_kinds, assert_solutions_shown_right, assert_checked_as_agreed)
YOURS = {name: pair for path in CHAPTERS for name, pair in checked_cells(path, "your").items() if name in EXERCISES}
OURS = {name: pair for path in CHAPTERS for name, pair in checked_cells(path, "our").items() if name in EXERCISES}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_chapter_keeps_the_rules_of_exercises(path, rule):
    rule(path)


def test_every_exercise_of_the_paper_is_set_once():
    names = [name for path in CHAPTERS for name in checked_cells(path, "your") if name in EXERCISES]
    assert sorted(names) == sorted(EXERCISES), "each function in EXERCISES is asked for in one chapter, as your_name"


@pytest.mark.parametrize("name", EXERCISES)
def test_stub_of_the_notebook_is_not_attempted(name):
    stub, checked = YOURS[name]
    answer = defined(stub, f"your_{name}")
    assert list(answer.__code__.co_varnames) == arguments(name), f"give your_{name} the arguments of {name}"
    assert verdict(name, answer).status == "not attempted"
    assert shown(checked).strip() == str(verdict(name, answer)), f"run the check of your_{name} again"


@pytest.mark.parametrize("name", EXERCISES)
def test_solution_of_the_notebook_passes(name):
    solved, _ = OURS[name]
    found = verdict(name, defined(solved, f"our_{name}"))
    assert found.status == "correct", found
    assert all(count == total > 0 for _, count, total in found.passed)
    assert shown(solved).strip() == str(found), f"run the solution our_{name} again"


# A made-up chapter that keeps the rules, and one that breaks each.

CHAPTER = [
    ("markdown", ":::{exercise} By hand\n:label: one\n:::\n\n:::{solution-start} one\n:label: a\n:::", ""),
    ("solution", "print(2)", "2"),
    ("markdown", ":::{solution-end}\n:::\n\n:::{exercise-start} Implement `half`\n:label: two\n:::", ""),
    ("code", 'def your_half(x):\n    """Half of x [..., N]."""\n    raise NotImplementedError', ""),
    ("code", "check(your_half, **asked)", "half: not attempted yet."),
    ("markdown", ":::{exercise-end}\n:::\n\n:::{solution-start} two\n:label: b\n:::", ""),
    ("solution", "def our_half(x):\n    return x / 2\n\n\ncheck(our_half, **asked)", "half: correct. 3 tests"),
    ("markdown", ":::{solution-end}\n:::\n\n:::{exercise} Predict, then try\n:label: three\n:::", ""),
    ("markdown", ":::{solution-start} three\n:label: c\n:::", ""),
    ("solution", "print(3)", "3"),
    ("markdown", ":::{solution-end}\n:::", ""),
    ("code", "asked = dict(reference=half, cases=[], properties={}, mistakes=[])", ""),
]


@pytest.fixture
def chapter(tmp_path):
    def written(old="", new=""):
        def cell(kind, text, output):
            jupyter = {"jupyter": {"source_hidden": True, "outputs_hidden": True}} if kind == "solution" else {}
            kind = "code" if kind == "solution" else kind
            return {"cell_type": kind, "source": [text], "outputs": [{"text": [output]}], "metadata": jupyter}

        text = json.dumps({"cells": [cell(*part) for part in CHAPTER]})
        assert old in text
        path = tmp_path / "99-made-up.ipynb"
        path.write_text(text.replace(old, new), encoding="utf-8")
        return path

    return written


def test_made_up_chapter_keeps_the_rules(chapter):
    for rule in RULES:
        rule(chapter())


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("By hand", "Think", "add an exercise whose title begins: By hand"),
        (r"} two\n:label: b", r"} 2\n:label: b", "put a solution behind each exercise"),
        ('["2"]', '[""]', "print what shows that the solution of one is right"),
        ('"source_hidden": true', '"source_hidden": false', "hide the solution of one"),
        (" [..., N]", "", "a docstring that says what is asked, with shapes"),
        ("raise NotImplementedError", "return x", "let the stub your_half raise"),
        ("check(your_half, **asked)", "print(your_half)", "put a cell behind your_half"),
        (", **asked", "", "hand check a reference and cases"),
        ("half: not attempted yet.", "", "run the check of the stub"),
        ("check(our_half, **asked)", "check(our_half)", "end the solution with check"),
        ("def our_half", "def own_half", "begin a cell of the solution with def our_x"),
        ("correct. 3 tests", "wrong.", "check finds our_half wrong"),
        ("reference=half", "reference=our_half", "cannot be its own reference"),
        (", mistakes=[]", "", "a known mistake that breaks it"),
    ],
)  # fmt: skip
def test_chapter_that_breaks_a_rule_is_told_what_to_do(chapter, old, new, message):
    told = []
    for rule in RULES:
        try:
            rule(chapter(old, new))
        except AssertionError as error:
            told.append(str(error))
    assert len(told) == 1 and message in told[0], told


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
    "half precision": (half_precision, "It returns a tensor of torch.float16; with these arguments torch.float32"),
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


# --- Functions that are not in implementation.py: a reference and cases are handed to check


def bits(logits, targets):
    """The mean loss in bits [] of logits [B, K] where the targets [B] are right."""
    return F.cross_entropy(logits, targets) / math.log(2)


def some_bits(g):
    sizes = ((2, 3), (5, 7), (11, 2))
    return [(torch.randn(B, K, generator=g), torch.randint(K, (B,), generator=g)) for B, K in sizes]


def bits_one_by_one(logits, targets):
    shares = [row.softmax(0)[k] for row, k in zip(logits, targets, strict=True)]
    return -sum(torch.log2(share) for share in shares) / len(shares)


def bits_that_overflow(logits, targets):
    return -(logits.exp() / logits.exp().sum(-1, keepdim=True))[range(len(targets)), targets].log2().mean()


def faded(series, rate: float, times: int):
    """A fading sum [..., N] of a series [..., N]: what was counts (rate ** times) times as much a step later."""
    weights = (rate**times) ** (torch.arange(series.shape[-1])[:, None] - torch.arange(series.shape[-1]))
    return series @ weights.to(series).tril().T


def faded_step_by_step(series, rate, times):
    sums = [series[..., 0]]
    for i in range(1, series.shape[-1]):
        sums.append(sums[-1] * rate**times + series[..., i])
    return torch.stack(sums, dim=-1)


def ranks(series):
    """The place [..., N] of each number of a series [..., N] in their order, from 0."""
    return series.argsort(-1).argsort(-1)


def above(series):
    """Whether each number of a series [..., N] is positive."""
    return series > 0


def series(g, *more):
    return [(torch.randn(*shape, generator=g), *more) for shape in ((3,), (2, 5), (11, 7), (13, 2, 3))]


HANDED = {
    "bits": {
        "reference": bits,
        "cases": some_bits,
        "properties": {
            "never negative": lambda loss, logits, targets: loss(logits, targets) >= 0,
            "100 more everywhere: the same": lambda loss, logits, targets: torch.allclose(
                loss(logits + 100, targets), loss(logits, targets), rtol=1e-3
            ),
        },
        "mistakes": [
            mistake("natural", "These are nats. Divide by the logarithm of 2.", lambda x, y: F.cross_entropy(x, y)),
            mistake("sign", "The sign is turned round.", lambda x, y: -bits(x, y)),
            mistake("no care", "The exponential overflows.", bits_that_overflow),
        ],
    },
    "faded": {"reference": faded, "cases": lambda g: series(g, 0.5, 2), "axes": ("time",)},
    "ranks": {"reference": ranks, "cases": series},
    "above": {"reference": above, "cases": series(torch.Generator().manual_seed(7))},
}


@pytest.mark.parametrize(
    ("name", "answer", "rows"),
    [
        ("bits", bits_one_by_one, "examples 3 of 3 never negative 3 of 3 100 more everywhere: the same 3 of 3 double"),
        ("bits", lambda x, y: -x.log_softmax(1).gather(1, y[:, None]).mean() * math.log2(math.e), "reaches every"),
        ("faded", faded_step_by_step, "3 tests passed, 12 cases: examples 4 of 4 double precision stays double 4 of 4"),
        ("faded", functools.partial(faded), "the gradient reaches every argument 4 of 4"),
        ("ranks", lambda x: (x[..., None] > x[..., None, :]).sum(-1), "ranks: correct. 1 test passed, 4 cases:"),
        ("above", lambda x: x.sign() == 1, "above: correct. 1 test passed, 4 cases: examples 4 of 4"),
    ],
)
def test_right_answer_in_any_style_passes(name, answer, rows, capsys):
    check(answer, name, **HANDED[name])
    printed = " ".join(capsys.readouterr().out.split())
    assert printed.startswith(f"{name}: correct.") and rows in printed


def your_bits(logits, targets):
    raise NotImplementedError


@pytest.mark.parametrize(
    ("name", "answer", "words"),
    [
        ("bits", your_bits, "bits: not attempted yet. Write the body of your_bits in place of"),
        ("bits", lambda x, y: F.cross_entropy(x, y), "got 0.228 Hint: These are nats."),
        ("bits", lambda x, y: 5 * bits(x, y), "expected 0.328 got 1.64 Hint: All numbers are 5 times what they should"),
        ("bits", lambda x, y: bits(x, y) - 1, "All numbers are off by -1"),
        ("bits", lambda x, y: torch.zeros(()), "None of the arguments plays a part"),
        ("bits", lambda x, y: bits(x, 0 * y), "The result does not depend on `targets`"),
        ("bits", lambda x, y: bits(x, y) * x.mean().exp(), "The result is wrong: "),
        ("bits", lambda x, y: bits(x, y) / 0, "The result is inf."),
        ("bits", lambda x, y: F.cross_entropy(x, y, reduction="none"), "The shape is [2]; [] is expected."),
        ("bits", lambda x, y: bits(x, y).detach(), "right, but the gradient is lost on the way"),
        ("bits", lambda x, y: bits(x, y).item(), "It returns float, not a tensor of shape []."),
        ("bits", lambda x, y: bits(x.float(), y), "torch.float32; with these arguments torch.float64 is expected"),
        ("bits", lambda x, y: bits(x, y.float()), "It raises"),
        ("bits", lambda x: x, "bits: wrong. Hint: It must take 2 arguments, in this order: logits, targets."),
        ("bits", lambda targets, logits: bits(logits, targets), "the order should be (logits, targets)."),
        ("bits", bits_that_overflow, "right in every case, but this does not hold: 100 more everywhere"),
        ("faded", lambda x, r, n: faded(x, r, 1), "times 2 expected"),
        ("faded", lambda x, r, n: faded(x, r, 1), "does not depend on `times`"),
        ("faded", lambda x, r, n: faded(x.flatten(), r, n).view(x.shape), "Without leading dimensions it works."),
        ("faded", lambda x, r, n: x.fade(r), "The shapes given are series [3], rate [], times []; a result of shape"),
        ("faded", lambda x, r, n: x.clone(), "The result is the argument `series`, unchanged."),
        ("faded", lambda x, r, n: faded(x, r, n).flip(-1), "The numbers are right, but in reverse order."),
        ("faded", lambda x, r, n: faded(x, r, n).mul_(x.relu_().sign()), "It changes its argument `series` in place."),
        ("ranks", lambda x: x.argsort(-1), "The numbers are right, but in other places."),
        ("ranks", lambda x: ranks(x) + 1, "All numbers are off by 1"),
        ("ranks", lambda x: ranks(x).float(), "torch.float32; with these arguments torch.int64 is expected"),
        ("above", lambda x: x < 0, "3 of 3 numbers are wrong, entry 0 first: 1 instead of 0"),
    ],
)  # fmt: skip
def test_wrong_answer_gets_a_verdict_that_fits(name, answer, words, capsys):
    check(answer, name, **HANDED[name])
    printed = " ".join(capsys.readouterr().out.split())
    assert printed.startswith((f"{name}: wrong.", f"{name}: not")) and words in printed


@pytest.mark.parametrize("name", [name for name, asked in HANDED.items() if "mistakes" in asked])
def test_each_property_is_broken_by_a_known_mistake(name, capsys):
    for known in HANDED[name]["mistakes"]:
        check(known.variants[0], name, **HANDED[name])
        assert f"{name}: wrong." in capsys.readouterr().out
    for predicate in HANDED[name]["properties"].values():
        case = some_bits(torch.Generator())[0]
        held = [holds(predicate, known.variants[0], case) for known in HANDED[name]["mistakes"]]
        assert holds(predicate, bits, case) and not all(held)


def test_property_of_many_numbers_holds_for_each():
    case = (torch.tensor([1.0, -1.0]),)
    assert holds(lambda answer, x: answer(x) >= 0, torch.abs, case)
    assert not holds(lambda answer, x: answer(x) >= 0, torch.clone, case)


def test_name_is_that_of_the_function_without_whose_it_is(capsys):
    def our_small_loss(logits, targets):
        return bits(logits, targets)

    check(our_small_loss, **HANDED["bits"])
    assert capsys.readouterr().out.startswith("small_loss: correct.")


def test_a_reference_goes_before_a_name_that_is_known(capsys):
    check(lambda x: x / 2, "read", reference=lambda x: 0.5 * x, cases=[(torch.ones(3),)])
    assert capsys.readouterr().out.startswith("read: correct. 3 tests passed, 3 cases:")


def test_cases_are_drawn_anew_for_each_purpose_and_alike_each_time():
    seen = []

    def cases(g):
        seen.append(torch.rand(3, generator=g))
        return [(seen[-1],)]

    for _ in range(2):
        check(torch.exp, "power", reference=lambda x: x.exp(), cases=cases)
    assert [torch.equal(a, b) for a, b in zip(seen[:3], seen[3:], strict=True)] == [True] * 3
    assert not torch.equal(seen[0], seen[1]) and not torch.equal(seen[1], seen[2])


@pytest.mark.parametrize(
    ("reference", "rows"),
    [
        (lambda x: torch.nn.functional.linear(x, torch.ones(2, 3)), ["examples", REACHES]),  # in single precision only
        (lambda x: x.detach() * 2, ["examples", DOUBLE]),
        (lambda x: x.sign().long(), ["examples"]),
        (lambda x: 2 * x, ["examples", DOUBLE, REACHES]),
    ],
)
def test_what_the_reference_cannot_do_is_not_asked(reference, rows):
    cases = [(torch.randn(3, generator=torch.Generator().manual_seed(0)),)]
    assert [test.name for test in general_tests(reference, cases, {})] == rows


def test_gradients_are_asked_for_where_they_are_off(capsys):
    with torch.no_grad():
        check(lambda x, y: bits(x, y).detach(), "bits", **HANDED["bits"])
    assert "the gradient is lost on the way" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        ({"cases": []}, ValueError, "at least one"),
        ({}, ValueError, "at least one"),
        ({"cases": [(torch.ones(1),), (torch.ones(1), 2)]}, ValueError, r"got the numbers \[1, 2\]"),
        ({"cases": [torch.ones(1)]}, TypeError, "a tuple of tensors and numbers, got Tensor"),
        ({"cases": [("word",)]}, TypeError, "a tuple of tensors and numbers, got str"),
        ({"cases": [(2.0,)]}, TypeError, "the reference must return a tensor, got float"),
        ({"cases": [(torch.ones(1),)], "reference": None}, TypeError, "need a reference"),
    ],
)
def test_author_is_told_what_an_exercise_needs(asked, error, message):
    with pytest.raises(error, match=message):
        check(lambda x: x, "half", **{"reference": lambda x: x / 2} | asked)


def test_picture_calls_the_axes_what_the_author_does(monkeypatch):
    pictures = []
    monkeypatch.setattr("course.exercises.display", pictures.append)
    check(lambda x, r, n: 2 * faded(x, r, n), "faded", **HANDED["faded"])
    check(lambda x, y: 2 * bits(x, y), "bits", **HANDED["bits"])
    check(lambda x: 1 - ranks(x), "ranks", **HANDED["ranks"])
    assert [picture.rows()[0][0] for picture in pictures] == ["time 0", "result", "entry 0"]


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
