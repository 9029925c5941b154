"""Mistakes of writing, with one head and with several."""

import torch
from torch import Tensor

from course.exercises.mistakes import column, mistake, outer
from implementation import add, erase, write

WRITE = [
    mistake(
        "add before erase",
        "The addition comes before the erase, so what was just added is partly erased again. Erase first, then add.",
        lambda m, w, e, a: erase(add(m, w, a), w, e),
    ),
    mistake(
        "erase with (1 - w) e",
        "The erase factor is 1 - (1 - w) e: it erases where the head does not point. It should be 1 - w e.",
        lambda m, w, e, a: add(m * (1 - outer(1 - w, e)), w, a),
    ),
    mistake(
        "erase without the outer product",
        "The weighting plays no part in the erase: every row is cleared. The factor for location i and column j is "
        "1 - w(i) e(j), an outer product.",
        lambda m, w, e, a: add(m * (1 - e.unsqueeze(-2)), w, a),
    ),
    mistake(
        "erase vector ignored",
        "The erase vector plays no part: whole rows are cleared, whichever columns it names.",
        lambda m, w, e, a: add(m * (1 - column(w)), w, a),
    ),
    mistake(
        "add without the outer product",
        "The weighting plays no part in the addition: every row gets the whole add vector. Row i gets w(i) times it.",
        lambda m, w, e, a: erase(m, w, e) + a.unsqueeze(-2),
    ),
    mistake(
        "nothing erased", "Nothing is erased: equation 3 comes before the addition.", lambda m, w, e, a: add(m, w, a)
    ),
    mistake("nothing added", "Nothing is added: equation 4 is missing.", lambda m, w, e, a: erase(m, w, e)),
    mistake(
        "erase keeps",
        "The memory is multiplied by w e, which keeps what should go. What stays is 1 - w e of it.",
        lambda m, w, e, a: add(m * outer(w, e), w, a),
    ),
    mistake(
        "erase subtracts",
        "The erase subtracts w e from the memory. It multiplies: the memory times (1 - w e).",
        lambda m, w, e, a: add(m - outer(w, e), w, a),
    ),
    mistake(
        "factors taken apart",
        "The factor is (1 - w)(1 - e). It should be 1 - w e: an e of 0 keeps a column whatever w is.",
        lambda m, w, e, a: add(m * outer(1 - w, 1 - e), w, a),
    ),
    mistake(
        "erase factor w (1 - e)",
        "The factor is w (1 - e), which clears every row that is not pointed at. It should be 1 - w e.",
        lambda m, w, e, a: add(m * outer(w, 1 - e), w, a),
    ),
    mistake(
        "added elsewhere",
        "The addition goes to where the head does not point: it has the weights 1 - w.",
        lambda m, w, e, a: erase(m, w, e) + outer(1 - w, a),
    ),
    mistake(
        "summed over the locations",
        "The locations are summed up before they are used. The weights sum to 1, so the address is lost.",
        lambda m, w, e, a: m * (1 - outer(w, e).sum(-2, keepdim=True)) + outer(w, a).sum(-2, keepdim=True),
    ),
    mistake(
        "weighting along the columns",
        "The weighting was multiplied along the columns: broadcasting lines up the last dimensions. A weight for each "
        "row is weighting.unsqueeze(-1), a vector over the columns is unsqueeze(-2).",
        lambda m, w, e, a: m * (1 - w * e) + w * a,
    ),
    mistake(
        "multiplied by (1 - w) e",
        "The memory is multiplied by (1 - w) e: what is not pointed at is lost where e is 0. What stays is 1 - w e of "
        "it.",
        lambda m, w, e, a: add(m * outer(1 - w, e), w, a),
    ),
    mistake(
        "erase what should stay",
        "The factor is 1 - w (1 - e): it clears the columns that the erase vector leaves out. It should be 1 - w e.",
        lambda m, w, e, a: add(m * (1 - outer(w, 1 - e)), w, a),
    ),
    mistake("subtracted", "The add vector is subtracted.", lambda m, w, e, a: add(erase(m, w, e), w, -a)),
    mistake(
        "weighting ignored",
        "The weighting plays no part: every row is erased and added to in full.",
        lambda m, w, e, a: m * (1 - e.unsqueeze(-2)) + a.unsqueeze(-2),
    ),
    mistake(
        "added only where erased",
        "The addition is multiplied by the erase vector. It has only the weighting in front: w a, also where e is 0.",
        lambda m, w, e, a: add(erase(m, w, e), w, a * e),
    ),
    mistake(
        "vectors swapped",
        "The erase vector and the add vector are swapped.",
        lambda m, w, e, a: write(m, w, a, e),
    ),
]


def in_turn(memory: Tensor, weightings: Tensor, erases: Tensor, adds: Tensor) -> Tensor:
    for w, e, a in zip(weightings.unbind(-2), erases.unbind(-2), adds.unbind(-2), strict=True):
        memory = write(memory, w, e, a)
    return memory


def _erased(memory: Tensor, weightings: Tensor, erases: Tensor) -> Tensor:
    return memory * (1 - weightings.unsqueeze(-1) * erases.unsqueeze(-2)).prod(dim=-3)


def _sums(weightings: Tensor, vectors: Tensor) -> Tensor:
    return torch.einsum("...wn,...wm->...nm", weightings, vectors)


WRITE_HEADS = [
    mistake(
        "heads in turn",
        "Each head writes in turn, so a later head erases what an earlier one has added. First all erases, then all "
        "additions; then the order of the heads does not matter.",
        in_turn,
        lambda m, w, e, a: in_turn(m, w.flip(-2), e.flip(-2), a.flip(-2)),
    ),
    mistake(
        "add before erase",
        "The additions come before the erases. Erase first, then add.",
        lambda m, w, e, a: _erased(m + _sums(w, a), w, e),
    ),
    mistake(
        "erases added up",
        "The erases are added up, so two heads can erase more than there is. They multiply: each leaves 1 - w e of "
        "what the others have left.",
        lambda m, w, e, a: m * (1 - _sums(w, e)) + _sums(w, a),
    ),
    mistake(
        "one head only",
        "Only one of the heads writes.",
        lambda m, w, e, a: write(m, w[..., 0, :], e[..., 0, :], a[..., 0, :]),
        lambda m, w, e, a: write(m, w[..., -1, :], e[..., -1, :], a[..., -1, :]),
    ),
    mistake(
        "some heads left out",
        "A head is left out, or undone by the next one. In a loop, each step must start from what the one before it "
        "returned, and the loop must run over all W heads.",
        lambda m, w, e, a: _erased(m, w[..., -1:, :], e[..., -1:, :]) + _sums(w, a),
        lambda m, w, e, a: _erased(m, w, e) + _sums(w[..., -1:, :], a[..., -1:, :]),
        lambda m, w, e, a: _erased(m, w[..., :1, :], e[..., :1, :]) + _sums(w, a),
        lambda m, w, e, a: _erased(m, w, e) + _sums(w[..., :1, :], a[..., :1, :]),
        lambda m, w, e, a: _erased(m, w[..., :-1, :], e[..., :-1, :]) + _sums(w[..., :-1, :], a[..., :-1, :]),
        lambda m, w, e, a: _erased(m, w[..., 1:, :], e[..., 1:, :]) + _sums(w[..., 1:, :], a[..., 1:, :]),
    ),
    mistake(
        "mean of the heads",
        "The additions are averaged over the heads. They add up.",
        lambda m, w, e, a: _erased(m, w, e) + _sums(w, a) / w.shape[-2],
    ),
    mistake("nothing added", "Nothing is added: equation 4 is missing.", lambda m, w, e, a: _erased(m, w, e)),
    mistake("nothing erased", "Nothing is erased: equation 3 is missing.", lambda m, w, e, a: m + _sums(w, a)),
    mistake(
        "memory once per head",
        "The memory is counted once for every head. All write into the same one: multiply the erase factors, then add.",
        lambda m, w, e, a: sum(write(m, w[..., h, :], e[..., h, :], a[..., h, :]) for h in range(w.shape[-2])),
    ),
    mistake(
        "heads averaged first",
        "The heads are merged into one before they write. A product of the erase factors is not the factor of a mean.",
        lambda m, w, e, a: write(m, w.mean(-2), e.mean(-2), a.mean(-2)),
        lambda m, w, e, a: write(m, w.sum(-2), e.sum(-2), a.sum(-2)),
    ),
]
