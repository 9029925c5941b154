"""Open pages of the built site in Chromium, from disk and without a network: as a reader sees them."""

import os
import re
import shutil
from functools import cache
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from playwright.sync_api import sync_playwright

SITE = Path(__file__).parents[2] / "_build" / "html"
FILES = sorted(file.relative_to(SITE).as_posix() for file in SITE.rglob("*.html"))
PAGES = [file for file in FILES if not file.startswith("_static/") and file != "index.html"]  # that one only redirects
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 375, "height": 740}
PATIENCE = 120_000  # milliseconds, for a machine that has other things to do
RENDERED = "() => window.MathJax === undefined || (window.MathJax.startup?.promise?.then(() => true) ?? false)"


def skip_or_fail(reason):
    """A laptop may do without these tests. CI may not, or they would never run anywhere."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def find_chromium():
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


@pytest.fixture(scope="session")
def site():
    if not PAGES:
        skip_or_fail("NO SITE WAS TESTED: there is none in _build/html; build it with `make site`")


@pytest.fixture(scope="session")
def browser(site):
    """One for all tests: it takes longer to start than to show a page."""
    path = find_chromium()
    if path is None:
        skip_or_fail("NO BROWSER SAW THE SITE: there is no Chromium; install it, or give its path in $CHROMIUM")
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()


class Visit:
    """One page, opened in Chromium, and all that went wrong with it."""

    def __init__(self, browser, page, theme="light", size=DESKTOP, **options):
        self.page = browser.new_page(color_scheme=theme, viewport=size, offline=True, **options)
        self.page.set_default_timeout(PATIENCE)
        self.requests, self.complaints = [], []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("requestfailed", lambda request: self.complaints.append(f"failed: {request.url}"))
        self.page.on("pageerror", lambda error: self.complaints.append(f"script: {error}"))
        self.page.on("console", self.listen)
        path, mark, anchor = page.partition("#")
        self.page.goto((SITE / path).as_uri() + mark + anchor, wait_until="load")
        self.page.wait_for_function(RENDERED)

    def listen(self, message):
        if message.type in ("error", "warning"):
            self.complaints.append(f"console {message.type}: {message.text}")

    def count(self, selector):
        return self.page.locator(selector).count()

    def ask(self, script):
        return self.page.evaluate(script)

    def wait_for_theme(self, theme):
        """The theme follows what the reader's system asks for, if not at once."""
        self.page.wait_for_function(f"document.documentElement.dataset.theme === '{theme}'")
        red, green, blue = map(int, re.findall(r"\d+", self.ask("getComputedStyle(document.body).backgroundColor"))[:3])
        assert (red + green + blue < 150) == (theme == "dark")

    def assert_no_sideways_scroll(self):
        width = self.page.viewport_size["width"]
        assert self.ask("document.documentElement.scrollWidth") <= width, "the page scrolls sideways"


@pytest.fixture
def visit(browser):
    visits = []

    def open_page(*args):
        visits.append(Visit(browser, *args))
        return visits[-1]

    yield open_page
    for visit in visits:
        visit.page.close()


@cache
def soup(page):
    return BeautifulSoup((SITE / page).read_text(encoding="utf-8"), "html.parser")
