"""Data that nobody on the project wrote: found, or the test says why it did not run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
DATA = CHECKOUT / os.environ.get("RAPPORT_DATA", "../shared/data")
REQUIRE_ALL = os.environ.get("RAPPORT_REQUIRE_ALL", "") == "1"


def given(path: str) -> Path:
    """A file or folder of the given data; where it is absent the test (or module) skips, or fails if all is required.

    May be called in a test, in a fixture and at the top of a module that parametrises over the data.
    """
    found = DATA / path
    if not found.exists():
        missing(f"given data {path} is absent: set RAPPORT_DATA to the folder that has it")
    return found


def missing(reason: str) -> NoReturn:
    """Something that a test needs is not on this machine: skip, or fail where everything is required."""
    __tracebackhide__ = True
    if REQUIRE_ALL:
        pytest.fail(f"{reason} (RAPPORT_REQUIRE_ALL=1 allows no skips)", pytrace=False)
    pytest.skip(reason, allow_module_level=True)
