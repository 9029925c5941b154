import sys
from importlib.util import find_spec, module_from_spec, spec_from_file_location

import pytest
import torch
from hypothesis import settings

torch.set_num_threads(1)
collect_ignore = ["toys_to_import.py"]  # adds to the registries, which other tests read
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
