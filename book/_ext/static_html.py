"""HTML that stands still: what a page's own HTML becomes where no script runs, such as in an ePub."""

import base64
import hashlib
import re
from html import escape
from html.parser import HTMLParser
from pathlib import Path

VOID = {"area", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
UNSAID = {"noscript", "script", "style"}
ACTING = {"button", "canvas", "input", "noscript", "object", "script", "select", "textarea"}
DATA_ADDRESS = re.compile(r"data:image/(?P<kind>png|jpeg|gif);base64,(?P<data>.+)", re.DOTALL)


class _Fragment(HTMLParser):
    """Takes a piece of HTML apart: all of it as XHTML, its pictures, what it says without scripts, and what acts."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.markup: list[str] = []
        self.without_scripts: list[str] = []
        self.pictures: list[str] = []
        self.acting: set[str] = set()
        self.inside: list[str] = []
        self.feed(html)
        self.close()
        while self.inside:
            self.handle_endtag(self.inside[-1].lower())

    def _put(self, text: str) -> None:
        if "noscript" in self.inside:
            self.without_scripts.append(text)
        elif not {"script", "style"} & set(self.inside):
            self.markup.append(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]], closed: bool = False) -> None:
        self.acting |= {tag} & ACTING
        written = self.get_starttag_text()
        name = written[1 : 1 + len(tag)]  # SVG's names have capitals; the parser's have not
        closed = closed or tag in VOID
        spelled = {attribute.lower(): attribute for attribute in re.findall(r"[\w:.-]+(?=\s*=)", written)}
        pairs = (f' {spelled.get(key, key)}="{escape(key if value is None else value)}"' for key, value in attributes)
        text = f"<{name}{''.join(pairs)}{' /' if closed else ''}>"
        if tag == "img" and "noscript" not in self.inside:
            self.pictures.append(text)
        if tag not in UNSAID:
            self._put(text)
        if not closed:
            self.inside.append(name)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attributes, closed=True)

    def handle_endtag(self, tag: str) -> None:
        while tag in map(str.lower, self.inside):
            name = self.inside.pop()
            if name not in UNSAID:
                self._put(f"</{name}>")
            if name.lower() == tag:  # others, such as a <p>, are closed by what they stand in
                return

    def handle_data(self, data: str) -> None:
        self._put(escape(data, quote=False))


def standing_still(html: str, note: str) -> str:
    """XHTML in place of a piece of HTML. Where something acts in it, its pictures or its ``<noscript>``, and a note.

    >>> standing_still('<p>A <br>line &amp; more', "unused")
    '<p>A <br />line &amp; more</p>'
    >>> standing_still('<svg viewBox="0 0 1 1"><linearGradient id=a /></svg>', "unused")
    '<svg viewBox="0 0 1 1"><linearGradient id="a" /></svg>'
    >>> standing_still('<img src="a.png" alt="A"><input type=range><script>run()</script>', "See the site.")
    '<div class="stand-in"><img src="a.png" alt="A" /><p>See the site.</p></div>'
    >>> standing_still('<noscript><p>A curve.</p></noscript><canvas></canvas>', "See the site.")
    '<div class="stand-in"><p>A curve.</p><p>See the site.</p></div>'
    >>> standing_still('<div class=lab><noscript>No script, no lab.</noscript></div>', "See the site.")
    '<div class="stand-in">No script, no lab.<p>See the site.</p></div>'
    >>> standing_still('<script src="lab.js"></script>', "See the site.")
    ''
    """
    fragment = _Fragment(html)
    rest = "".join(fragment.without_scripts or fragment.pictures)
    if fragment.acting <= {"script"} and not rest and not "".join(fragment.markup).strip():
        return ""  # it only loads a script: what the script is for stands elsewhere
    if fragment.acting:
        return f'<div class="stand-in">{rest}<p>{note}</p></div>'
    return "".join(fragment.markup)


def pictures_as_files(html: str, folder: Path, address: str) -> str:
    """Write the pictures that stand in ``data:`` addresses into ``folder``, which the page calls ``address``."""

    def write(match: re.Match[str]) -> str:
        found = DATA_ADDRESS.fullmatch(match["data"])
        content = base64.b64decode(found["data"])
        name = f"{hashlib.sha256(content).hexdigest()[:32]}.{found['kind']}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
        return f'src="{address}/{name}"'

    return re.sub(r'src="(?P<data>data:image/(?:png|jpeg|gif);base64,[^"]+)"', write, html)
