"""Mend HTML that Sphinx writes and that the standard, and so a screen reader, has no place for.

A signature with a line for each parameter is a ``<dl>`` with ``<dd>`` and no ``<dt>``: a list of answers to nothing.
Here its lines are spans, which course.css sets as lines. A bibliography is a list of entries whose role the standard
has given up, so a list of nothing: here they are its items. In the list of modules, those of a package stand beside its
item: here they are in it.
"""

import re
from typing import Any

from docutils.nodes import document
from sphinx.application import Sphinx

SIGNATURE = re.compile(r'<dt class="sig .*?</dt>', re.DOTALL)
LISTS = {
    "<dl>": '<span class="sig-lines">',
    "<dd>": '<span class="sig-line">',
    "</dl>": "</span>",
    "</dd>": "</span>",
}


def mend_signatures(body: str) -> str:
    """Lines of a signature as spans; lists elsewhere stay lists.

    >>> mend_signatures('<dt class="sig py">f(<dl><dd>x,</dd></dl>)</dt><dl><dt>A</dt></dl>')
    '<dt class="sig py">f(<span class="sig-lines"><span class="sig-line">x,</span></span>)</dt><dl><dt>A</dt></dl>'
    """
    return SIGNATURE.sub(lambda found: re.sub(r"</?d[ld]>", lambda tag: LISTS[tag.group()], found.group()), body)


def mend_bibliography(body: str) -> str:
    """Entries as items of their list.

    >>> mend_bibliography('<div role="list"><div class="citation" role="doc-biblioentry">Graves</div></div>')
    '<div role="list"><div class="citation" role="listitem">Graves</div></div>'
    """
    return body.replace('role="doc-biblioentry"', 'role="listitem"')


def mend_modules(body: str) -> str:
    """A list in a list belongs to the item before it.

    >>> mend_modules("<ul><li>a</li>\\n<ul><li>a.b</li>\\n</ul><li>c</li></ul>")
    '<ul><li>a<ul><li>a.b</li>\\n</ul></li><li>c</li></ul>'
    """
    return re.sub(r"</li>\s*(<ul>(?:(?!<ul>).)*?</ul>)", r"\1</li>", body, flags=re.DOTALL)


def mend(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: document | None) -> None:
    if page == "_modules/index":
        context["body"] = mend_modules(context["body"])
    if "body" in context:
        context["body"] = mend_bibliography(mend_signatures(context["body"]))


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("html-page-context", mend)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
