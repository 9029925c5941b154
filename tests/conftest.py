import os
import shutil
import sys
from importlib.util import find_spec, module_from_spec, spec_from_file_location

import pytest
import torch
from hypothesis import settings

torch.set_num_threads(1)
settings.register_profile("tests", derandomize=True, deadline=None, database=None)
settings.load_profile("tests")


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def unhooked():
    """``implementation`` without the import hook that checks shapes: it raises before our own errors do."""
    spec = spec_from_file_location("unhooked", find_spec("implementation").origin)
    sys.modules["unhooked"] = module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def skip_or_fail(reason):
    """A laptop may do without the tests that need a browser. CI may not, or they would never run anywhere."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def find_chromium():
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


@pytest.fixture(scope="module")
def browser():
    path = find_chromium()
    if path is None:
        skip_or_fail("NO BROWSER RAN THIS: there is no Chromium; install it, or give its path in $CHROMIUM")
    from playwright.sync_api import sync_playwright

    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()
