"""Fold the solutions of sphinx-exercise with ``<details>``: it works by keyboard, in print, and without a script.

A solution opens when its title is clicked, and ends with a link to its exercise. Besides, the boxes of exercises and
solutions get ids of their own; sphinx-exercise gives the same one to all.
"""

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.writers.html5 import HTML5Translator
from sphinx_exercise.nodes import is_extension_node, solution_node


def visit_solution(translator: HTML5Translator, node: nodes.Element) -> None:
    """Open the fold, and write the title into its summary instead of a paragraph: a button, so without a link in it."""
    title = node.pop(0)
    node["exercise"] = links = list(title.findall(nodes.reference))
    translator.body.append(translator.starttag(node, "details", CLASS="admonition"))
    translator.body.append('<summary class="admonition-title">')
    for child in title.children:
        for part in child.children if child in links else [child]:
            part.walkabout(translator)
    translator.body.append("</summary>\n")


def depart_solution(translator: HTML5Translator, node: nodes.Element) -> None:
    """End with the way back to the exercise."""
    for link in node["exercise"]:
        translator.body.append('<p class="solution-end">Back to ')
        link.walkabout(translator)
        translator.body.append("</p>\n")
    translator.body.append("</details>\n")


class OwnIds(SphinxPostTransform):
    """Name the content of every exercise and solution after its label; keep the space out of the link in a title."""

    default_priority = 25  # after sphinx-exercise has made the titles

    def run(self, **kwargs: Any) -> None:
        for box in filter(is_extension_node, list(self.document.findall())):
            for section in box.children:
                if isinstance(section, nodes.section):
                    section["ids"] = [f"{box['label']}-content"]
            for link in list(box.children[0].findall(nodes.reference)):
                link.parent.insert(link.parent.index(link), nodes.Text(" "))
                link.replace(link.children[0], nodes.Text(link.children[0].lstrip()))


def setup(app: Sphinx) -> dict[str, Any]:
    app.setup_extension("sphinx_exercise")
    app.add_node(solution_node, override=True, html=(visit_solution, depart_solution))
    app.add_post_transform(OwnIds)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
