"""Number equations as the paper does, on every page alike.

An equation labelled ``eq-5`` is the paper's equation 5: it shows (5) and is referred to as (5), wherever it stands. An
equation that is not the paper's gets a name: ``eq-loss-in-bits`` shows (loss in bits). Other labels are errors.
"""

import re
from typing import Any

from sphinx.application import Sphinx
from sphinx.domains.math import MathDomain
from sphinx.util import logging

PAPER_EQUATIONS = range(1, 11)

logger = logging.getLogger(__name__)


def equation_tag(label: str) -> str | None:
    """What stands between the parentheses of an equation; None if the label is no good.

    >>> equation_tag("eq-5"), equation_tag("eq-loss-in-bits")
    ('5', 'loss in bits')
    >>> equation_tag("eq-11"), equation_tag("eq-05"), equation_tag("sharpening")
    (None, None, None)
    """
    tag = label.removeprefix("eq-")
    if tag == label:
        return None
    if tag.isdecimal():
        return tag if tag in map(str, PAPER_EQUATIONS) else None
    return tag.replace("-", " ") if re.fullmatch(r"[a-z]+(-[a-z]+)*", tag) else None


class PaperMathDomain(MathDomain):
    """Sphinx's equations, with numbers that come from the label and not from the order of reading."""

    def note_equation(self, docname: str, labelid: str, location: Any = None) -> None:
        super().note_equation(docname, labelid, location)
        tag = equation_tag(labelid)
        if tag is None:
            logger.warning(
                "equation label %r: use eq-1 to eq-%d for the paper's equations and eq-some-name for others",
                labelid,
                PAPER_EQUATIONS[-1],
                location=location,
            )
        self.equations[labelid] = (docname, tag or "?")


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_domain(PaperMathDomain, override=True)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
