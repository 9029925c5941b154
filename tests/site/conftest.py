from browsing import browser, site, visit  # noqa: F401 (fixtures of the tests beside this file)
