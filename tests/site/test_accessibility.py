"""Every page of the built site for readers who see otherwise, use no mouse, or want nothing to move; light and dark."""

import json
import re
from importlib.util import find_spec
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from browsing import DESKTOP, PAGES, PHONE, SITE, Visit, soup
from matplotlib.colors import to_rgb
from PIL import Image

from course.plotting import BIT_MAP, STYLE, WEIGHT_MAP
from course.scrubber import TEMPLATE, scrubber

AXE = Path(find_spec("axe_playwright_python").origin).with_name("axe.min.js")
HEAVY = {"book/lab.html"}  # this page is the laboratory; all others stay below the weight
THEME_LOOKS_AGAIN = 1000  # milliseconds after a page's width has changed, for what does not fit any more
WEIGHT = 1_500_000  # bytes of a page with its own pictures, and without what all pages share

CONTROLS = Path(__file__).with_name("controls.js")  # asks a page about what can be used in it


@pytest.fixture(scope="module", params=PAGES)
def seen(request, browser):
    """A page, opened once for all tests of it, with all its folded parts open."""
    visit = Visit(browser, request.param)
    visit.page.add_script_tag(path=AXE)
    visit.page.add_script_tag(path=CONTROLS)
    visit.ask("document.querySelectorAll('article details').forEach((details) => { details.open = true })")
    yield visit
    visit.page.close()


def show(seen, theme="light", size=DESKTOP, motion="reduce"):
    """Without transitions, so that colours are what they come to be."""
    seen.page.emulate_media(color_scheme=theme, reduced_motion=motion)
    seen.page.set_viewport_size(size)
    seen.wait_for_theme(theme)


def violations(seen, **options):
    """What axe calls serious or critical, in a line each. No rule and no element is left out."""
    found = seen.ask(f"axe.run(document, {json.dumps({'resultTypes': ['violations'], **options})})")["violations"]
    grave = [rule for rule in found if rule["impact"] in ("serious", "critical")]
    return [f"{rule['id']}: {node['html'][:160]} {node['failureSummary']}" for rule in grave for node in rule["nodes"]]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(seen, theme):
    show(seen, theme)
    assert violations(seen) == []


def test_what_scrolls_on_a_phone_can_be_scrolled_with_keys(seen):
    show(seen, size=PHONE)
    seen.page.wait_for_timeout(THEME_LOOKS_AGAIN)
    assert violations(seen, runOnly=["scrollable-region-focusable"]) == []
    seen.assert_no_sideways_scroll()


def test_every_control_takes_the_focus_and_shows_it(seen):
    show(seen)
    seen.page.keyboard.press("Tab")  # from now on the browser shows where the focus is
    assert seen.ask("withoutFocus()") == []
    assert seen.ask("forMiceOnly()") == []


def test_nothing_moves_where_the_reader_wants_no_motion(seen):
    show(seen, motion="reduce")
    assert seen.ask("moving()") == []


@pytest.mark.parametrize("page", ["book/intro.html", "notebooks/01-memory.html"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious_on_a_phone(visit, page, theme):
    seen = visit(page, theme, PHONE)
    show(seen, theme, PHONE)
    seen.page.add_script_tag(path=AXE)
    assert violations(seen) == []


def test_a_page_can_be_walked_through_with_the_tab_key(visit):
    """Every control has its turn, and the focus is nowhere caught."""
    seen = visit("notebooks/01-memory.html")
    seen.page.add_script_tag(path=CONTROLS)
    seen.ask("window.reached = new Set(); document.addEventListener('focusin', (event) => reached.add(event.target))")
    wanted = seen.ask("controls().length")
    for _ in range(2 * wanted):
        seen.page.keyboard.press("Tab")
        if seen.ask("document.activeElement === document.body"):
            break
    assert wanted > 30
    assert seen.ask("missed(reached)") == []


def press(seen, selector, key="Enter"):
    control = seen.page.locator(f"{selector}:visible").first
    control.focus()
    seen.page.keyboard.press(key)


def test_theme_search_and_sidebars_answer_to_keys(visit):
    seen = visit("notebooks/01-memory.html")
    show(seen)
    mode = seen.ask("document.documentElement.dataset.mode")
    press(seen, "button.theme-switch-button")
    seen.page.wait_for_function(f"document.documentElement.dataset.mode !== '{mode}'")
    press(seen, "button.search-button__button")
    seen.page.wait_for_function("document.activeElement.matches('input[type=search]')")
    seen.page.keyboard.press("Escape")
    seen.page.wait_for_function("!document.activeElement.matches('input[type=search]')")
    width = "document.querySelector('main').getBoundingClientRect().left"
    before = seen.ask(width)
    press(seen, "button.primary-toggle")
    seen.page.wait_for_function(f"{width} !== {before}")


def test_the_menu_of_a_phone_answers_to_keys(visit):
    seen = visit("notebooks/01-memory.html", "light", PHONE)
    show(seen, size=PHONE)
    chapter = seen.page.locator("a[href='02-content-addressing.html']:visible")
    press(seen, "button.primary-toggle")
    seen.page.wait_for_selector("nav.bd-links a[href='02-content-addressing.html']", state="visible")
    assert chapter.count()
    seen.page.keyboard.press("Escape")
    seen.page.wait_for_selector("nav.bd-links a[href='02-content-addressing.html']", state="hidden")


# --- Pictures to scrub through


@pytest.fixture
def scrubbing(visit):
    """A page with a scrubber of four frames, and what its slider stands at."""
    frames = [f"data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' id='f{i}'/>" for i in range(4)]
    seen = visit("genindex.html")
    seen.page.emulate_media(reduced_motion="no-preference")

    def start(motion):
        seen.page.emulate_media(reduced_motion=motion)
        seen.page.set_content(scrubber(frames, "run", "A run"))
        return seen.page

    return start


def step(page):
    shown = page.evaluate("document.querySelector('img').src.match(/f(\\d)/)[1]")
    assert shown == page.locator("output").inner_text() == page.locator("input").input_value()
    return int(shown)


def test_a_scrubber_plays_and_stops(scrubbing):
    page = scrubbing("no-preference")
    button = page.get_by_role("button", name="Play")
    button.press("Enter")
    page.wait_for_function("document.querySelector('output').textContent === '2'")
    page.get_by_role("button", name="Stop").press("Enter")
    stopped = step(page)
    page.wait_for_timeout(1100)
    assert step(page) == stopped
    page.get_by_role("slider", name="Time step").press("Home")
    assert step(page) == 0
    page.keyboard.press("ArrowRight")
    assert step(page) == 1


def test_a_scrubber_does_not_play_where_the_reader_wants_no_motion(scrubbing):
    page = scrubbing("reduce")
    button = page.get_by_role("button", name="Next step")
    for expected in (1, 2):
        button.press("Enter")
        page.wait_for_timeout(1100)
        assert step(page) == expected


def test_a_playing_scrubber_stops_when_the_reader_asks_for_no_motion(scrubbing):
    page = scrubbing("no-preference")
    page.get_by_role("button", name="Play").press("Enter")
    page.emulate_media(reduced_motion="reduce")
    page.get_by_role("button", name="Next step").wait_for()
    stopped = step(page)
    page.wait_for_timeout(1100)
    assert step(page) == stopped


@pytest.mark.parametrize("page", [page for page in PAGES if page.startswith("notebooks/")])
def test_scrubbers_stored_in_chapters_are_todays(site, page):
    """They are written when a notebook runs: after a change of course/scrubber.py it must run again."""

    def behaviour(text):
        return text.partition("const still")[2].removesuffix("</script>").strip()

    today = behaviour(TEMPLATE.format(name="", label="", alt="", first="", last=0, frames=""))
    for box in soup(page).select(".ntm-scrubber"):
        assert behaviour(box.find_next("script").string) == today
        assert box["role"] == "group" and box["aria-label"] and box.select_one("label input")


# --- Figures


def luminance(colour):
    """Relative luminance, as the WCAG define it, of a colour of three parts from 0 to 1."""
    parts = np.asarray(colour)
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]


def contrast(one, other):
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def filtered(colour, filters):
    """A colour after a CSS filter such as ``brightness(0.8) contrast(1.2)``."""
    values = np.asarray(colour, dtype=float)
    for name, amount in re.findall(r"(\w+)\(([\d.]+)\)", filters):
        assert name in ("brightness", "contrast"), f"what does {name} do to contrasts?"
        values = values * float(amount) if name == "brightness" else (values - 0.5) * float(amount) + 0.5
        values = values.clip(0, 1)
    return values


def test_contrast_is_measured_as_the_guidelines_do():
    assert contrast((0, 0, 0), (1, 1, 1)) == pytest.approx(21)
    assert contrast(to_rgb("#777777"), (1, 1, 1)) == pytest.approx(4.48, abs=0.005)
    assert filtered((0.5, 1, 0), "brightness(0.8) contrast(1.2)") == pytest.approx([0.38, 0.86, 0])


def test_figures_are_legible_light_and_dark(visit):
    """Text 4.5 to 1; lines and full bars, bits and weights 3 to 1; in the dark after the theme has dimmed them."""
    seen = visit("notebooks/01-memory.html")
    with plt.rc_context({**plt.rcParamsDefault, **STYLE}):
        settings = dict(plt.rcParams)
    names = ("text.color", "axes.labelcolor", "xtick.color", "ytick.color")
    texts = [to_rgb(settings[name]) for name in (*names, "axes.edgecolor")]
    marks = [to_rgb(colour) for colour in settings["axes.prop_cycle"].by_key()["color"]]
    marks += [plt.get_cmap(BIT_MAP)(1.0)[:3], plt.get_cmap(WEIGHT_MAP)(1.0)[:3]]
    marks += [plt.get_cmap(settings["image.cmap"])(end)[:3] for end in (0.0, 1.0)]
    for theme in ("light", "dark"):
        show(seen, theme)
        filters = seen.ask("getComputedStyle(document.querySelector('.cell_output img')).filter")
        assert (filters == "none") == (theme == "light")
        for ground in (settings["figure.facecolor"], settings["axes.facecolor"]):
            paper = filtered(to_rgb(ground), filters)
            assert min(contrast(filtered(colour, filters), paper) for colour in texts) >= 4.5
            assert min(contrast(filtered(colour, filters), paper) for colour in marks) >= 3


def test_figures_bring_their_background_along(site):
    """A picture that lets a dark page through would hide its black text."""
    pictures = sorted((SITE / "_images").iterdir())
    assert len(pictures) > 40
    for path in pictures:
        if path.suffix == ".svg":
            first = soup(path.relative_to(SITE).as_posix()).select_one("svg > rect")
            frame = first.parent["viewbox" if first.parent.has_attr("viewbox") else "viewBox"].split()
            assert (first["fill"], first["width"], first["height"]) == ("#ffffff", *frame[2:]), path.name
        else:
            opaque = Image.open(path).convert("RGBA").getchannel("A").getextrema()
            assert opaque == (255, 255), f"{path.name} lets the page through"


# --- Weight


@pytest.mark.parametrize("page", [page for page in PAGES if page not in HEAVY])
def test_a_page_is_not_heavy(site, page):
    """Pictures in data addresses are in the page's own bytes."""
    own = {image["src"] for image in soup(page).select("img[src]") if not image["src"].startswith("data:")}
    files = [SITE / page, *((SITE / page).parent / source for source in own)]
    assert sum(file.stat().st_size for file in files) < WEIGHT
