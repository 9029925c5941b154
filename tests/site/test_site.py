"""The built site, page by page in Chromium, from disk and without a network: as a reader sees it."""

from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pytest
import yaml
from browsing import PAGES, PHONE, SITE, soup

TOC = Path(__file__).parents[2] / "_toc.yml"


def test_site_has_the_pages_of_its_table_of_contents(site):
    """No fewer, and no chapter more. Says so if there is no site: the others would have no page to run on."""
    toc = yaml.safe_load(TOC.read_text(encoding="utf-8"))
    listed = {toc["root"], *(chapter["file"] for part in toc["parts"] for chapter in part["chapters"])}
    built = {page.removesuffix(".html") for page in PAGES if not page.startswith("_modules/")}
    assert built == listed | {"search", "genindex"}


def test_first_page_is_found(visit):
    page = visit("index.html").page
    page.wait_for_url("**/book/intro.html")


@pytest.mark.parametrize("page", PAGES)
def test_page(visit, page):
    """Equations, pictures and links to other hosts; then the same page when night falls, and on a phone."""
    seen = visit(page)
    assert seen.count("mjx-container") == len(soup(page).select(".math")), "an equation was not rendered"
    assert seen.count("mjx-merror, [data-mjx-error]") == 0, "an equation has a mistake in its TeX"
    assert seen.ask("[...document.images].filter(image => !image.complete || !image.naturalWidth).length") == 0
    assert seen.ask("[...document.images].filter(image => !image.alt.trim()).map(image => image.outerHTML)") == []
    seen.wait_for_theme("light")
    seen.assert_no_sideways_scroll()

    seen.page.emulate_media(color_scheme="dark")
    seen.wait_for_theme("dark")
    seen.page.set_viewport_size(PHONE)
    seen.assert_no_sideways_scroll()

    assert seen.complaints == []
    assert [url for url in seen.requests if not url.startswith(("file:", "data:"))] == []


@pytest.mark.parametrize("page", ["book/intro.html", "book/notation.html", "notebooks/01-memory.html"])
def test_page_opened_at_night_on_a_phone(visit, page):
    seen = visit(page, "dark", PHONE)
    seen.wait_for_theme("dark")
    seen.assert_no_sideways_scroll()
    assert seen.complaints == []


@pytest.mark.parametrize("page", PAGES)
def test_equations_have_the_papers_numbers(site, page):
    """Where they stand and where they are referred to; those that are not the paper's have names."""
    content = soup(page)
    for equation in content.select("div.math[id^=equation-eq-]"):
        shown = equation.select_one(".eqno").get_text().rstrip("#¶\uf0c1")
        assert shown == expected_tag(equation["id"])
    for link in content.select('a[href*="#equation-eq-"]:not(.headerlink)'):
        assert link.get_text() == expected_tag(link["href"].split("#")[1])


def test_every_equation_of_the_paper_is_referred_to(site):
    """Or the references would be looked for in the wrong way."""
    links = [link["href"] for page in PAGES for link in soup(page).select('a[href*="#equation-eq-"]:not(.headerlink)')]
    assert {link.rpartition("-")[2] for link in links} >= set(map(str, range(1, 11)))


def expected_tag(anchor):
    label = anchor.removeprefix("equation-eq-")
    assert label in map(str, range(1, 11)) or not any(map(str.isdigit, label))
    return f"({label.replace('-', ' ')})"


@pytest.mark.parametrize("page", PAGES)
def test_links_and_assets_lead_somewhere(site, page):
    for tag in soup(page).find_all(["a", "link", "script", "img", "source", "iframe"]):
        target = tag.get("href") or tag.get("src") or ""
        state = target.startswith("#") and "=" in target  # of the page that acts, not a place in it
        if target.startswith(("data:", "mailto:")) or target in ("", "#") or state:
            continue
        if target.startswith(("http:", "https:", "//")):
            assert tag.name == "a", f"asks another host: {tag}"
            continue
        path, _, anchor = target.partition("#")
        file = (SITE / page).parent / path.partition("?")[0] if path else SITE / page
        assert file.exists(), f"leads nowhere: {tag}"
        if anchor and file.suffix == ".html":
            name = file.resolve().relative_to(SITE.resolve()).as_posix()
            assert unquote(anchor) in anchors(name), f"no such place: {tag}"


@cache
def anchors(page):
    return {tag["id"] for tag in soup(page).find_all(id=True)}


def test_all_ten_equations_are_shown(site):
    shown = [e["id"] for page in PAGES for e in soup(page).select("div.math[id^=equation-eq-]")]
    of_the_paper = sorted(label for label in shown if label[-1].isdigit())
    assert of_the_paper == sorted(f"equation-eq-{n}" for n in range(1, 11))


def test_every_equation_can_be_heard(visit):
    """MathJax leaves MathML for screen readers beside what it draws."""
    seen = visit("book/notation.html")
    assert seen.count("mjx-assistive-mml > math") == seen.count("mjx-container") > 40


def test_search_finds_words_of_chapters_and_of_the_glossary(visit):
    seen = visit("search.html")
    seen.page.goto((SITE / "search.html").as_uri() + "?q=sharpening")
    seen.page.wait_for_selector("#search-results li a")
    assert seen.count('#search-results a[href*="05-sharpening"]') > 0
    assert seen.complaints == []


def test_folded_solutions_open(visit):
    """With the keyboard, as with the mouse."""
    seen = visit("notebooks/01-memory.html")
    solution = seen.page.locator("details.solution").first
    assert solution.count(), "chapter 1 has no folded solution"
    assert solution.get_attribute("open") is None and not solution.locator("pre").first.is_visible()
    solution.locator("summary").focus()
    seen.page.keyboard.press("Enter")
    assert solution.get_attribute("open") is not None and solution.locator("pre").first.is_visible()
