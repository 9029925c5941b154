"""The course as an ePub: `make epub`. For that builder alone, since an ePub's reader runs no script and asks no host.

Equations become MathML; whatever acts gives way to a picture and a note; the package says what the standard wants said.
"""

import posixpath
import re
import tomllib
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.builders._epub_base import NavPoint
from sphinx.builders.epub3 import HTML_TAG, Epub3Builder
from sphinx.highlighting import PygmentsBridge
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.math import get_node_equation_number
from sphinx.writers.html5 import HTML5Translator
from static_html import pictures_as_files, standing_still

STYLES = ("pygments.css", "overview.css", "course-epub.css")
SUMMARY = re.compile(r"<summary.*?</summary>", re.DOTALL)


def mathml(tex: str, display: str) -> str:
    """An equation as MathML, with its TeX for who cannot see it.

    >>> mathml("w_t", "inline").partition(" xmlns")[0]
    '<math alttext="w_t"'
    """
    tex = " ".join(tex.split())
    return convert(tex, display=display).replace("<math ", f'<math alttext="{escape(tex)}" ', 1)


def visit_math(self: HTML5Translator, node: nodes.math) -> None:
    self.body.append(mathml(node.astext(), "inline"))
    raise nodes.SkipNode


def visit_displaymath(self: HTML5Translator, node: nodes.math_block) -> None:
    self.body.append(self.starttag(node, "div", CLASS="math"))
    if node["number"]:
        self.body.append(f'<span class="eqno">({get_node_equation_number(self, node)})</span>')
    self.body.append(mathml(node.astext(), "block") + "</div>\n")
    raise nodes.SkipNode


class StandStill(SphinxPostTransform):
    """Put pictures and a note in place of a page's scripts and controls."""

    default_priority = 900

    def run(self, **kwargs: Any) -> None:
        builder = self.app.builder
        if builder.name != "epub":
            return
        page = f"{self.env.docname}.html"
        if base := self.config.html_baseurl:
            page = f'<a href="{escape(posixpath.join(base, page))}">{page}</a>'
        note = f"In the course's web pages, this part answers to you: see {page} there."
        images = Path(builder.outdir, "_images")
        address = posixpath.relpath("_images", posixpath.dirname(self.env.docname) or ".")
        for node in list(self.document.findall(nodes.raw)):
            if node["format"] == "html":
                still = pictures_as_files(standing_still(node.astext(), note), images, address)
                node.replace_self(nodes.raw("", still, format="html") if still else [])


class CourseEpub(Epub3Builder):
    """Sphinx's ePub, for a first page in a folder, and with what epubcheck misses in it."""

    html_tag = HTML_TAG.replace(">", ' lang="en" xml:lang="en">')

    def init_highlighter(self) -> None:
        """Colours of code that stand out from the grey that course-epub.css puts under it."""
        self.highlighter, self.dark_highlighter = PygmentsBridge("html", "a11y-high-contrast-light"), None

    def toc_add_files(self, refnodes: list[dict[str, Any]]) -> None:
        """Sphinx counts addresses from the first page's folder, and leaves ``book/../notebooks`` as it is."""
        for node in refnodes:
            node["refuri"] = posixpath.normpath(node["refuri"])
        super().toc_add_files(refnodes)

    def toc_metadata(self, level: int, navpoints: list[NavPoint]) -> dict[str, Any]:
        """The old table of contents must name the book's identifier; Sphinx gives the name of the field."""
        return super().toc_metadata(level, navpoints) | {"uid": self.config.epub_identifier}

    def build_content(self) -> None:
        """Leave out what no page uses (the site's scripts, fonts, icons), and say which pages hold MathML or SVG."""
        pages = {path: path.read_text(encoding="utf-8") for path in Path(self.outdir).rglob("*.xhtml")}
        used = {
            (path.parent / target.partition("?")[0]).resolve()
            for path, page in pages.items()
            for target in re.findall(r'(?:src|href)="([^"#]+)', page)
        }
        for folder in ("_static", "_images"):
            for path in Path(self.outdir, folder).rglob("*"):
                if path.is_file() and path.resolve() not in used:
                    path.unlink()
        super().build_content()
        package = Path(self.outdir, "content.opf")
        text = package.read_text(encoding="utf-8")
        for path, page in pages.items():
            kinds = " ".join(kind for kind, tag in (("mathml", "<math"), ("svg", "<svg")) if tag in page)
            item = f'href="{path.relative_to(self.outdir).as_posix()}" media-type="application/xhtml+xml"'
            text = text.replace(item, f'{item} properties="{kinds}"' if kinds else item)
        package.write_text(text, encoding="utf-8")


def prepare(app: Sphinx) -> None:
    """Sphinx takes a second way of showing equations, where there is one, instead of MathJax."""
    if app.builder.name == "epub":
        project = tomllib.loads(Path(app.srcdir, "pyproject.toml").read_text(encoding="utf-8"))["project"]
        app.config.version = project["version"]
        app.add_html_math_renderer("mathml", (visit_math, None), (visit_displaymath, None))


def tidy(body: str) -> str:
    """A summary as the standard wants it, with no paragraph in it; and no link to a state of what acts on a page.

    >>> tidy('<summary><p class="expanded">Hide</p></summary><p>Graves</p>')
    '<summary><span class="expanded">Hide</span></summary><p>Graves</p>'
    >>> tidy('<a href="#task=copy&amp;N=32">Copy</a> <a href="#top">Top</a>')
    '<a>Copy</a> <a href="#top">Top</a>'
    """
    body = re.sub(r'(<a\b[^>]*?) href="#[^"]*=[^"]*"', r"\1", body)
    return SUMMARY.sub(lambda found: re.sub(r"(</?)p\b", r"\1span", found.group()), body)


def tidy_page(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    """Leave out the styles that the extensions bring for the site."""
    if app.builder.name == "epub":
        context["css_files"] = [css for css in context["css_files"] if posixpath.basename(css.filename) in STYLES]
        if "body" in context:
            context["body"] = tidy(context["body"])


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_builder(CourseEpub, override=True)
    app.add_post_transform(StandStill)
    app.connect("builder-inited", prepare, priority=100)
    app.connect("html-page-context", tidy_page, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
