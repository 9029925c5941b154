"""Expected against got, number by number: a table with bars, in HTML for a notebook and in text for a terminal."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import torch
from torch import Tensor

from course.exercises.attempts import digits_apart, in_digits, same

MAX_ROWS = 16
BAR = 14  # the longest bar, in characters, or in halves of an em
COLOURS = {"expected": "#0072b2", "got": "#d55e00"}  # Okabe and Ito; both stand out on white and on black


@dataclass(frozen=True)
class Comparison:
    """Two tensors of one shape, with a name for each of their last axes, such as ``("location",)``."""

    expected: Tensor
    got: Tensor
    axes: Sequence[str]

    def rows(self) -> list[tuple[str, float, float, bool]]:
        """A label, the number expected, the number got and whether it is right; wrong ones first if there are many."""
        names = [*(["batch"] * self.expected.dim()), *self.axes][len(self.axes) :]
        rows = []
        for at in torch.ones_like(self.expected).nonzero().tolist() or [[]]:
            label = ", ".join(f"{name} {i}" for name, i in zip(names, at, strict=True)) or "result"
            pair = self.expected[tuple(at)], self.got[tuple(at)]
            rows.append((label, pair[0].item(), pair[1].item(), same(pair[1], pair[0])))
        if len(rows) > MAX_ROWS:
            rows = sorted(rows, key=lambda row: row[3])[:MAX_ROWS]
        return rows

    def digits(self) -> int:
        """Enough to tell what was got from what was expected, where it is wrong."""
        return digits_apart([(e, g) for _, e, g, right in self.rows() if not right])

    def scale(self) -> float:
        finite = [abs(x) for _, *pair, _ in self.rows() for x in pair if abs(x) < float("inf")]
        return max([1e-9, *finite])

    def __repr__(self) -> str:
        rows, scale, digits = self.rows(), self.scale(), self.digits()
        width = max(len(row[0]) for row in rows)

        def cell(value: float) -> str:
            bar = "█" * round(BAR * min(abs(value), scale) / scale) if value == value else ""
            return f"{in_digits(value, digits):>8} {bar:{BAR}}"

        lines = [f"{'':{width}} {'expected':>8} {'':{BAR}} {'got':>8}"]
        lines += [f"{label:{width}} {cell(e)} {cell(g)}{'' if ok else ' wrong'}" for label, e, g, ok in rows]
        return "\n".join(line.rstrip() for line in lines)

    def _repr_html_(self) -> str:
        rows, scale, digits = self.rows(), self.scale(), self.digits()

        def cells(kind: str, value: float) -> str:
            share = min(abs(value), scale) / scale if value == value else 0
            fill = "transparent" if value < 0 else COLOURS[kind]  # a negative number is an outline
            bar = f"width: {BAR / 2 * share:.2f}em; height: 0.8em; background: {fill}"
            bar += f"; outline: 2px solid {COLOURS[kind]}; outline-offset: -2px" if value < 0 else ""
            shown, space = escape(in_digits(value, digits)), '<td style="min-width: 7.5em" aria-hidden="true">'
            return f'<td style="text-align: right">{shown}</td>{space}<div style="{bar}"></div></td>'

        head = "".join(f'<th scope="col" colspan="2" style="text-align: left">{kind}</th>' for kind in COLOURS)
        body = "".join(
            f'<tr><th scope="row" style="text-align: left">{escape(label)}</th>{cells("expected", e)}{cells("got", g)}'
            f"<td>{'' if ok else 'wrong'}</td></tr>"
            for label, e, g, ok in rows
        )
        return (
            '<table class="ntm-comparison"><caption>Expected against got</caption>'
            f"<thead><tr><td></td>{head}<td></td></tr></thead><tbody>{body}</tbody></table>"
        )
